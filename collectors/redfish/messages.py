"""Redfish events -> our events: pure; the same payload whether posted or streamed (DSP0266, section Eventing)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from collectors.outside import RESERVED
from collectors.webhook import posted
from collectors.webhook.posted import Refused, Told
from engine import documents
from engine.documents import Document
from engine.model.catalogue import Catalogue
from engine.model.event import Event
from engine.model.ids import content_hash

RECEIVED = "redfish.received"
FORBIDDEN = (RESERVED - {"bmc"}) | {"host", "vm"}
"""Families that no controller can speak in, whatever a map says."""
SYSTEMS = "/Systems/"
_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class MessageMap(BaseModel):
    """One file: event type by message, `Registry.Key` without a version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    messages: dict[str, str]


class _Open(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Record(_Open):
    """One event of a payload; only MessageId is always there."""

    id: str = Field(default="", alias="EventId", max_length=256)
    member: str = Field(default="", alias="MemberId", max_length=256)
    message_id: str = Field(alias="MessageId", min_length=1, max_length=256)
    message: str = Field(default="", alias="Message", max_length=8192)
    severity: str = Field(default="", alias="Severity", max_length=64)
    message_severity: str = Field(default="", alias="MessageSeverity", max_length=64)
    at: str = Field(default="", alias="EventTimestamp", max_length=64)
    origin: JsonValue = Field(default=None, alias="OriginOfCondition")
    arguments: list[JsonValue] = Field(default_factory=list, alias="MessageArgs", max_length=64)


class Payload(_Open):
    """What is posted or streamed at once."""

    context: str = Field(default="", alias="Context", max_length=1024)
    records: tuple[Record, ...] = Field(alias="Events", min_length=1, max_length=posted.LIMIT_EVENTS)


@dataclass(frozen=True, slots=True)
class Controller:
    """One controller: how it is called and which blades are behind it."""

    name: str
    """`chassis1/1`: the first blade behind it."""
    machines: Mapping[str, str]
    """Machine id by the id of its system below /redfish/v1/Systems."""
    chassis: str
    """Chassis id."""


def load(catalogue: Catalogue, files: Iterable[Path]) -> Mapping[str, str]:
    """The shipped map and a site's own over it; raises ConfigurationError naming file, line and column."""
    folder = resources.files("collectors.redfish").joinpath("maps")
    shipped = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    read = [documents.parse(folder.joinpath(name).read_bytes(), name) for name in shipped]
    found: dict[str, str] = {}
    for document in [*read, *(documents.read(path) for path in files)]:
        found |= _checked(document, catalogue).messages
    return found


def _checked(document: Document, catalogue: Catalogue) -> MessageMap:
    one = documents.validate(document, MessageMap)
    problems = []
    for key, kind in one.messages.items():
        entry = catalogue.get(kind)
        if entry is None:
            problems.append(document.problem(("messages", key), f"event type {kind!r} is not in the catalogue"))
        elif kind.partition(".")[0] in FORBIDDEN or (entry.tells is not None and entry.witness != "bmc"):
            sentence = f"event type {kind!r} is not a controller's to say: it speaks as the witness class bmc only"
            problems.append(document.problem(("messages", key), sentence))
    if problems:
        raise documents.Unreadable(problems)
    return one


def parse(body: bytes) -> Payload:
    """A payload; raises Refused for anything else."""
    try:
        return Payload.model_validate_json(body)
    except (ValidationError, RecursionError) as error:
        raise posted.unreadable(
            "not a Redfish event payload (DSP0266): it has a list Events with MessageIds"
        ) from error


def parse_streamed(body: bytes) -> Payload:
    """A payload, or a message by itself, as some services stream what they say about the stream; raises Refused."""
    try:
        return parse(body)
    except Refused:
        try:
            record = Record.model_validate_json(body)
        except (ValidationError, RecursionError):
            record = None
        if record is None:
            raise
        return Payload(Events=(record,))


def events(
    payload: Payload, controller: Controller, at: datetime, known: Mapping[str, str], words: Catalogue
) -> tuple[Told, ...]:
    """What a payload says; a controller's own running number is counted where it has one."""
    found = []
    for record in payload.records:
        counts = record.id.isascii() and record.id.isdigit() and len(record.id) < 16
        counted = (controller.name, int(record.id)) if counts else None
        found.append(Told(_event(record, controller, at, known, words), counted))
    return tuple(found)


def _event(record: Record, controller: Controller, at: datetime, known: Mapping[str, str], words: Catalogue) -> Event:
    registry, _, rest = record.message_id.partition(".")
    kind = known.get(f"{registry}.{rest.rpartition('.')[2] or rest}", RECEIVED)
    entry, origin = words.types[kind], _origin(record.origin)
    said: dict[str, JsonValue] = {
        "message_id": posted.line(record.message_id),
        "vendor_severity": posted.line(record.message_severity or record.severity),
        "part": posted.line(origin),
        "text": posted.line(record.message or " ".join(str(one) for one in record.arguments)),
        "raw": record.model_dump_json(by_alias=True)[: posted.LIMIT_RAW],  # takes numbers of any size
    }
    identity = (controller.name, record.id, record.member, record.message_id, record.at, origin, record.message)
    return Event(
        id=content_hash(("redfish", *identity, *([] if record.id or record.at else [at.isoformat()]))),
        type=kind,
        source=f"redfish/{controller.name}"[:256],
        subject=_subject(origin, controller),
        time=_when(record.at, at),
        severity=entry.severity,
        data={name: value for name, value in said.items() if value != ""},
    )


def _subject(origin: str, controller: Controller) -> str:
    """The blade whose system the origin names; the only one behind this controller; else the chassis."""
    if SYSTEMS in origin:
        system = origin.partition(SYSTEMS)[2].partition("/")[0].partition("#")[0]
        if system in controller.machines:
            return controller.machines[system]
    if len(controller.machines) == 1:
        return next(iter(controller.machines.values()))
    return controller.chassis


def _origin(value: JsonValue) -> str:
    found = value.get("@odata.id") if isinstance(value, dict) else value
    return found[:512] if isinstance(found, str) else ""


def _when(text: str, at: datetime) -> datetime:
    try:
        return _TIME.validate_python(text, strict=False) if text and not text.isdigit() else at
    except ValidationError:
        return at
