"""Orders that move VMs by the method that is asked for (domain.md 2.2); pure."""

from collections.abc import Mapping

from engine.model.command import Command, Undo
from engine.model.estate import Estate, Power
from engine.model.plan import Move, Plan
from engine.runs import ordering
from engine.runs.ordering import Orders

RESTS: Mapping[str, tuple[str, str]] = {"quick": ("vm.suspend", "suspended"), "move": ("vm.shutdown", "poweredOff")}
"""Methods that put a running VM to rest: how, and in which power state it moves."""


def move(orders: Orders, estate: Estate, plan: Plan, method: str, housed: Mapping[str, str] | None = None) -> None:
    """Each VM by this method: what runs goes as it runs, or is put to rest, moved as it is and started at the target.

    `housed`: datastores for those that take their disks along, by instance_uuid. A VM that is off moves as it is,
    whatever the method.
    """
    for one in plan.moves:
        datastore = (housed or {}).get(one.vm.instance_uuid)
        if method in RESTS and one.vm.power is Power.ON:
            at_rest(orders, estate, one, method, datastore)
        else:
            ordering.relocate(orders, estate, one, datastore=datastore)


def at_rest(orders: Orders, estate: Estate, one: Move, method: str, datastore: str | None) -> Command:
    """Check, put to rest, move, start; if it cannot be moved it is started again where it was."""
    verb, power = RESTS[method]
    source, target, who = estate.hosts[one.source], estate.hosts[one.target], ordering.object_of(one.vm)
    about = ordering.journey(estate, one, rests=power, datastore=datastore)
    asked = orders.add("vm.check_move", who, (), **about)
    here = {"host": source.name, "host_uuid": source.uuid, **({"force": True} if method == "move" else {})}
    back = Undo(verb="vm.power_on")
    rests = orders.add(verb, who, (asked,), back, **ordering.identity(one.vm), **here)
    moved = ordering.relocate(orders, estate, one, (rests,), rests=power, datastore=datastore)
    there = {"host": target.name, "host_uuid": target.uuid}
    return orders.add("vm.power_on", who, (moved,), **ordering.identity(one.vm), **there)
