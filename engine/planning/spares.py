"""Planners of acts that bring blades into service and take them out: replace, scale out and in, refill; pure."""

from engine.estate import assigning, linking, reading
from engine.model import ids
from engine.model.estate import NO_MACHINE, Connection, Estate, LiveHost, Standing
from engine.model.plan import Unplaced
from engine.placement import consolidating, starting
from engine.placement.consolidating import Bounds
from engine.planning.asking import Asked, nothing
from engine.runs import ordering, ordering_hosts, ordering_spares
from engine.runs.ordering import Orders
from engine.runs.ordering_spares import Spare


def replace(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """The best spare takes the place of a host's blade, which must be off."""
    name = asked.object("machine")
    host = linking.host_of(asked.estate, name) if name is not None else None
    if host is None:
        en = f"{asked.match.key} serves no host, so nothing has to take its place"
        return (nothing(en, f"{asked.match.key} はどのホストにも割り当てられていない"),)
    estate, place = asked.estate, asked.estate.site.standings[host]
    live = estate.hosts.get(host)
    spare = _spare(estate, host, live or _beside(estate, place), asked.word("with", ""))
    if isinstance(spare, Unplaced):
        return (spare,)
    ordering_spares.replace(orders, estate, place, live, spare)
    return ()


def scale_out(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """One host definition of the group that has no blade gets the best spare."""
    group = _group(asked)
    if isinstance(group, Unplaced):
        return (group,)
    estate = asked.estate
    empty = [name for name in reading.members(estate, group) if _has_none(estate, name)]
    if not empty:
        en = f"every host definition of {group} has a blade; declare one more without `machine` to scale out"
        return (nothing(en, f"{group} に機体未割当のホスト定義がない"),)
    place = estate.site.standings[empty[0]]
    spare = _spare(estate, empty[0], _beside(estate, place), "")
    if isinstance(spare, Unplaced):
        return (spare,)
    ordering_spares.join(orders, place, spare)
    return ()


def scale_in(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """One host of the group is emptied, shut down and taken out of the inventory; its blade becomes free."""
    group = _group(asked)
    if isinstance(group, Unplaced):
        return (group,)
    bounds = Bounds(below=asked.number("below", 60) / 100.0, spare=asked.number("spare", 1))
    found = consolidating.pack(asked.estate, group, bounds)
    if found.host is None:
        return found.plan.unplaced
    place = asked.estate.site.standings[found.host]
    if place.slot is None:
        return (nothing(f"{place.id} has no machine that could be given back", f"{place.id} に対応する機体がない"),)
    moved = ordering.migrate(orders, asked.estate, found.plan)
    ordering_spares.retire(orders, place, asked.estate.hosts[found.host], moved)
    return ()


def refill(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """Stopped hosts of the group are started until so many are on without a running VM."""
    group = _group(asked)
    if isinstance(group, Unplaced):
        return (group,)
    estate, wanted = asked.estate, asked.number("spare", 1)
    healthy = [name for name in reading.members(estate, group) if reading.is_healthy(estate, name)]
    short = wanted - sum(not reading.running_vms(estate, name) for name in healthy)
    chosen: set[str] = set()
    while short > len(chosen):
        place = starting.choose(estate, group, frozenset(chosen))
        if isinstance(place, Unplaced):
            return (place,)
        ordering_hosts.start(orders, place, estate.hosts[place.host.name])
        chosen.add(place.host.name)
    if not chosen:
        en = f"{group} has {wanted} host(s) on without a running VM already"
        return (nothing(en, f"{group} の予備は既に {wanted} 台ある"),)
    return ()


def _spare(estate: Estate, host: str, beside: LiveHost | None, wanted: str) -> Spare | Unplaced:
    """The best blade that may serve this host and can join its vCenter, or why there is none."""
    place = estate.site.standings[host]
    if beside is None or beside.cluster_ref is None:
        en = f"no host of {place.group} was ever seen in a cluster of {place.host.vcenter}: where to join is not known"
        return nothing(en, f"{place.group} の参加先クラスタが不明")
    found = [one for one in assigning.candidates(estate, host) if wanted in ("", one.name)]
    for one in found:
        if one.slot.hypervisor is not None:
            return Spare(one, one.slot.hypervisor, place.host.vcenter, beside.cluster_ref)
    if found:
        en = f"the estate names no hypervisor for {', '.join(one.name for one in found)}: it cannot join by itself"
        return nothing(en, "予備機のハイパーバイザーが未宣言")
    reasons = [reason for one in assigning.machines(estate.site) if (reason := assigning.against(estate, host, one))]
    told = "; ".join(en for en, _ in reasons) or "the estate declares no blade"
    what = f"{wanted} cannot serve {host}" if wanted else f"no blade can serve {host}"
    return nothing(f"{what}: {told}", f"{host} に使える予備機がない")


def _beside(estate: Estate, place: Standing) -> LiveHost | None:
    """A host of the same group and vCenter that says where the others are."""
    names = reading.members(estate, place.group)
    known = [estate.hosts[name] for name in names if name in estate.hosts]
    fitting = [live for live in known if live.vcenter == place.host.vcenter and live.cluster_ref is not None]
    return min(fitting, key=lambda live: live.connection is not Connection.CONNECTED, default=None)


def _has_none(estate: Estate, name: str) -> bool:
    return estate.site.standings[name].host.machine == NO_MACHINE and name not in estate.hosts


def _group(asked: Asked) -> str | Unplaced:
    group = asked.object("group")
    if group is None:
        en = f"{asked.match.key} belongs to no group"
        return nothing(en, f"{asked.match.key} はどのグループにも属さない")
    return ids.name_of(group)
