"""A whole group spread better: few moves that bring loaded hosts below a bound; pure, the same for the same estate."""

from collections.abc import Sequence

import numpy as np

from engine.estate import reading
from engine.model.estate import Estate, LiveVm
from engine.model.placement import Capacity, Rule
from engine.model.plan import Move, Plan, Unplaced
from engine.placement import binding, fitting
from engine.placement.binding import Purpose
from engine.placement.reassignment.problem import Problem, listed

SCALE = 10**8
"""The price of a whole host's CPU, or memory, above the bound."""
WORTH = 0.05
"""A VM moves only for more relief than this share of its own memory: a migration is work too."""
STEPS_PER_VM, LEAST, MOST = 2_000, 200_000, 3_000_000


def rebalance(estate: Estate, group: str, below: float) -> Plan:
    """Moves after which no host is above `below` of its CPU and memory, as far as that can be.

    They may be made in any order, or side by side: each host has room for everybody who comes even while nobody has
    left yet. Rules hold as in every balancing; a VM of several `apart` rules, or one that stays together with others,
    stays where it is.
    """
    hosts = [name for name in reading.members(estate, group) if reading.is_healthy(estate, name)]
    homes = [(vm, number) for number, name in enumerate(hosts) for vm in reading.running_vms(estate, name)]
    if len(hosts) < 2 or not homes:
        en = f"{group} has fewer than two healthy hosts, or no running VM"
        return Plan(unplaced=(Unplaced(vm="-", en=en, ja=f"{group} に再配置の余地がない"),))
    from engine.placement.reassignment import improving

    found = improving.improved(_problem(estate, hosts, homes, below), min(MOST, max(LEAST, STEPS_PER_VM * len(homes))))
    moves = tuple(
        Move(vm=vm, source=hosts[home], target=hosts[int(target)])
        for (vm, home), target in zip(homes, found.assignment, strict=True)
        if int(target) != home
    )
    if moves:
        return Plan(moves=tuple(sorted(moves, key=lambda move: (-move.vm.cpu_used_mhz, move.vm.name))))
    en = f"no move would bring the hosts of {group} nearer to {below:.0%}"
    return Plan(unplaced=(Unplaced(vm="-", en=en, ja=f"{group} で移動の効果がある VM がない"),))


def _problem(estate: Estate, hosts: Sequence[str], homes: Sequence[tuple[LiveVm, int]], below: float) -> Problem:
    vms, home = [vm for vm, _ in homes], np.array([number for _, number in homes], dtype=np.int64)
    places = [estate.site.standings[name] for name in hosts]
    valued = estate.site.placements[places[0].group].capacity
    columns = slice(0, 2 if valued is None else 3)  # CPU, memory, and the site's own units where it has them
    of = valued or Capacity()
    demand = np.array([(*fitting.needs(vm), of.of(vm.name)) for vm in vms], dtype=np.int64)[:, columns]
    used = np.zeros((len(hosts), demand.shape[1]), dtype=np.int64)
    np.add.at(used, home, demand)
    live = [estate.hosts[name] for name in hosts]
    sizes = [(one.cpu_mhz, one.memory_mb, fitting.worth(at, of)) for one, at in zip(live, places, strict=True)]
    whole = np.array(sizes, dtype=np.int64)[:, columns]
    own = np.array([(one.cpu_used_mhz, 0, 0) for one in live], dtype=np.int64)[:, columns] - used
    capacity = np.maximum(whole - np.maximum(own, 0), used)  # what the hypervisor itself takes is not there for VMs
    weight = np.maximum(1, SCALE // np.maximum(1, whole.mean(axis=0))).astype(np.int64)
    weight[2:] = 0  # a host that is worth less does not cost while its VMs fit
    safety = np.minimum((below * whole).astype(np.int64) - np.maximum(own, 0), capacity)
    safety[:, 2:] = capacity[:, 2:]
    rules = [estate.site.placements[estate.site.standings[name].group].rules for name in hosts]
    groups = _groups(rules[0], vms)
    none = listed([()] * (max(groups) + 1))
    return Problem(
        transient=np.ones(demand.shape[1], dtype=np.bool_),
        weight=weight,
        capacity=capacity,
        safety=safety,
        area=np.zeros(len(hosts), dtype=np.int64),
        rack=np.zeros(len(hosts), dtype=np.int64),
        way=np.zeros((len(hosts), len(hosts)), dtype=np.int64),
        group=np.array(groups, dtype=np.int64),
        demand=demand,
        moving=demand[:, 1],
        allowed=np.array([_allowed(estate, rules[0], vm, hosts, at) for vm, at in homes]),
        home=home,
        spread=np.zeros(max(groups) + 1, dtype=np.int64),
        needs=none,
        needed=none,
        balance=np.zeros((0, 4), dtype=np.int64),
        prices=np.array([max(1, int(WORTH * weight[1])), 0, 0], dtype=np.int64),
    )


def _apart(rules: Sequence[Rule], vm: LiveVm) -> list[int]:
    return [number for number, rule in enumerate(rules) if rule.apart and rule.covers(vm.name)]


def _groups(rules: Sequence[Rule], vms: Sequence[LiveVm]) -> list[int]:
    """A number for each VM; those that must not meet share one."""
    known = [_apart(rules, vm) for vm in vms]
    return [of[0] if of else len(rules) + number for number, of in enumerate(known)]


def _allowed(estate: Estate, rules: Sequence[Rule], vm: LiveVm, hosts: Sequence[str], at: int) -> list[bool]:
    """Where it may be: at home, and wherever rules, vCenter and storage let it go."""
    beside = [one.name for one in reading.running_vms(estate, hosts[at])]
    stays = binding.held(rules, vm.name, Purpose.BALANCE) or binding.companions(rules, vm.name, beside)
    if stays or len(_apart(rules, vm)) > 1:
        return [number == at for number in range(len(hosts))]
    own = set(binding.order_of(hosts, rules, vm.name, Purpose.BALANCE)[0])
    return [
        number == at or (name in own and estate.hosts[name].vcenter == vm.vcenter and fitting.reaches(estate, vm, name))
        for number, name in enumerate(hosts)
    ]
