"""Apply placement rules: which running VMs of a group move so that its rules hold again; free VMs are left alone."""

from engine.estate import linking, reading
from engine.model.estate import Estate, LiveVm
from engine.model.plan import Move, Plan, Unplaced
from engine.placement import binding, evacuating
from engine.placement.binding import Purpose
from engine.placement.evacuating import Wish


def obey(estate: Estate, group: str) -> Plan:
    """One move after the other, each judged by the picture that the ones before it leave; what cannot move is named."""
    moves: list[Move] = []
    unplaced: list[Unplaced] = []
    left = estate
    for vm in _running(estate, group):
        now = left.vms[vm.instance_uuid]
        home = linking.definition_of(left, now.vcenter, now.host)
        to = _better(left, group, now, home) if home is not None else None
        if home is None or to is None:
            continue
        plan = evacuating.evacuate(left, home, (now,), Wish(Purpose.BALANCE, only=to or None))
        moves += plan.moves
        unplaced += plan.unplaced
        left = moved(left, plan)
    return Plan(moves=tuple(moves), unplaced=tuple(unplaced))


def moved(estate: Estate, plan: Plan) -> Estate:
    """The picture after these moves."""
    vms, hosts = dict(estate.vms), dict(estate.hosts)
    for move in plan.moves:
        target = reading.inventory_name(estate, move.target)
        vms[move.vm.instance_uuid] = move.vm.model_copy(update={"host": target})
        load = move.vm.cpu_used_mhz
        for name, change in ((move.source, -load), (move.target, load)):
            used = hosts[name].cpu_used_mhz + change
            hosts[name] = hosts[name].model_copy(update={"cpu_used_mhz": max(0, used)})
    return estate.model_copy(update={"vms": vms, "hosts": hosts})


def _running(estate: Estate, group: str) -> list[LiveVm]:
    """The smallest first: of two that must part the smaller one goes."""
    found = [vm for host in reading.members(estate, group) for vm in reading.running_vms(estate, host)]
    return sorted(found, key=lambda vm: (vm.memory_mb, vm.name))


def _better(estate: Estate, group: str, vm: LiveVm, home: str) -> str | None:
    """Where it has to go: a host, "" for any that the rules allow, None to stay."""
    rules = estate.site.placements[group].rules
    if binding.held(rules, vm.name, Purpose.BALANCE):
        return None
    pin = binding.pin_of(rules, vm.name)
    if pin is not None and home not in pin.to:
        return ""
    beside = [one.name for one in reading.running_vms(estate, home)]
    if binding.against(rules, vm.name, beside, Purpose.BALANCE) is not None:
        return ""
    return _company(estate, group, vm, home)


def _company(estate: Estate, group: str, vm: LiveVm, home: str) -> str | None:
    """The host where most of those are that it stays together with, if that is another one."""
    rules = estate.site.placements[group].rules
    counts: dict[str, int] = {}
    for host in reading.members(estate, group):
        names = [one.name for one in reading.running_vms(estate, host)]
        counts[host] = len(binding.companions(rules, vm.name, names))
    best = max(counts, key=lambda host: (counts[host], host == home, host), default=home)
    return best if counts.get(best, 0) > counts.get(home, 0) else None
