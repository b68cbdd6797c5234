"""vCenter events -> Toban events by the table in events.yaml. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from pydantic import BaseModel, ConfigDict, TypeAdapter
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
    data: dict[str, str | bool | int] = {
        "user": happened.user,
        "planned": _planned(happened, entry),
        "message": happened.message,
        "event_id": happened.kind,
        "chain": happened.chain,
    }
    if happened.reason:
        data["reason"] = happened.reason
    return Event(
        id=identity(happened, place),
        type=entry.type,
        source=f"vcenter/{place.name}",
        subject=subject,
        time=happened.created,
        severity=known.severity if known is not None else Severity.INFO,
        data=dict(data),
    )


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
        return _any_subject(happened, place)
    name = happened.subjects.get(entry.subject)
    if name is None:
        return None
    return _named(KINDS[entry.subject], name, place)


def _any_subject(happened: VcenterEvent, place: Place) -> str:
    for part in ("host", "vm", "ds"):
        if part in happened.subjects:
            return _named(KINDS[part], happened.subjects[part], place)
    return ids.object_id(Kind.VCENTER, place.name)


def _named(kind: Kind, name: str, place: Place) -> str:
    return ids.object_id(kind, place.definitions.get(name, name) if kind is Kind.HOST else name)
