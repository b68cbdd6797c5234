"""From any object to the host that it hangs on, and to everything that a policy's scope names; pure."""

from collections.abc import Mapping

from engine.model import ids
from engine.model.estate import Estate, LiveVm, Site, Standing
from engine.model.event import Event
from engine.model.ids import Kind, ObjectId
from engine.model.policy import Scope


def standings(site: Site) -> Mapping[str, Standing]:
    """Every host definition by name."""
    return site.standings


def host_of(estate: Estate, object_name: str) -> str | None:
    """The host definition that this object is, carries or runs on; None where the estate does not say."""
    kind, name = ids.kind_of(object_name), ids.name_of(object_name)
    places = standings(estate.site)
    if kind is Kind.HOST:
        return name if name in places else estate.site.by_hypervisor.get(name)
    if kind is Kind.MACHINE:
        return estate.site.by_machine.get(name)
    if kind is Kind.VM:
        vm = next(iter(named(estate, name)), None)
        return definition_of(estate, vm.vcenter, vm.host) if vm is not None else None
    return None


def named(estate: Estate, name: str) -> tuple[LiveVm, ...]:
    """The VMs of this name: one per vCenter at most, in the order in which they were first seen."""
    return tuple(estate.vms[uuid] for uuid in estate.named.get(name, ()) if uuid in estate.vms)


def definition_of(estate: Estate, vcenter: str, inventory_name: str | None) -> str | None:
    """The host definition behind a name in a vCenter's inventory."""
    return estate.site.by_inventory.get((vcenter, inventory_name)) if inventory_name is not None else None


def related(estate: Estate, object_name: str, kind: Kind) -> ObjectId | None:
    """The object of this kind that the named one is, carries or hangs on; None where the estate does not say."""
    own = ids.kind_of(object_name)
    if kind is Kind.VM:
        return ObjectId(object_name) if own is Kind.VM else None
    host = host_of(estate, object_name)
    place = standings(estate.site).get(host) if host else None
    if place is None:
        return _alone(estate.site, object_name, kind)
    chassis = ids.object_id(Kind.CHASSIS, place.chassis.name) if place.chassis else None
    found = {Kind.HOST: place.id, Kind.MACHINE: place.machine, Kind.CHASSIS: chassis}
    return ids.object_id(Kind.GROUP, place.group) if kind is Kind.GROUP else found.get(kind)


def _alone(site: Site, object_name: str, kind: Kind) -> ObjectId | None:
    """A declared chassis, group or spare blade is its own; a spare blade also names its chassis."""
    own, name = ids.kind_of(object_name), ids.name_of(object_name)
    if own is Kind.GROUP and kind is Kind.GROUP:
        return ObjectId(object_name) if any(name == g.name for c in site.categories for g in c.groups) else None
    if own not in (Kind.MACHINE, Kind.CHASSIS) or kind not in (own, Kind.CHASSIS):
        return None
    for chassis in site.chassis:
        if own is Kind.CHASSIS and chassis.name == name:
            return ObjectId(object_name)
        if own is Kind.MACHINE and any(name == f"{chassis.name}/{slot.slot}" for slot in chassis.slots):
            return ObjectId(object_name) if kind is Kind.MACHINE else ids.object_id(Kind.CHASSIS, chassis.name)
    return None


def key_for(estate: Estate, event: Event, by: str) -> str | None:
    """The object that a pattern's `by` groups this event under, or None if it has none of that kind."""
    return event.subject if by == "subject" else related(estate, event.subject, Kind(by))


def in_scope(estate: Estate, scope: Scope, key: str) -> bool:
    """Whether the object lies in a policy's scope; an object that the estate does not know is in no narrowed scope."""
    wanted = scope.model_dump(exclude_none=True, exclude={"labels"})
    if not wanted and not scope.labels:
        return True
    host = host_of(estate, key)
    place = standings(estate.site).get(host) if host else None
    if place is None:
        return wanted == {"group": ids.name_of(key)} and not scope.labels and ids.kind_of(key) is Kind.GROUP
    is_in = {"category": place.category, "group": place.group, "model": place.host.model, "host": place.host.name}
    labelled = all(place.host.labels.get(name) == word for name, word in scope.labels.items())
    return labelled and all(is_in.get(level) == name for level, name in wanted.items())
