"""Orders by which a blade comes into service for a host definition, or leaves it; pure."""

from dataclasses import dataclass

from engine.estate import reading
from engine.estate.assigning import Machine
from engine.model import ids
from engine.model.command import Command, Undo
from engine.model.estate import NO_MACHINE, Connection, Estate, LiveHost, Power, Standing
from engine.model.hardware import Hypervisor
from engine.model.ids import Kind
from engine.runs import ordering_failover, ordering_hosts, ordering_starts
from engine.runs.ordering import Orders, Whither
from engine.runs.ordering_starts import Starting


@dataclass(frozen=True, slots=True)
class Spare:
    """A free blade with the hypervisor that it brings along, and the vCenter place that it is to join."""

    machine: Machine
    hypervisor: Hypervisor
    vcenter: str
    cluster_ref: str

    @property
    def uuid(self) -> str:
        """The blade's, and so the hypervisor's own."""
        return self.machine.slot.uuid.lower()


def join(orders: Orders, place: Standing, spare: Spare, needs: tuple[Command, ...] = ()) -> Command:
    """Power on, into the cluster once its hypervisor answers, into service; from then on it serves the host.

    If what follows does not come about, the host is given back to the blade that it had.
    """
    machine, before = spare.machine, place.host.machine
    target = ids.object_id(Kind.MACHINE, machine.name)
    on = ordering_hosts.power_on(orders, target, machine.chassis, machine.slot, needs)
    there = {"vcenter": spare.vcenter, "name": spare.hypervisor.name, "uuid": spare.uuid}
    into = {"thumbprint": spare.hypervisor.thumbprint, "cluster_ref": spare.cluster_ref}
    added = orders.add("host.add", place.id, (on,), **there, **into)
    served = orders.add("host.exit_maintenance", place.id, (added,), **there)
    back = Undo(verb="machine.assign", parameters={"machine": before})
    return orders.add("machine.assign", place.id, (served,), back, machine=machine.name)


def replace(orders: Orders, estate: Estate, place: Standing, live: LiveHost | None, spare: Spare) -> None:
    """The old blade is proven off, the spare joins, the old host leaves the inventory, its VMs come back on the spare.

    A VM that runs elsewhere by now stays there, and one that vSphere HA owns is left to it. A host that answers now
    must have been emptied by the time it is off: with a VM left on it, it stays in the inventory.
    """
    gone = ordering_hosts.prove_off(orders, place)
    serves = join(orders, place, spare, (gone,) if gone is not None else ())
    if estate.statuses.get(place.id, reading.READY) != reading.READY:  # the mark was about the blade that is gone
        orders.add("object.mark", place.id, (serves,), status=reading.READY, text=f"{spare.machine.name} serves it now")
    if live is None or live.removed:
        return
    answers = live.connection is Connection.CONNECTED
    away = _out(orders, place, live, (serves,), emptied=answers)
    if answers:
        return
    left = {vm.instance_uuid for vm in reading.left_alone(estate, place.host.name)}
    order = ordering_starts.sequence(estate, place.host.name)
    starts: list[Starting] = []
    for vm in reading.records_on(estate, place.host.name):
        if vm.instance_uuid not in left:
            to = Whither(spare.hypervisor.name, spare.uuid, live.pool_ref)
            there = ordering_failover.bring(orders, vm, to, away)
            if vm.power is Power.ON:
                starts += ordering_starts.now_or_later(orders, order, Starting(vm, there, to.name, to.uuid))
    ordering_starts.in_order(orders, order, starts)


def retire(orders: Orders, place: Standing, live: LiveHost, needs: tuple[Command, ...]) -> None:
    """An emptied host is shut down, leaves the inventory, and its blade is free."""
    off = ordering_hosts.shut_down(orders, place, live, needs)
    away = _out(orders, place, live, off, emptied=True)
    orders.add("machine.assign", place.id, (away,), machine=NO_MACHINE)


def _out(orders: Orders, place: Standing, live: LiveHost, needs: tuple[Command, ...], *, emptied: bool) -> Command:
    who = {**ordering_hosts.host(place, live), "retired": emptied}
    cut = orders.add("host.disconnect", place.id, needs, **who)
    return orders.add("host.remove", place.id, (cut,), **who)
