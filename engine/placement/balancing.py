"""High load: which VM leaves, and where to. One move at a time; the next measurement judges it."""

from engine.estate import reading
from engine.model.estate import Estate, LiveVm
from engine.model.placement import Rule
from engine.model.plan import Move, Plan, Unplaced
from engine.placement import binding, fitting
from engine.placement.binding import Purpose
from engine.placement.fitting import Room

ROOM_LEFT = 0.8
"""A target may not be filled above this share of its CPU: the move would only carry the alarm with it."""


def relieve(estate: Estate, source: str, share: float, count: int = 1) -> Plan:
    """Up to `count` moves that bring the host's CPU to at most `share` of its capacity.

    Chosen is the smallest VM whose leaving suffices, else the largest that fits anywhere (SigmaSystemCenter moves VMs
    off a loaded server one at a time, Data Reference Guide, LoadBalanceVMServer). A VM that would only move the
    overload to its target is not moved.
    """
    live = estate.hosts.get(source)
    if live is None:
        return Plan(unplaced=(Unplaced(vm="-", en=f"the load of {source} is unknown", ja=f"{source} の負荷不明"),))
    excess = live.cpu_used_mhz - share * live.cpu_mhz
    candidates = sorted(reading.running_vms(estate, source), key=lambda vm: (vm.cpu_used_mhz, vm.name))
    enough = [vm for vm in candidates if vm.cpu_used_mhz >= excess]
    candidates = [vm for vm in candidates if _may_leave(estate, source, vm)]
    enough = [vm for vm in enough if vm in candidates]
    order = enough + [vm for vm in reversed(candidates) if vm not in enough and vm.cpu_used_mhz > 0]
    free = fitting.rooms(estate, source)
    moves: list[Move] = []
    unplaced: list[Unplaced] = []
    for vm in order:
        if len(moves) == count:
            break
        found = _target(estate, source, vm, free)
        if isinstance(found, Unplaced):
            unplaced.append(found)
            continue
        free[found.host] = found.less(vm)
        moves.append(Move(vm=vm, source=source, target=found.host))
    if not moves and not unplaced:
        en, ja = f"no running VM of {source} has a known load", f"{source} に負荷の分かる VM がない"
        unplaced.append(Unplaced(vm="-", en=en, ja=ja))
    return Plan(moves=tuple(moves), unplaced=() if moves else tuple(unplaced))


def _rules(estate: Estate, source: str) -> tuple[Rule, ...]:
    home = estate.site.standings.get(source)
    return estate.site.placements[home.group].rules if home is not None else ()


def _may_leave(estate: Estate, source: str, vm: LiveVm) -> bool:
    """No rule keeps it where it is, and it leaves nobody behind that it stays together with."""
    rules, beside = _rules(estate, source), [one.name for one in reading.running_vms(estate, source)]
    return not binding.held(rules, vm.name, Purpose.BALANCE) and not binding.companions(rules, vm.name, beside)


def _target(estate: Estate, source: str, vm: LiveVm, free: dict[str, Room]) -> Room | Unplaced:
    reasons: list[tuple[str, str]] = []
    rules = _rules(estate, source)
    coolest = [room.host for room in sorted(free.values(), key=lambda room: (-room.cpu_mhz, room.host))]
    for name in binding.order_of(coolest, rules, vm.name, Purpose.BALANCE)[0]:
        room, capacity = free[name], estate.hosts[name].cpu_mhz
        there = [one.name for one in reading.running_vms(estate, name)]
        reason = fitting.against(estate, vm, room) or binding.against(rules, vm.name, there, Purpose.BALANCE)
        if reason is None and room.cpu_mhz - vm.cpu_used_mhz < (1 - ROOM_LEFT) * capacity:
            share = f"{ROOM_LEFT:.0%}"
            reason = (f"{vm.name} would load {room.host} above {share}", f"{room.host} が {share} を超える")
        if reason is None:
            return room
        reasons.append(reason)
    en = "; ".join(en for en, _ in reasons) or "no other healthy host in the group"
    return Unplaced(vm=vm.name, en=en, ja="、".join(ja for _, ja in reasons) or "移動先なし")
