"""Planner of the move of one VM: to a host, to a datastore, or to both, by the method that is asked for; pure."""

from engine.estate import linking, reading
from engine.model.estate import Estate, LiveVm
from engine.model.order import Order
from engine.model.plan import Plan, Unplaced
from engine.placement import binding, evacuating, housing
from engine.placement.binding import Purpose
from engine.placement.evacuating import Wish
from engine.placement.housing import Housing
from engine.planning.asking import Asked
from engine.runs import ordering_moves
from engine.runs.ordering import Orders

CONSTRAINTS = "constraints"
"""What an order sets aside for the placement rules to be ignored."""
STAYS = frozenset({"migrate", "quick"})
"""Methods by which the disks stay where they are."""


def move(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """One VM to the host or the datastore that is named, or to the best one; those that stay with it come along."""
    vm = asked.vm("vm")
    if isinstance(vm, Unplaced):
        return (vm,)
    source = linking.definition_of(asked.estate, vm.vcenter, vm.host)
    if source is None or source not in asked.estate.hosts:
        return (Unplaced(vm=vm.name, en=f"the host of {vm.name} is not known", ja=f"{vm.name} のホストが不明"),)
    datastore = asked.word("datastore", "")
    method = asked.word("method", "storage" if datastore else "migrate")
    if datastore and method in STAYS:
        en = f"the method {method} leaves the disks where they are; use storage or move with a datastore"
        return (Unplaced(vm=vm.name, en=en, ja=f"{method} ではデータストアを変更できない"),)
    ordered = asked.ordered
    unruled = ordered is not None and CONSTRAINTS in ordered.overrides
    together = (vm,) if unruled else _together(asked.estate, source, vm)
    found = _where(asked, source, together, method, unruled=unruled)
    if ordered is not None and unruled:
        orders.notes += _set_aside(asked.estate, found.plan, ordered)
    housed = {vm.instance_uuid: found.datastore} if found.datastore else {}
    ordering_moves.move(orders, asked.estate, found.plan, method, housed)
    return found.plan.unplaced


def _where(asked: Asked, source: str, together: tuple[LiveVm, ...], method: str, *, unruled: bool) -> Housing:
    """The host, and the datastore where the disks go along: always with `storage`, else only if they must."""
    to, datastore = asked.word("to", ""), asked.word("datastore", "")
    only = None if to in ("", "best") else to
    wish = Wish(Purpose.START, thorough=True, only=only, unruled=unruled)
    if datastore or method == "storage":
        return housing.house(asked.estate, source, together, wish, datastore)
    plan = evacuating.evacuate(asked.estate, source, together, wish)
    if plan.moves or method in STAYS:
        return Housing(plan)
    with_disks = housing.house(asked.estate, source, together, wish)
    return with_disks if with_disks.plan.moves else Housing(plan)


def _set_aside(estate: Estate, plan: Plan, ordered: Order) -> list[str]:
    """Who sets which rules aside, and why, for each move that breaks one."""
    said: list[str] = []
    for one in plan.moves:
        rules = estate.site.placements[estate.site.standings[one.source].group].rules
        there = [vm.name for vm in reading.running_vms(estate, one.target) if vm.name != one.vm.name]
        left = [vm.name for vm in reading.running_vms(estate, one.source)] if one.target != one.source else []
        broken = binding.broken(rules, one.vm.name, one.target, there, left)
        what = "; ".join(broken) or "none is broken by it"
        said.append(f"{ordered.by} sets the placement rules aside ({ordered.why}): {what}")
    return said


def _together(estate: Estate, source: str, vm: LiveVm) -> tuple[LiveVm, ...]:
    """The VM, and those that stay on one host with it: a move by hand takes all of them (domain.md 7.1)."""
    group = estate.site.standings[source].group
    beside = [one for one in reading.running_vms(estate, source) if one.name != vm.name]
    names = binding.companions(estate.site.placements[group].rules, vm.name, (one.name for one in beside))
    return (vm, *(one for one in beside if one.name in names))
