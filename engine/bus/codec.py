"""Event <-> CloudEvents 1.0 structured JSON. What comes in is hostile until it has passed here."""

import orjson
from cloudevents.core.v1.event import CloudEvent
from pydantic import ValidationError

from engine.bus.port import Record
from engine.model.errors import Permanent
from engine.model.event import Arrival, Event

LIMIT = 64 * 1024
_ATTRIBUTES = frozenset({"specversion", "id", "type", "source", "subject", "time", "datacontenttype", "data"})
_EXTENSIONS = frozenset({"severity", "correlationid", "causationid", "synthetic"})


def encode(event: Event) -> bytes:
    """The event as one CloudEvents JSON document; raises `Permanent` if it is larger than 64 KiB."""
    envelope: dict[str, object] = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "subject": event.subject,
        "time": event.time.isoformat(),
        "datacontenttype": "application/json",
        "severity": event.severity.value,
        "data": event.data,
    }
    if event.correlationid is not None:
        envelope["correlationid"] = event.correlationid
    if event.causationid is not None:
        envelope["causationid"] = event.causationid
    if event.synthetic:
        envelope["synthetic"] = True
    try:
        body = orjson.dumps(envelope)
    except (TypeError, ValueError) as error:
        msg = f"event {event.type} about {event.subject} cannot be written as JSON: {error}"
        raise Permanent(msg) from error
    if len(body) > LIMIT:
        msg = f"event {event.type} about {event.subject} has {len(body)} bytes; at most {LIMIT} are stored"
        raise Permanent(msg)
    return body


def cloudevent(event: Event) -> CloudEvent:
    """The event as the CloudEvents library's own type, for whoever speaks to other tools."""
    attributes = orjson.loads(encode(event))
    data = attributes.pop("data")
    attributes["time"] = event.time
    return CloudEvent(attributes=attributes, data=data)


def parse(body: bytes) -> Event:
    """The event in a CloudEvents document; raises `Permanent` with one sentence for anything else."""
    if len(body) > LIMIT:
        msg = f"an event of {len(body)} bytes was refused; at most {LIMIT} are read"
        raise Permanent(msg)
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        msg = f"not an event: not JSON ({error})"
        raise Permanent(msg) from error
    if not isinstance(envelope, dict) or envelope.get("specversion") != "1.0":
        msg = "not an event: no CloudEvents 1.0 envelope"
        raise Permanent(msg)
    unknown = sorted(set(envelope) - _ATTRIBUTES - _EXTENSIONS)
    if unknown:
        msg = f"not an event of ours: unknown attribute {unknown[0][:40]!r}"
        raise Permanent(msg)
    fields = {name: value for name, value in envelope.items() if name not in ("specversion", "datacontenttype")}
    try:
        return Event.model_validate(fields)
    except (ValidationError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": ("data",), "msg": "too deep"}
        msg = f"not an event of ours: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise Permanent(msg) from error


def decode(record: Record) -> Arrival:
    """A stored record as an arrival."""
    return Arrival(event=parse(record.body), sequence=record.sequence, stored_at=record.stored_at)


def letter(record: Record, story: str) -> bytes:
    """A dead letter: the original body, where it was, and why it died."""
    return orjson.dumps(
        {
            "subject": record.subject,
            "sequence": record.sequence,
            "stored_at": record.stored_at.isoformat(),
            "story": story[:1000],
            "body": record.body.decode("utf-8", "backslashreplace")[:LIMIT],
        }
    )
