"""What a tester lets happen inside vCenter: alarms that change colour, events of any id, slow datastores."""

from typing import Any

from pyVmomi import vim

from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.registry import reference


class Nothing(Exception):
    """There is no such object or event; the sentence says what there is."""


def slow(center: Center, store: str, milliseconds: str) -> None:
    """A datastore takes this long to answer; the next samples show it."""
    if store not in center.truth.stores or not milliseconds.isdigit():
        msg = (
            f"unknown datastore {store!r} or no milliseconds {milliseconds!r}; known: {', '.join(center.truth.stores)}"
        )
        raise Nothing(msg)
    center.truth.latency[store] = int(milliseconds)


def alarm(center: Center, target: str, name: str, colour: str) -> None:
    """An alarm on a host, VM or datastore turns to a colour; the root folder is where it is defined."""
    entity = _entity(center, target)
    defined, before = center.alarms.turn(entity, name, colour)
    event = vim.event.AlarmStatusChangedEvent(
        alarm=vim.event.AlarmEventArgument(name=name, alarm=defined),
        source=_argument(center, center.inventory.root),
        entity=_argument(center, entity),
        to=colour,
        **{"from": before},
        **_about(center, entity),
    )
    center.events.post(event)


def unheard_alarm(center: Center, target: str, name: str, colour: str) -> None:
    """An alarm turns, and vCenter keeps no event of it, as in a burst that it merges."""
    center.alarms.turn(_entity(center, target), name, colour)


def event(center: Center, target: str, identity: str) -> None:
    """An event of this id about a host, VM or datastore: a class of the API, or an EventEx."""
    entity = _entity(center, target)
    kind = getattr(vim.event, identity, None) if "." not in identity else None
    if kind is None and "." not in identity:
        msg = f"there is no event {identity!r}"
        raise Nothing(msg)
    about = _about(center, entity)
    if kind is not None:
        center.events.post(kind(**about, **({"template": False} if "vm" in about else {})))
        return
    made = vim.event.EventEx(
        eventTypeId=identity,
        severity="warning" if ".problem." in identity else "info",
        message=identity,
        objectId=reference(entity),
        objectType=type(entity),
        objectName=center.inventory.get(entity, "name"),
        **about,
    )
    center.events.post(made)


def _entity(center: Center, target: str) -> Any:
    inventory = center.inventory
    found = inventory.hosts.get(target) or inventory.stores.get(target) or inventory.vm_named(target)
    if found is None:
        msg = f"{target!r} is no host, datastore or VM of this vCenter"
        raise Nothing(msg)
    return found


def _about(center: Center, entity: Any) -> dict[str, Any]:
    if isinstance(entity, vim.HostSystem):
        return {"host": center.events.host(entity)}
    if isinstance(entity, vim.VirtualMachine):
        host = center.inventory.get(entity, "runtime.host")
        return {"vm": center.events.vm(entity), "host": center.events.host(host)}
    name = center.inventory.get(entity, "name")
    return {"ds": vim.event.DatastoreEventArgument(name=name, datastore=entity)}


def _argument(center: Center, entity: Any) -> Any:
    return vim.event.ManagedEntityEventArgument(name=center.inventory.get(entity, "name"), entity=entity)
