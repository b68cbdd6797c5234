"""Evacuation and consolidation plans for large estates: how fast, and how near to the best that can be.

Two estates from a seed, hosts of 1 TiB with VMs of 1 to 42 GiB: 64 hosts with 2,000 VMs, 113 hosts with 15,800 VMs. The
objective is the evenness of memory, the sum of squared shares over the hosts, which an evacuation is to raise as little
as possible; its bound is the same load poured like water over the emptiest hosts. The peer of the same run is the plain
rule "largest VM to the first host that takes it".
"""

import random
import statistics
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from benchmarks import worlds
from engine.model.estate import Connection, Estate, LiveDatastore, LiveHost, LiveVm, Power, Site
from engine.model.plan import Move
from engine.placement import consolidating, evacuating
from engine.placement.binding import Purpose
from engine.placement.consolidating import Bounds
from engine.placement.evacuating import Wish

GIB = 1024
HOST_MB, HOST_MHZ = 1024 * GIB, 64 * 2600
SIZES = ((2 * GIB, 300), (4 * GIB, 500), (8 * GIB, 900), (16 * GIB, 1500), (32 * GIB, 2500))
WEIGHTS = (30, 30, 20, 15, 5)
SEED = 1
T = TypeVar("T")


def run() -> dict[str, object]:
    """Seconds and gaps."""
    small, large = estate(64, 2000, 1.0), estate(113, 15800, 0.7)
    begun = [
        _timed(lambda: evacuating.evacuate(small, "esx0", wish=Wish(Purpose.RESCUE, thorough=True))) for _ in range(5)
    ]
    plan = begun[0][1]
    bound = least(small, "esx0")
    gaps = [100 * (evenness(small, one) / bound - 1) for one in (plan.moves, first_fit(small, "esx0"))]
    whole, packed = _timed(lambda: consolidating.pack(large, "bench", Bounds(below=0.9, spare=1)))
    every, _ = _timed(lambda: [evacuating.evacuate(large, f"esx{n}") for n in range(113)])
    return {
        "benchmark": "placement",
        "evacuate_1_of_64_hosts_2000_vms": {
            "moves": len(plan.moves),
            "unplaced": len(plan.unplaced),
            "first_plan_seconds": round(statistics.median(seconds for seconds, _ in begun), 4),
            "objective_gap_to_the_bound_percent": round(gaps[0], 4),
            "objective_gap_of_first_fit_percent": round(gaps[1], 4),
        },
        "plan_113_hosts_15800_vms": {
            "consolidation_with_reserve_seconds": round(whole, 2),
            "host_to_empty": packed.host,
            "moves": len(packed.plan.moves),
            "evacuation_of_every_host_once_seconds": round(every, 2),
        },
    }


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def estate(hosts: int, vms: int, scale: float) -> Estate:
    """So many hosts of one group and so many VMs, spread as a site that grew spreads them."""
    rng = random.Random(SEED)  # noqa: S311  a benchmark's estate, the same every time
    used = [[0, 0] for _ in range(hosts)]
    found = {}
    for number in range(vms):
        memory, cpu = rng.choices(SIZES, WEIGHTS)[0]
        memory, cpu = int(scale * memory * rng.uniform(0.7, 1.3)), int(cpu * rng.uniform(0.1, 0.9))
        home = min(rng.sample(range(hosts), 3), key=lambda one: used[one][0])
        used[home][0] += memory
        used[home][1] += cpu
        found[f"u{number}"] = _vm(number, home, memory, cpu)
    names = tuple(f"esx{number}" for number in range(hosts))
    live = {name: _host(name, used[number][1]) for number, name in enumerate(names)}
    store = LiveDatastore(
        name="san1", ref="san1", vcenter="vc1", url="san1", accessible=True, shared=True, capacity_mb=1, free_mb=1,
        hosts=names,
    )  # fmt: skip
    return Estate(site=_one_group(worlds.site(hosts)), hosts=live, vms=found, datastores={"san1": store})


def _one_group(site: Site) -> Site:
    (category,) = site.categories
    hosts = tuple(host for group in category.groups for host in group.hosts)
    group = category.groups[0].model_copy(update={"name": "bench", "hosts": hosts})
    return site.model_copy(update={"categories": (category.model_copy(update={"groups": (group,)}),)})


def _vm(number: int, home: int, memory: int, cpu: int) -> LiveVm:
    name = f"VM-{number:05d}"
    return LiveVm(
        name=name, ref=f"vm-{number}", vcenter="vc1", instance_uuid=f"u{number}", host=f"esx{home}", power=Power.ON,
        connection=Connection.CONNECTED, path=f"[san1] {name}/{name}.vmx", datastores=("san1",), cpus=2,
        memory_mb=memory, cpu_used_mhz=cpu,
    )  # fmt: skip


def _host(name: str, used: int) -> LiveHost:
    return LiveHost(
        name=name, ref=name, vcenter="vc1", uuid=f"uuid-{name}", connection=Connection.CONNECTED, power=Power.ON,
        maintenance=False, cpu_mhz=HOST_MHZ, memory_mb=HOST_MB, cpu_used_mhz=used, datastores=("san1",),
    )  # fmt: skip


def _loads(world: Estate) -> dict[str, int]:
    loads = dict.fromkeys(world.hosts, 0)
    for vm in world.vms.values():
        loads[str(vm.host)] += vm.memory_mb
    return loads


def evenness(world: Estate, moves: Iterable[Move]) -> float:
    """The objective after these moves."""
    loads = _loads(world)
    for move in moves:
        loads[move.source] -= move.vm.memory_mb
        loads[move.target] += move.vm.memory_mb
    return sum((load / HOST_MB) ** 2 for load in loads.values())


def least(world: Estate, source: str) -> float:
    """The objective if what runs on `source` were water: below this nothing can come."""
    loads = _loads(world)
    pour, levels = loads.pop(source), sorted(loads.values())
    for count in range(1, len(levels) + 1):
        level = (pour + sum(levels[:count])) / count
        if count == len(levels) or level <= levels[count]:
            return sum((max(level, one) / HOST_MB) ** 2 for one in levels)
    return 0.0


def first_fit(world: Estate, source: str) -> list[Move]:
    """The peer."""
    loads, moves = _loads(world), []
    for vm in sorted((vm for vm in world.vms.values() if vm.host == source), key=lambda vm: -vm.memory_mb):
        target = next(name for name in loads if name != source and loads[name] + vm.memory_mb <= HOST_MB)
        loads[target] += vm.memory_mb
        moves.append(Move(vm=vm, source=source, target=target))
    return moves
