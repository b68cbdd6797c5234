"""Orders about hosts and their blades: diagnose, power, maintenance; pure. Each carries all it needs to be resumed."""

from collections.abc import Iterable

from engine.model.command import Command, Undo
from engine.model.estate import LiveHost, Standing
from engine.model.hardware import Chassis, Slot
from engine.runs.ordering import Orders


def fence(orders: Orders, place: Standing, needs: tuple[Command, ...] = ()) -> None:
    """Take the blade's power away, proven by its BMC."""
    if place.slot is not None and place.chassis is not None:
        orders.add("machine.power_off", place.machine, needs, **_proof(place.chassis, place.slot))


def diagnose_sensors(orders: Orders, place: Standing) -> Command | None:
    """Whether the blade's own sensors confirm a fault. None: the host has no blade."""
    if place.slot is None or place.chassis is None:
        return None
    return orders.add("machine.diagnose_sensors", place.machine, (), **_proof(place.chassis, place.slot))


def diagnose_total(orders: Orders, place: Standing, live: LiveHost | None) -> Command | None:
    """Whether blade and host are well. None: the host has no blade."""
    if place.slot is None or place.chassis is None:
        return None
    seen = {"vcenter": live.vcenter, "host_uuid": live.uuid} if live is not None and not live.removed else {}
    return orders.add("machine.diagnose_total", place.machine, (), **_proof(place.chassis, place.slot), **seen)


def identify(orders: Orders, place: Standing, *, on: bool) -> None:
    """Switch the blade's locate lamp."""
    if place.slot is not None and place.chassis is not None:
        orders.add("machine.identify", place.machine, (), **_proof(place.chassis, place.slot), on=on)


def prove_off(orders: Orders, place: Standing) -> Command | None:
    """The blade is off already; only read. None: the host has no blade."""
    if place.slot is None or place.chassis is None:
        return None
    return orders.add("machine.prove_off", place.machine, (), **_proof(place.chassis, place.slot))


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


def shut_down(orders: Orders, place: Standing, live: LiveHost, needs: tuple[Command, ...] = ()) -> tuple[Command, ...]:
    """Into maintenance mode, then an orderly shutdown, proven off by the BMC; the last command, if it has a blade."""
    if place.slot is None or place.chassis is None:
        return ()
    back = Undo(verb="host.exit_maintenance")
    ready = orders.add("host.enter_maintenance", place.id, needs, back, **host(place, live))
    who = {**host(place, live), **_blade(place.chassis, place.slot), "machine_uuid": place.slot.uuid}
    return (orders.add("host.shutdown", place.id, (ready,), **who),)


def start(orders: Orders, place: Standing, live: LiveHost) -> None:
    """Power on, wait until vCenter has the host again, end its maintenance."""
    if place.slot is not None and place.chassis is not None:
        on = power_on(orders, place.machine, place.chassis, place.slot)
        there = {"vcenter": place.host.vcenter, "name": place.inventory_name, "uuid": live.uuid}
        back = orders.add("host.await_connected", place.id, (on,), **there)
        orders.add("host.exit_maintenance", place.id, (back,), **host(place, live))


def power_on(orders: Orders, machine: str, chassis: Chassis, slot: Slot, needs: tuple[Command, ...] = ()) -> Command:
    """Give a blade power."""
    return orders.add("machine.power_on", machine, needs, **_proof(chassis, slot))


def host(place: Standing, live: LiveHost) -> dict[str, object]:
    """Which host of which vCenter is meant."""
    return {"vcenter": place.host.vcenter, "name": place.inventory_name, "uuid": live.uuid, "ref": live.ref}


def _proof(chassis: Chassis, slot: Slot) -> dict[str, object]:
    return {**_blade(chassis, slot), "uuid": slot.uuid}


def _blade(chassis: Chassis, slot: Slot) -> dict[str, object]:
    """Which blade, and what proves that it is the one."""
    return {
        "bmc_url": slot.bmc.url,
        "system": slot.bmc.system,
        "serial": slot.serial,
        "chassis": chassis.name,
        "slot": slot.slot,
    }
