"""Where the VMs of one host go: the roomiest host that fits, largest VM first; what does not fit is said out loud."""

from collections.abc import Iterable

from engine.estate import reading
from engine.model.estate import Estate, LiveVm
from engine.model.plan import Move, Plan, Unplaced
from engine.placement import fitting
from engine.placement.fitting import Room


def evacuate(estate: Estate, source: str, vms: Iterable[LiveVm] | None = None, ceiling: float = 1.0) -> Plan:
    """A target for each VM that runs on `source` (or for the given ones), or the reason why it has none.

    Worst fit decreasing: the largest VM first, each to the host with most free memory; ties go by name, so the
    same estate always gives the same plan. No host is filled above the share `ceiling` of its CPU and memory.
    """
    free = fitting.rooms(estate, source, ceiling)
    chosen = sorted(reading.running_vms(estate, source) if vms is None else vms, key=lambda v: (-v.memory_mb, v.name))
    moves: list[Move] = []
    unplaced: list[Unplaced] = []
    for vm in chosen:
        target, refusals = _best(estate, vm, free)
        if target is None:
            en = "; ".join(en for en, _ in refusals) or f"no healthy host is left beside {source}"
            ja = "、".join(ja for _, ja in refusals) or f"{source} 以外に正常なホストがない"
            unplaced.append(Unplaced(vm=vm.name, en=en, ja=ja))
            continue
        free[target.host] = target.less(vm)
        moves.append(Move(vm=vm, source=source, target=target.host))
    return Plan(moves=tuple(moves), unplaced=tuple(unplaced))


def _best(estate: Estate, vm: LiveVm, free: dict[str, Room]) -> tuple[Room | None, list[tuple[str, str]]]:
    refusals: list[tuple[str, str]] = []
    for room in sorted(free.values(), key=lambda room: (-room.memory_mb, room.host)):
        reason = fitting.against(estate, vm, room)
        if reason is None:
            return room, []
        refusals.append(reason)
    return None, refusals
