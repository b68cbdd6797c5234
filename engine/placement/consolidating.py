"""Low load: which host of a group can be emptied and switched off, so that what is left still stands a failure."""

from dataclasses import dataclass

from engine.estate import reading
from engine.model.estate import Estate, LiveVm, Power
from engine.model.plan import Move, Plan, Unplaced
from engine.placement import evacuating, fitting
from engine.placement.binding import Purpose
from engine.placement.evacuating import Wish


@dataclass(frozen=True, slots=True)
class Packing:
    """One host to empty, and where its VMs go; no host: `plan.unplaced` says why not."""

    host: str | None
    plan: Plan
    stays_on: bool = False
    """It stays on without VMs, as the reserve."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What must be left over."""

    below: float = 0.60
    """Share of CPU and of memory that no host may be filled above by the packing."""
    spare: int = 1
    """So many of the hosts that stay on could be emptied within `below` too."""


def pack(estate: Estate, group: str, bounds: Bounds, empty: int = 0) -> Packing:
    """The least loaded healthy host whose VMs, running or off, all fit elsewhere; greedy, the same for the same estate.

    What stays on keeps its reserve (safety rule S12): any one of those hosts may fail and its running VMs still fit on
    the others, and `spare` of them could be emptied as well. As long as fewer than `empty` hosts are on without VMs,
    the one that is emptied next stays on: it is the reserve itself.
    """
    healthy = sorted(
        (name for name in reading.members(estate, group) if reading.is_healthy(estate, name)),
        key=lambda name: (_running_memory(estate, name), estate.hosts[name].cpu_used_mhz, name),
    )
    bound = frozenset(uuid for uuid, vm in estate.vms.items() if _is_bound(estate, vm, healthy))
    refusals: list[Unplaced] = []
    idle = [name for name in healthy if not reading.running_vms(estate, name)]
    if len(idle) < empty:
        return _emptied(estate, [name for name in healthy if name not in idle], bounds)
    for host in healthy:
        plan = evacuating.evacuate(estate, host, reading.vms_on(estate, host), Wish(Purpose.BALANCE, bounds.below))
        left = _without(estate, host, plan)
        against = plan.unplaced[0] if plan.unplaced else _reserve(left, group, host, bounds, bound)
        if against is None:
            return Packing(host, plan)
        refusals.append(against)
    nobody = Unplaced(vm="-", en=f"group {group} has no healthy host", ja=f"グループ {group} に正常なホストがない")
    return Packing(None, Plan(unplaced=tuple(refusals[:1]) or (nobody,)))


def _emptied(estate: Estate, busy: list[str], bounds: Bounds) -> Packing:
    """The first of these whose running VMs all fit on the other busy ones; it stays on."""
    refusals: list[Unplaced] = []
    others = estate.model_copy(update={"hosts": {name: estate.hosts[name] for name in busy}})
    for host in busy:
        plan = evacuating.evacuate(others, host, wish=Wish(Purpose.BALANCE, bounds.below))
        if not plan.unplaced:
            return Packing(host, plan, stays_on=True)
        refusals += plan.unplaced[:1]
    nobody = Unplaced(vm="-", en="no host carries VMs that fit on another one", ja="集約できるホストがない")
    return Packing(None, Plan(unplaced=tuple(refusals[:1]) or (nobody,)))


def _is_bound(estate: Estate, vm: LiveVm, healthy: list[str]) -> bool:
    """Its files are where no second host sees them: no reserve helps it, whoever stays on."""
    return sum(fitting.reaches(estate, vm, name) for name in healthy) < 2


def _reserve(left: Estate, group: str, host: str, bounds: Bounds, bound: frozenset[str]) -> Unplaced | None:
    """Why the group could not do without this host, or None."""
    staying = [name for name in reading.members(left, group) if reading.is_healthy(left, name)]
    if not staying:
        en = f"{host} is the last healthy host of {group}"
        return Unplaced(vm="-", en=en, ja=f"{host} は {group} の最後の正常ホスト")
    for name in staying:
        free = [vm for vm in reading.running_vms(left, name) if vm.instance_uuid not in bound]
        lost = evacuating.evacuate(left, name, free, Wish(Purpose.RESCUE)).unplaced
        if lost:
            en = f"without {host} the failure of {name} would leave {len(lost)} VM(s) without a place: {lost[0].en}"
            return Unplaced(vm="-", en=en, ja=f"{host} なしでは {name} の障害時に VM を再配置できない")
    for number in range(1, bounds.spare + 1):
        emptied = _least(left, group, bounds)
        if emptied is None:
            could = f"only {number - 1} of {bounds.spare} spare host(s) could be emptied below {bounds.below:.0%}"
            en = f"without {host} {could}"
            return Unplaced(vm="-", en=en, ja=f"{host} なしでは予備 {bounds.spare} 台を確保できない")
        left = emptied
    return None


def _least(estate: Estate, group: str, bounds: Bounds) -> Estate | None:
    """The estate with one more host emptied, or None if none can be."""
    names = [name for name in reading.members(estate, group) if reading.is_healthy(estate, name)]
    for name in sorted(names, key=lambda name: (_running_memory(estate, name), name)):
        plan = evacuating.evacuate(estate, name, wish=Wish(ceiling=bounds.below))
        if not plan.unplaced and len(names) > 1:
            return _without(estate, name, plan)
    return None


def _without(estate: Estate, host: str, plan: Plan) -> Estate:
    """The estate after these moves, the host gone."""
    vms, hosts = dict(estate.vms), {name: live for name, live in estate.hosts.items() if name != host}
    for move in plan.moves:
        vms[move.vm.instance_uuid] = _at(estate, move)
        target = hosts[move.target]
        load = move.vm.cpu_used_mhz if move.vm.power is Power.ON else 0
        hosts[move.target] = target.model_copy(update={"cpu_used_mhz": target.cpu_used_mhz + load})
    return estate.model_copy(update={"vms": vms, "hosts": hosts})


def _at(estate: Estate, move: Move) -> LiveVm:
    return move.vm.model_copy(update={"host": reading.inventory_name(estate, move.target)})


def _running_memory(estate: Estate, host: str) -> int:
    return sum(vm.memory_mb for vm in reading.running_vms(estate, host))
