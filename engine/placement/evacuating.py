"""Where the VMs of one host go: the roomiest host that fits, largest VM first; what does not fit is said out loud."""

from collections.abc import Iterable
from dataclasses import dataclass

from engine.estate import reading
from engine.model.estate import Estate, LiveVm, Power
from engine.model.placement import Rule
from engine.model.plan import Move, Plan, Unplaced
from engine.placement import binding, fitting, packing
from engine.placement.binding import Purpose
from engine.placement.packing import Puzzle

NO_ROOM = ("the hosts that could take it are filled by larger VMs", "受け入れ可能なホストは他の VM で満杯")
SHOWN = 3
"""Refusals that are told, the roomiest hosts' first."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How VMs are to be placed."""

    purpose: Purpose = Purpose.EVACUATE
    ceiling: float = 1.0
    """No host is filled above this share of its CPU and memory."""
    only: str | None = None
    """The one host that they may go to."""
    unruled: bool = False
    """A person set the placement rules aside."""
    thorough: bool = False
    """Where VMs are left without a place, let a solver try for about two seconds."""


def evacuate(estate: Estate, source: str, vms: Iterable[LiveVm] | None = None, wish: Wish = Wish()) -> Plan:
    """A target for each VM that runs on `source` (or for the given ones), or the reason why it has none.

    Worst fit decreasing: the largest VM first, each to the host with most free memory; ties go by name, so the
    same estate always gives the same plan. The site's placement rules hold (see `binding`): pins, `apart` and `hold`
    are kept; VMs that stay together go to one host, or, where no host takes them all, one by one.
    """
    chosen = sorted(reading.running_vms(estate, source) if vms is None else vms, key=lambda v: (-v.memory_mb, v.name))
    filling = Filling(estate, source, wish)
    moves: list[Move] = []
    unplaced: list[Unplaced] = []
    for block in _blocks(chosen, filling.rules):
        target = filling.place(block) if len(block) > 1 else None
        for vm in block:
            goes = target or filling.place([vm])
            if goes is None:
                unplaced.append(Unplaced(vm=vm.name, en=filling.why[0], ja=filling.why[1]))
            else:
                moves.append(Move(vm=vm, source=source, target=goes))
    plan = Plan(moves=tuple(moves), unplaced=tuple(unplaced))
    return _packed(Filling(estate, source, wish).puzzle(chosen), source, plan) if wish.thorough and unplaced else plan


def _packed(puzzle: Puzzle, source: str, plan: Plan) -> Plan:
    """The plan, or a better one where VMs are left over that some host could take alone."""
    names = {left.vm for left in plan.unplaced}
    over = [vm for vm in puzzle.vms if vm.name in names]
    if not any(puzzle.options[vm.instance_uuid] for vm in over) or any(rule.together for rule in puzzle.rules):
        return plan
    known = {move.vm.instance_uuid: move.target for move in plan.moves}
    found = packing.solve(puzzle, known)
    if len(found) <= len(known):
        return plan
    moves = [
        Move(vm=vm, source=source, target=found[vm.instance_uuid]) for vm in puzzle.vms if vm.instance_uuid in found
    ]
    placed = {move.vm.name for move in moves}
    lost = [vm for vm in puzzle.vms if vm.name not in placed]
    words = {left.vm: left for left in plan.unplaced}
    full = [words.get(vm.name) or Unplaced(vm=vm.name, en=f"{vm.name}: {NO_ROOM[0]}", ja=NO_ROOM[1]) for vm in lost]
    return Plan(moves=tuple(moves), unplaced=tuple(full))


def _blocks(vms: list[LiveVm], rules: tuple[Rule, ...]) -> Iterable[list[LiveVm]]:
    """VMs that stay together as one block, in the order of their first."""
    left = list(vms)
    while left:
        first = left[0]
        names = binding.companions(rules, first.name, (vm.name for vm in left if vm.power is Power.ON))
        block = [first, *[vm for vm in left[1:] if vm.name in names]] if first.power is Power.ON else [first]
        left = [vm for vm in left if vm not in block]
        yield block


class Filling:
    """Hosts as they fill up while a plan is made."""

    def __init__(self, estate: Estate, source: str, wish: Wish) -> None:
        """As the picture shows them."""
        self._estate, self._source, self._wish = estate, source, wish
        home = estate.site.standings.get(source)
        self.rules = estate.site.placements[home.group].rules if home is not None and not wish.unruled else ()
        free = fitting.rooms(estate, source, wish.ceiling)
        self._free = {name: room for name, room in free.items() if wish.only in (None, name)}
        self._there = {name: [vm.name for vm in reading.running_vms(estate, name)] for name in self._free}
        self.why = ("", "")
        """Why the last one found no place, in both languages."""

    def puzzle(self, vms: list[LiveVm]) -> Puzzle:
        """The same question for a solver, as the hosts stand before anything is placed."""
        options = {vm.instance_uuid: [host for host in self._order(vm) if self._alone(vm, host)] for vm in vms}
        return Puzzle(vms, dict(self._free), options, self.rules, self._wish.purpose)

    def _alone(self, vm: LiveVm, host: str) -> bool:
        held = binding.held(self.rules, vm.name, self._wish.purpose)
        return not held and self._against([vm], host) is None

    def _order(self, vm: LiveVm) -> list[str]:
        roomiest = [room.host for room in sorted(self._free.values(), key=lambda room: (-room.memory_mb, room.host))]
        return binding.order_of(roomiest, self.rules, vm.name, self._wish.purpose)[0]

    def place(self, block: list[LiveVm]) -> str | None:
        """The host that takes all of these now, or None; it is filled by then."""
        first = block[0]
        if binding.held(self.rules, first.name, self._wish.purpose):
            self.why = (f"{first.name} is held where it is", f"{first.name} は移動禁止")
            return None
        hosts = self._order(first)
        refusals: list[tuple[str, str]] = []
        for host in hosts:
            reason = self._against(block, host)
            if reason is None:
                self._take(block, host)
                return host
            refusals.append(reason)
        self.why = self._reasons(first, refusals, pinned_away=bool(self._free) and not hosts)
        return None

    def _against(self, block: list[LiveVm], host: str) -> tuple[str, str] | None:
        room, there = self._free[host], list(self._there[host])
        for vm in block:
            runs = vm.power is Power.ON
            reason = fitting.against(self._estate, vm, room)
            reason = reason or (binding.against(self.rules, vm.name, there, self._wish.purpose) if runs else None)
            if reason is not None:
                return reason
            room = room.less(vm)
            there += [vm.name] if runs else []
        return None

    def _take(self, block: list[LiveVm], host: str) -> None:
        for vm in block:
            self._free[host] = self._free[host].less(vm)
            self._there[host] += [vm.name] if vm.power is Power.ON else []

    def _reasons(self, vm: LiveVm, refusals: list[tuple[str, str]], *, pinned_away: bool) -> tuple[str, str]:
        if pinned_away:
            pin = binding.pin_of(self.rules, vm.name)
            to = ", ".join(pin.to) if pin is not None else ""
            return f"{vm.name} is pinned to {to}, and none of them takes it", f"{vm.name} は {to} に固定"
        if not refusals:
            return _nowhere(self._estate, self._source, self._wish.only)
        en, ja = "; ".join(en for en, _ in refusals[:SHOWN]), "、".join(ja for _, ja in refusals[:SHOWN])
        more = len(refusals) - SHOWN
        return (en, ja) if more <= 0 else (f"{en}; and {more} more hosts refuse it", f"{ja}、他 {more} 台も不可")


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
