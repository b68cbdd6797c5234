"""vCenter events -> Toban events by the table in events.yaml. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter
from ruamel.yaml import YAML

from engine.clients.vsphere_events import VcenterEvent
from engine.model import ids
from engine.model.catalogue import Catalogue
from engine.model.event import Event, Severity
from engine.model.ids import Kind

PLANNED_REASONS = frozenset({"userRequest", "agentUpgrade"})
SERVICE = "\\machine-"
"""In the names of vCenter's own services: `VSPHERE.LOCAL\\machine-<uuid>`."""


class Entry(BaseModel):
    """One line of the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    subject: str
    planned: bool = False
    asked: bool = False
    """Planned where a user asked for it (a person, or Toban by its own account) and it hangs on a task."""


Table = Mapping[str, Entry]


@cache
def table() -> Table:
    """The shipped table."""
    text = resources.files("collectors.vsphere").joinpath("events.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Entry]).validate_python(YAML(typ="safe", pure=True).load(text))


@dataclass(frozen=True, slots=True)
class Place:
    """Whose events these are."""

    name: str
    """The estate's name of the vCenter."""
    instance: str
    """about.instanceUuid."""
    definitions: Mapping[str, str]
    """Host definition by inventory name, where they differ."""


KINDS = {
    "host": Kind.HOST,
    "failedHost": Kind.HOST,
    "isolatedHost": Kind.HOST,
    "vm": Kind.VM,
    "ds": Kind.DATASTORE,
    "computeResource": Kind.CLUSTER,
}


def to_event(happened: VcenterEvent, entries: Table, words: Catalogue, place: Place) -> Event | None:
    """The Toban event, or None for an id that the table does not know or an event without its subject."""
    entry = entries.get(happened.kind)
    subject = _subject(entry, happened, place) if entry is not None else None
    if entry is None or subject is None:
        return None
    known = words.get(entry.type)
    data: dict[str, JsonValue] = {
        "user": happened.user,
        "planned": _planned(happened, entry),
        "message": happened.message,
        "event_id": happened.kind,
        "chain": happened.chain,
    }
    if happened.reason:
        data["reason"] = happened.reason
    data |= _named_in(happened, subject, place)
    return Event(
        id=identity(happened, place),
        type=entry.type,
        source=f"vcenter/{place.name}",
        subject=subject,
        time=happened.created,
        severity=known.severity if known is not None else Severity.INFO,
        data=data,
    )


DETAILS = {
    "alarm": "alarm",
    "from": "from",
    "to": "to",
    "sourceHost": "source_host",
    "destHost": "dest_host",
    "objectName": "object",
    "oldStatus": "old_status",
    "newStatus": "new_status",
    "componentName": "component",
}
ARGUMENT = "argument."


def _named_in(happened: VcenterEvent, subject: str, place: Place) -> dict[str, JsonValue]:
    """What else an event names; hosts by their definitions."""
    found: dict[str, JsonValue] = {}
    for name, ours in DETAILS.items():
        if name in happened.details:
            text = happened.details[name]
            found[ours] = place.definitions.get(text, text) if ours.endswith("_host") else text
    if "host" in happened.subjects and not subject.startswith("host:"):
        found["host"] = place.definitions.get(happened.subjects["host"], happened.subjects["host"])
    arguments = {name.removeprefix(ARGUMENT): text for name, text in happened.details.items() if ARGUMENT in name}
    if arguments:
        found["arguments"] = dict(arguments)
    return found


def unmapped(happened: VcenterEvent, place: Place) -> Event | None:
    """An event that no table knows, or that lacks its subject, where vCenter itself calls it bad news; else None."""
    bad = happened.severity in BAD or happened.kind.startswith(PROBLEMS) or happened.kind in table()
    if not bad:
        return None
    subject = subject_of(happened.subjects, place)
    data: dict[str, JsonValue] = {
        "event_id": happened.kind,
        "message": happened.message,
        "user": happened.user,
        "vendor_severity": happened.severity,
    }
    return Event(
        id=identity(happened, place),
        type="vcenter.unmapped",
        source=f"vcenter/{place.name}",
        subject=subject,
        time=happened.created,
        severity=Severity.WARNING,
        data=data | _named_in(happened, subject, place),
    )


BAD = ("warning", "error")
PROBLEMS = ("esx.problem.", "vprob.")


def host_of(happened: VcenterEvent, place: Place) -> str | None:
    """The host that an event is about, or that its VM was on."""
    for part in ("failedHost", "isolatedHost", "host"):
        if part in happened.subjects:
            return _named(Kind.HOST, happened.subjects[part], place)
    return None


def _planned(happened: VcenterEvent, entry: Entry) -> bool:
    """Whether somebody wanted it (vCenter events, pitfall 11); an empty user is vCenter itself, HA or the guest."""
    somebody = bool(happened.user) and SERVICE not in happened.user.lower()
    asked = entry.asked and somebody and happened.chain != happened.key
    return entry.planned or asked or happened.reason in PLANNED_REASONS


def identity(happened: VcenterEvent, place: Place) -> str:
    """The same event read again has the same id."""
    return ids.content_hash(["vcenter", place.instance, happened.key, happened.created.isoformat()])


def _subject(entry: Entry, happened: VcenterEvent, place: Place) -> str | None:
    if entry.subject == "vcenter":
        return ids.object_id(Kind.VCENTER, place.name)
    if entry.subject == "entity":
        return subject_of(happened.subjects, place)
    name = happened.subjects.get(entry.subject)
    if name is None:
        return None
    return _named(KINDS[entry.subject], name, place)


ENTITIES = ("vm", "ds", "host", "computeResource")


def part_of(happened: VcenterEvent) -> str | None:
    """Which of the objects that an event names it is about: the one called as its entity, else the most particular."""
    return _part_of(happened.subjects)


def _part_of(subjects: Mapping[str, str]) -> str | None:
    entity = subjects.get("entity")
    there = [part for part in ENTITIES if part in subjects]
    named = [part for part in there if subjects[part] == entity]
    return next(iter(named or (there if entity is None else ())), None)


def subject_of(subjects: Mapping[str, str], place: Place) -> str:
    """The object id of what `part_of` would choose, else of the vCenter itself."""
    part = _part_of(subjects)
    return _named(KINDS[part], subjects[part], place) if part else ids.object_id(Kind.VCENTER, place.name)


def _named(kind: Kind, name: str, place: Place) -> str:
    return ids.object_id(kind, place.definitions.get(name, name) if kind is Kind.HOST else name)
