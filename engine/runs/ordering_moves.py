"""Orders that move VMs by the method that is asked for (domain.md 2.2); pure."""

from collections.abc import Mapping

from engine.model.command import Command, Undo
from engine.model.estate import Estate, Power
from engine.model.plan import Move, Plan
from engine.runs import ordering, ordering_starts
from engine.runs.ordering import Orders, Turn
from engine.runs.ordering_starts import Starting

RESTS: Mapping[str, tuple[str, str]] = {"quick": ("vm.suspend", "suspended"), "move": ("vm.shutdown", "poweredOff")}
"""Methods that put a running VM to rest: how, and in which power state it moves."""


def move(orders: Orders, estate: Estate, plan: Plan, method: str, housed: Mapping[str, str] | None = None) -> None:
    """Each VM by this method: what runs goes as it runs, or is put to rest, moved as it is and started at the target.

    `housed`: datastores for those that take their disks along, by instance_uuid. A VM that is off moves as it is,
    whatever the method. What was put to rest is started in the order of the site; each of several ways starts alone.
    """
    order = ordering_starts.sequence(estate, plan.moves[0].source) if plan.moves else ()
    starts: list[Starting] = []
    for one in plan.moves:
        datastore = (housed or {}).get(one.vm.instance_uuid)
        runs = one.vm.power is Power.ON
        if method == "any" and runs:
            _any(orders, estate, one, datastore)
        elif method in RESTS and runs:
            moved = at_rest(orders, estate, one, method, datastore)
            starts += ordering_starts.now_or_later(orders, order, _starting(estate, one, moved))
        else:
            ordering.relocate(orders, estate, one, datastore=datastore)
    ordering_starts.in_order(orders, order, starts)


def _starting(estate: Estate, one: Move, moved: Command) -> Starting:
    target = estate.hosts[one.target]
    return Starting(one.vm, moved, target.name, target.uuid)


def _any(orders: Orders, estate: Estate, one: Move, datastore: str | None) -> None:
    """The original's order of methods, each only if the ones before came to nothing.

    Where the disks stay: migration, quick migration, move. Where they go along: storage migration, move. A VM that was
    suspended and could not be moved runs again before it is shut down.
    """
    tried = [ordering.relocate(orders, estate, one, datastore=datastore)]
    if datastore is None:
        tried.append(at_rest(orders, estate, one, "quick", None, tuple(tried)))
        ordering_starts.start(orders, _starting(estate, one, tried[-1]))
    moved = at_rest(orders, estate, one, "move", datastore, tuple(tried), wakes=datastore is None)
    ordering_starts.start(orders, _starting(estate, one, moved))


def at_rest(  # noqa: PLR0913  the parts of one way
    orders: Orders,
    estate: Estate,
    one: Move,
    method: str,
    datastore: str | None,
    instead_of: tuple[Command, ...] = (),
    *,
    wakes: bool = False,
) -> Command:
    """Check, put to rest, move; if it cannot be moved it is started again where it was. The move itself.

    `wakes`: an earlier way may have left it suspended.
    """
    verb, power = RESTS[method]
    source, who = estate.hosts[one.source], ordering.object_of(one.vm)
    known, here = ordering.identity(one.vm), {"host": source.name, "host_uuid": source.uuid}
    needs: tuple[Command, ...] = ()
    turn = Turn(instead_of=instead_of)
    if wakes:
        needs, turn = (orders.add("vm.power_on", who, (), None, turn, **known, **here),), Turn()
    about = ordering.journey(estate, one, rests=power, datastore=datastore)
    asked = orders.add("vm.check_move", who, needs, None, turn, **about)
    more = {"force": True} if method == "move" else {}
    rests = orders.add(verb, who, (asked,), Undo(verb="vm.power_on"), **known, **here, **more)
    return ordering.relocate(orders, estate, one, (rests,), rests=power, datastore=datastore)
