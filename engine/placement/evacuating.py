"""Where the VMs of one host go: the roomiest host that fits, largest VM first; what does not fit is said out loud."""

from collections.abc import Iterable

from engine.estate import reading
from engine.model.estate import Estate, LiveVm
from engine.model.plan import Move, Plan, Unplaced
from engine.placement import fitting
from engine.placement.fitting import Room


def evacuate(
    estate: Estate, source: str, vms: Iterable[LiveVm] | None = None, ceiling: float = 1.0, only: str | None = None
) -> Plan:
    """A target for each VM that runs on `source` (or for the given ones), or the reason why it has none.

    Worst fit decreasing: the largest VM first, each to the host with most free memory; ties go by name, so the
    same estate always gives the same plan. No host is filled above the share `ceiling` of its CPU and memory. `only`:
    the one host that they may go to.
    """
    free = fitting.rooms(estate, source, ceiling)
    if only is not None:
        free = {name: room for name, room in free.items() if name == only}
    chosen = sorted(reading.running_vms(estate, source) if vms is None else vms, key=lambda v: (-v.memory_mb, v.name))
    moves: list[Move] = []
    unplaced: list[Unplaced] = []
    for vm in chosen:
        target, refusals = _best(estate, vm, free)
        if target is None:
            en = "; ".join(en for en, _ in refusals) or _nowhere(estate, source, only)[0]
            ja = "、".join(ja for _, ja in refusals) or _nowhere(estate, source, only)[1]
            unplaced.append(Unplaced(vm=vm.name, en=en, ja=ja))
            continue
        free[target.host] = target.less(vm)
        moves.append(Move(vm=vm, source=source, target=target.host))
    return Plan(moves=tuple(moves), unplaced=tuple(unplaced))


def _nowhere(estate: Estate, source: str, only: str | None) -> tuple[str, str]:
    """Why there is no host at all to go to."""
    if only is None:
        return f"no healthy host is left beside {source}", f"{source} 以外に正常なホストがない"
    if only == source:
        return f"it is on {only} already", f"既に {only} 上にある"
    place, home = estate.site.standings.get(only), estate.site.standings.get(source)
    if place is None:
        return f"{only} is no host of the estate", f"{only} は未登録のホスト"
    if home is None or place.host.vcenter != home.host.vcenter:
        return f"{only} is in another vCenter than {source}", f"{only} は {source} と別の vCenter に属する"
    if place.group != home.group:
        return f"{only} is in group {place.group}, not with {source} in {home.group}", f"{only} は別グループ"
    status = reading.status_of(estate, only)
    why = f"marked {status}" if status != reading.READY else "not connected, off or in maintenance"
    return f"{only} takes no VMs: it is {why}", f"{only} は受け入れ不可"


def _best(estate: Estate, vm: LiveVm, free: dict[str, Room]) -> tuple[Room | None, list[tuple[str, str]]]:
    refusals: list[tuple[str, str]] = []
    for room in sorted(free.values(), key=lambda room: (-room.memory_mb, room.host)):
        reason = fitting.against(estate, vm, room)
        if reason is None:
            return room, []
        refusals.append(reason)
    return None, refusals
