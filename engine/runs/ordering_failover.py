"""Orders by which the VMs of a dead host come back (vcenter.md 4.1 variants a, then b); pure."""

from engine.estate import reading
from engine.model.command import Command
from engine.model.estate import Estate, LiveVm, Power
from engine.model.plan import Plan
from engine.runs import ordering, ordering_starts
from engine.runs.ordering import Orders, Whither
from engine.runs.ordering_starts import Beside, Starting


def failover(orders: Orders, estate: Estate, source: str, plan: Plan, tired: frozenset[str] = frozenset()) -> None:
    """Bring the VMs of a dead host back.

    VMs that run elsewhere by now are only verified; those that vSphere HA protects are left to it; for the rest the
    dead host leaves the inventory, each VM is registered at its target, and those that ran are started in the order
    of the site, but for the `tired` ones.
    """
    others = reading.left_alone(estate, source)
    awaited = tuple((vm, await_ha(orders, estate, source, vm)) for vm in others)
    if not plan.moves:
        return
    place, live = estate.site.standings[source], estate.hosts[source]
    who = {"vcenter": place.host.vcenter, "name": place.inventory_name, "uuid": live.uuid, "ref": live.ref}
    cut = orders.add("host.disconnect", place.id, tuple(watch for _, watch in awaited), **who)
    gone = orders.add("host.remove", place.id, (cut,), **who)
    order = ordering_starts.sequence(estate, source)
    starts: list[Starting] = []
    for move in plan.moves:
        target = estate.hosts[move.target]
        there = bring(orders, move.vm, Whither(target.name, target.uuid, target.pool_ref), gone)
        if move.vm.power is Power.ON and move.vm.instance_uuid not in tired:
            one = Starting(move.vm, there, target.name, target.uuid)
            starts += ordering_starts.now_or_later(orders, order, one)
    down = [move.vm.name for move in plan.moves if move.vm.instance_uuid in tired and move.vm.power is Power.ON]
    beside = Beside(awaited, (*down, *(left.vm for left in plan.unplaced)))
    ordering_starts.in_order(orders, order, starts, beside)


def await_ha(orders: Orders, estate: Estate, source: str, vm: LiveVm) -> Command:
    """Only look whether a VM of a dead host runs again."""
    elsewhere = vm.host != estate.site.standings[source].inventory_name
    verb = "vm.verify" if elsewhere and vm.power is Power.ON else "vm.await_ha"
    who, not_on = ordering.identity(vm), estate.site.standings[source].inventory_name
    return orders.add(verb, ordering.object_of(vm), (), **who, not_on=not_on)


def bring(orders: Orders, vm: LiveVm, to: Whither, gone: Command) -> Command:
    """Register a VM whose record is gone at another host."""
    where = {"host": to.name, "host_uuid": to.uuid, "pool_ref": to.pool_ref}
    kept = {"folder_ref": vm.folder_ref, "template": vm.template}
    return orders.add("vm.register", ordering.object_of(vm), (gone,), **ordering.identity(vm), **kept, **where)
