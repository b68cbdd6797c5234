"""Planners of acts on hosts and their blades; pure. A host without a slot has no hands on it."""

from engine.estate import linking, reading
from engine.model import ids
from engine.model.estate import Estate, Standing
from engine.model.plan import Unplaced
from engine.placement import consolidating, starting
from engine.placement.consolidating import Bounds
from engine.planning.asking import Asked, nothing
from engine.runs import ordering, ordering_hosts
from engine.runs.ordering import Orders


def fence(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """The blade's power off."""
    place = asked.host("host")
    if isinstance(place, Unplaced):
        return (place,)
    ordering_hosts.fence(orders, place)
    return () if orders.commands else (_no_machine(place),)


def diagnose_and_power_off(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """Compared with every other host of its group that is to be in service; then as `fence`.

    One that is marked, in maintenance or out of the inventory says nothing about the network, and would keep the
    diagnosis from ever coming to an end.
    """
    found = asked.live_host("host")
    if isinstance(found, Unplaced):
        return (found,)
    place, live = found
    places = linking.standings(asked.estate.site)
    others = [name for name in reading.members(asked.estate, place.group) if name != place.host.name]
    peers = [places[name] for name in others if _in_service(asked.estate, name)]
    ordering_hosts.diagnose_and_fence(orders, place, live, peers)
    return () if orders.commands else (_no_machine(place),)


def _in_service(estate: Estate, name: str) -> bool:
    live = estate.hosts.get(name)
    return reading.status_of(estate, name) == reading.READY and (live is None or not (live.removed or live.maintenance))


def shut_down(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """Maintenance mode, then an orderly shutdown; whether VMs still run there is looked at when it is done."""
    found = asked.live_host("host")
    if isinstance(found, Unplaced):
        return (found,)
    ordering_hosts.shut_down(orders, *found)
    return () if orders.commands else (_no_machine(found[0]),)


def enter_maintenance(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """VCenter's maintenance mode; whether VMs still run there is looked at when it is done."""
    found = asked.live_host("host")
    if isinstance(found, Unplaced):
        return (found,)
    ordering_hosts.enter_maintenance(orders, *found)
    return ()


def exit_maintenance(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """The end of it."""
    found = asked.live_host("host")
    if isinstance(found, Unplaced):
        return (found,)
    ordering_hosts.exit_maintenance(orders, *found)
    return ()


def start(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """One stopped host of the group."""
    group = asked.object("group")
    if group is None:
        return (_no_group(asked),)
    place = starting.choose(asked.estate, ids.name_of(group))
    if isinstance(place, Unplaced):
        return (place,)
    ordering_hosts.start(orders, place, asked.estate.hosts[place.host.name])
    return ()


def power_save(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """Empty one host and shut it down; nothing at all where the rest would not keep its reserve."""
    group = asked.object("group")
    if group is None:
        return (_no_group(asked),)
    bounds = Bounds(below=asked.number("below", 60) / 100.0, spare=asked.number("spare", 1))
    found = consolidating.pack(asked.estate, ids.name_of(group), bounds, asked.number("empty", 0))
    if found.host is None:
        return found.plan.unplaced
    if found.stays_on:
        ordering.migrate(orders, asked.estate, found.plan)
        return ()
    place = linking.standings(asked.estate.site)[found.host]
    if place.slot is None:
        return (_no_machine(place),)
    moved = ordering.migrate(orders, asked.estate, found.plan)
    ordering_hosts.shut_down(orders, place, asked.estate.hosts[found.host], moved)
    return ()


def _no_machine(place: Standing) -> Unplaced:
    return nothing(f"{place.id} has no machine that could be switched", f"{place.id} に対応する機体がない")


def _no_group(asked: Asked) -> Unplaced:
    return nothing(f"{asked.match.key} belongs to no group", f"{asked.match.key} はどのグループにも属さない")
