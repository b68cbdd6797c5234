"""Planners of acts on VMs; pure. Whatever finds no place is named, with the reason."""

from engine.estate import linking, reading
from engine.model import ids
from engine.model.estate import Estate, LiveVm, Power
from engine.model.pattern import MetricPattern, alternatives
from engine.model.plan import Plan, Unplaced
from engine.model.policy import Policy
from engine.placement import balancing, evacuating, obeying, rebalancing
from engine.placement.binding import Purpose
from engine.placement.evacuating import Wish
from engine.planning.asking import Asked, nothing
from engine.runs import ordering, ordering_failover, ordering_moves
from engine.runs.ordering import Orders


def failover(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """The VMs of a host that was fenced; with `vms: all` also where none of them ran."""
    found = asked.live_host("from")
    if isinstance(found, Unplaced):
        return (found,)
    estate, host = asked.estate, found[0].host.name
    others = {vm.instance_uuid for vm in reading.left_alone(estate, host)}
    ours = [vm for vm in reading.records_on(estate, host) if vm.instance_uuid not in others]
    ran = {vm.instance_uuid for vm in reading.ran_on(estate, host)}
    # where nothing of ours ran, the host stays in the inventory: removing it would gain nobody anything
    wanted = asked.word("vms", "running") == "all" or any(vm.instance_uuid in ran for vm in ours)
    plan = evacuating.evacuate(estate, host, ours, Wish(Purpose.RESCUE, thorough=True)) if wanted else Plan()
    ordering_failover.failover(orders, estate, host, plan, asked.tired)
    if not orders.commands and not plan.unplaced:  # fenced for nothing: a person should know
        return (nothing(f"no VM is known to have run on {host}", f"{host} で動作していた VM が不明"),)
    weary = [move.vm for move in plan.moves if move.vm.instance_uuid in asked.tired and move.vm.power is Power.ON]
    return (*plan.unplaced, *(_weary(vm) for vm in weary))


def _weary(vm: LiveVm) -> Unplaced:
    en = f"{vm.name} failed over twice within an hour; it is put in place but not started: a person must look (S13)"
    return Unplaced(vm=vm.name, en=en, ja=f"{vm.name} は 1 時間以内に 2 回フェイルオーバー済みのため起動しない")


def migrate(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """A few running VMs of a loaded host."""
    place = asked.host("from")
    if isinstance(place, Unplaced):
        return (place,)
    plan = balancing.relieve(asked.estate, place.host.name, _share(asked.policy), asked.number("vms", 1))
    ordering.migrate(orders, asked.estate, plan)
    return plan.unplaced


def evacuate(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """All VMs of a live host."""
    found = asked.live_host("from")
    if isinstance(found, Unplaced):
        return (found,)
    host = found[0].host.name
    if asked.word("vms", "running") == "all":
        plan = evacuating.evacuate(asked.estate, host, reading.vms_on(asked.estate, host), Wish(thorough=True))
    else:
        plan = evacuating.evacuate(asked.estate, host, wish=Wish(thorough=True))
    ordering_moves.move(orders, asked.estate, plan, asked.word("method", "migrate"))
    return plan.unplaced


def apply_rules(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """Running VMs of a group move so that its placement rules hold again."""
    group = asked.object("group")
    if group is None:
        en = f"{asked.match.key} belongs to no group"
        return (nothing(en, f"{asked.match.key} はどのグループにも属さない"),)
    plan = obeying.obey(asked.estate, ids.name_of(group))
    ordering.migrate(orders, asked.estate, plan)
    return plan.unplaced


def rebalance(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """Running VMs of a group move so that its hosts come below a share of their capacity."""
    group = asked.object("group")
    if group is None:
        en = f"{asked.match.key} belongs to no group"
        return (nothing(en, f"{asked.match.key} はどのグループにも属さない"),)
    plan = rebalancing.rebalance(asked.estate, ids.name_of(group), asked.number("below", 70) / 100.0)
    ordering.migrate(orders, asked.estate, plan)
    return plan.unplaced


def restart(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """One VM, where it is."""
    vm = asked.vm("vm")
    if isinstance(vm, Unplaced):
        return (vm,)
    name = linking.definition_of(asked.estate, vm.vcenter, vm.host)
    live = asked.estate.hosts.get(name) if name is not None else None
    if live is None:
        return (Unplaced(vm=vm.name, en=f"the host of {vm.name} is not known", ja=f"{vm.name} のホストが不明"),)
    ordering.restart(orders, vm, live)
    return ()


def await_ha(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """Every VM that ran there: looked for where vSphere HA brings it back, named where nobody will."""
    found = asked.live_host("from")
    if isinstance(found, Unplaced):
        return (found,)
    host = found[0].host.name
    nobodys: list[Unplaced] = []
    for vm in reading.ran_on(asked.estate, host):
        if _comes_back(asked.estate, host, vm):
            ordering_failover.await_ha(orders, asked.estate, host, vm)
        else:
            en = f"vSphere HA does not protect {vm.name}: nobody restarts it"
            nobodys.append(Unplaced(vm=vm.name, en=en, ja=f"{vm.name} は vSphere HA の保護対象外"))
    return tuple(nobodys)


def _comes_back(estate: Estate, host: str, vm: LiveVm) -> bool:
    """It is elsewhere by now, or vSphere HA owns it."""
    if vm.host != reading.inventory_name(estate, host):
        return True
    return estate.hosts[host].ha and vm.ha_protected is True and vm.power is Power.ON


def _share(policy: Policy) -> float:
    """The share of its CPU below which a loaded host counts as relieved: where its policy's metric clears."""
    for when in alternatives(policy.spec.when):
        if isinstance(when, MetricPattern) and when.above is not None:
            return (when.clear if when.clear is not None else when.above) / 100.0
    return 1.0
