"""From any object to the host that it hangs on, and to everything that a policy's scope names; pure."""

from collections.abc import Mapping

from engine.model import ids
from engine.model.estate import Estate, LiveVm, Site, Standing
from engine.model.event import Event
from engine.model.ids import Kind
from engine.model.policy import Scope


def standings(site: Site) -> Mapping[str, Standing]:
    """Every host definition by name."""
    return site.standings


def host_of(estate: Estate, object_name: str) -> str | None:
    """The host definition that this object is, carries or runs on; None where the estate does not say."""
    kind, name = ids.kind_of(object_name), ids.name_of(object_name)
    places = standings(estate.site)
    if kind is Kind.HOST:
        return name if name in places else None
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


def key_for(estate: Estate, event: Event, by: str) -> str | None:
    """The object that a pattern's `by` groups this event under, or None if it has none of that kind."""
    if by == "subject":
        return event.subject
    host = host_of(estate, event.subject)
    place = standings(estate.site).get(host) if host else None
    if by == Kind.VM and ids.kind_of(event.subject) is Kind.VM:
        return event.subject
    if place is None:
        return None
    chassis = ids.object_id(Kind.CHASSIS, place.chassis.name) if place.chassis else None
    group = ids.object_id(Kind.GROUP, place.group)
    return {"host": place.id, "machine": place.machine, "chassis": chassis, "group": group}.get(by)


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
