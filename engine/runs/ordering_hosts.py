"""Orders about hosts and their blades: diagnose, power, maintenance; pure. Each carries all it needs to be resumed."""

from collections.abc import Iterable

from engine.model.command import Command, Undo
from engine.model.estate import Chassis, LiveHost, Slot, Standing
from engine.runs.ordering import Orders


def fence(orders: Orders, place: Standing, needs: tuple[Command, ...] = ()) -> None:
    """Take the blade's power away, proven by its BMC."""
    if place.slot is not None and place.chassis is not None:
        blade = _blade(place.chassis, place.slot)
        orders.add("machine.power_off", place.machine, needs, **blade, uuid=place.slot.uuid)


def diagnose_and_fence(orders: Orders, place: Standing, live: LiveHost, peers: Iterable[Standing]) -> None:
    """Find out whether this machine alone is in trouble, among the others of its group; only then power off."""
    if place.slot is not None and place.chassis is not None:
        others = [{"vcenter": peer.host.vcenter, "name": peer.inventory_name} for peer in peers]
        blade = _blade(place.chassis, place.slot)
        who = {**host(place, live), **blade, "machine_uuid": place.slot.uuid}
        found = orders.add("host.diagnose", place.id, (), **who, peers=others)
        fence(orders, place, (found,))


def enter_maintenance(orders: Orders, place: Standing, live: LiveHost) -> None:
    """VCenter's maintenance mode."""
    orders.add("host.enter_maintenance", place.id, (), **host(place, live))


def exit_maintenance(orders: Orders, place: Standing, live: LiveHost) -> None:
    """The end of it."""
    orders.add("host.exit_maintenance", place.id, (), **host(place, live))


def shut_down(orders: Orders, place: Standing, live: LiveHost, needs: tuple[Command, ...] = ()) -> None:
    """Into maintenance mode, then an orderly shutdown, proven off by the BMC."""
    if place.slot is not None and place.chassis is not None:
        back = Undo(verb="host.exit_maintenance")
        ready = orders.add("host.enter_maintenance", place.id, needs, back, **host(place, live))
        who = {**host(place, live), **_blade(place.chassis, place.slot), "machine_uuid": place.slot.uuid}
        orders.add("host.shutdown", place.id, (ready,), **who)


def start(orders: Orders, place: Standing, live: LiveHost) -> None:
    """Power on, wait until vCenter has the host again, end its maintenance."""
    if place.slot is not None and place.chassis is not None:
        blade = _blade(place.chassis, place.slot)
        on = orders.add("machine.power_on", place.machine, (), **blade, uuid=place.slot.uuid)
        there = {"vcenter": place.host.vcenter, "name": place.inventory_name, "uuid": live.uuid}
        back = orders.add("host.await_connected", place.id, (on,), **there)
        orders.add("host.exit_maintenance", place.id, (back,), **host(place, live))


def host(place: Standing, live: LiveHost) -> dict[str, object]:
    """Which host of which vCenter is meant."""
    return {"vcenter": place.host.vcenter, "name": place.inventory_name, "uuid": live.uuid, "ref": live.ref}


def _blade(chassis: Chassis, slot: Slot) -> dict[str, object]:
    """Which blade, and what proves that it is the one."""
    return {
        "bmc_url": slot.bmc.url,
        "system": slot.bmc.system,
        "serial": slot.serial,
        "chassis": chassis.name,
        "slot": slot.slot,
    }
