"""Alarms as a vCenter shows them now, as plain values. Blocking.

`triggeredAlarmState` of the root folder names every alarm that is yellow or red anywhere; a change of it may never be
notified (vSphere API, ManagedEntity, from 5.0 on), so it is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyVmomi import VmomiSupport, vim, vmodl

from engine.clients import vsphere, vsphere_faults
from engine.clients.vsphere import Row, Session

LONGEST_NAME = 200
"""As of the names in events."""
PARTS: Mapping[str, str] = {
    "VirtualMachine": "vm",
    "Datastore": "ds",
    "HostSystem": "host",
    "ComputeResource": "computeResource",
    "ClusterComputeResource": "computeResource",
}


def part_of(entity: str) -> str:
    """The word of events for the kind of an entity: host, vm, ds, computeResource; empty for any other."""
    return PARTS.get(entity.partition(":")[0], "")


@dataclass(frozen=True, slots=True)
class AlarmState:
    """One alarm on one object."""

    alarm: str
    """Reference."""
    name: str
    entity: str
    """Kind and reference: `HostSystem:host-12`."""
    entity_name: str
    colour: str
    """gray, green, yellow, red."""
    at: datetime
    """Since when, by vCenter's clock."""
    acknowledged: bool = False


def triggered(session: Session) -> list[AlarmState] | None:
    """Every alarm that is yellow or red; None where this vCenter does not let it be read: unread is not none.

    Raises Unreadable where the answer cannot be parsed.
    """
    return vsphere_faults.parsed(lambda: _triggered(session))


def _triggered(session: Session) -> list[AlarmState] | None:
    row = session.read_one(session.content.rootFolder, ["triggeredAlarmState"])
    if "triggeredAlarmState" in row.missing:
        return None
    states = list(row.get("triggeredAlarmState") or ())
    alarms = _read(session, [one.alarm for one in states], "info.name")
    entities = _read(session, [one.entity for one in states], "name")
    return [
        _plain(one, alarms[_ref(one.alarm)], entities[_ref(one.entity)])
        for one in states
        if _ref(one.alarm) in alarms and _ref(one.entity) in entities
    ]


def colours(session: Session, entities: Iterable[str]) -> dict[tuple[str, str], tuple[str, datetime]]:
    """The colours of all alarms on these objects (`HostSystem:host-12`) and since when, by object and alarm.

    What is not there is unknown: the object is gone, or it could not be read. Raises Unreadable like `triggered`.
    """
    return vsphere_faults.parsed(lambda: _colours(session, entities))


def _colours(session: Session, entities: Iterable[str]) -> dict[tuple[str, str], tuple[str, datetime]]:
    found: dict[tuple[str, str], tuple[str, datetime]] = {}
    for entity in entities:
        kind, _, ref = entity.partition(":")
        known = getattr(vim, kind, None)
        if not isinstance(known, type) or not issubclass(known, VmomiSupport.ManagedObject):
            continue
        try:
            row = session.read_one(session.managed(known, ref), ["declaredAlarmState"])
        except vmodl.fault.ManagedObjectNotFound:
            continue
        for one in row.get("declaredAlarmState") or ():
            found[entity, _ref(one.alarm)] = (str(one.overallStatus), one.time)
    return found


def _plain(state: Any, alarm: str, entity: str) -> AlarmState:
    return AlarmState(
        alarm=_ref(state.alarm),
        name=alarm,
        entity=f"{vsphere.kind_name(state.entity)}:{_ref(state.entity)}",
        entity_name=entity,
        colour=str(state.overallStatus),
        at=state.time,
        acknowledged=bool(state.acknowledged),
    )


def _read(session: Session, targets: Sequence[Any], path: str) -> dict[str, str]:
    """A name of each of these objects, by reference; those that are gone have none."""
    by_kind: dict[Any, dict[str, Any]] = {}
    for target in targets:
        by_kind.setdefault(type(target), {})[_ref(target)] = target
    rows = [row for kind, found in by_kind.items() for row in _rows(session, kind, list(found.values()), path)]
    return {row.ref: str(row.get(path))[:LONGEST_NAME] for row in rows if row.get(path)}


def _rows(session: Session, kind: Any, targets: list[Any], path: str) -> list[Row]:
    try:
        return session.read_these(kind, targets, [path])
    except vmodl.fault.ManagedObjectNotFound:
        if len(targets) == 1:
            return []
    return [row for target in targets for row in _rows(session, kind, [target], path)]


def _ref(target: Any) -> str:
    return str(target._moId)  # noqa: SLF001  pyVmomi's name for the reference
