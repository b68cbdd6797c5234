"""A recorded stretch of time as JSON lines: what was stored, in its order, with the estate it is about.

    record     version, since (events are read from then), from, to (decisions are compared between them), estate
    inventory  the latest word about every object
    decision   what was decided, and what was seen for it
    event      sequence, stored_at and the CloudEvent
    end        the file is whole

What people ordered (stop switch, maintenance, approvals) is not in a record. A file from outside is hostile: every line
is bounded, and the first mistake is named with its line.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from engine.bus import codec, subjects
from engine.bus.port import Bus
from engine.model.decision import Decision, DecisionRecord
from engine.model.errors import ConfigurationError, Permanent
from engine.model.estate import Site
from engine.model.event import Arrival

LIMIT_HEAD = 8 * 1024 * 1024
LIMIT_LINE = 2 * codec.LIMIT


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Head(_Line):
    """The first line."""

    kind: Literal["record"] = "record"
    version: Literal[1] = 1
    since: AwareDatetime
    """Events are read from then, so that what was open at `start` is known."""
    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")
    estate: Site


class Stored(_Line):
    """An event or a word of the inventory."""

    kind: Literal["inventory", "event"]
    sequence: int = Field(ge=0)
    stored_at: AwareDatetime
    event: dict[str, JsonValue]


class Decided(_Line):
    """A decision."""

    kind: Literal["decision"] = "decision"
    decision: Decision


class End(_Line):
    """The last line; a record that was broken off says until when it reaches."""

    kind: Literal["end"] = "end"
    events: int = Field(ge=0)
    until: AwareDatetime


@dataclass(frozen=True, slots=True)
class Pictured:
    """A word of the inventory."""

    arrival: Arrival


Item: TypeAlias = Head | Pictured | Arrival | Decided | End
_LINES: Mapping[str, type[Head | Stored | Decided | End]] = {
    "record": Head,
    "inventory": Stored,
    "decision": Decided,
    "event": Stored,
    "end": End,
}


async def of_bus(bus: Bus, head: Head) -> AsyncGenerator[Item, None]:
    """What the bus keeps of that time; a message that nobody can read is left out, as the engine leaves it out."""
    yield head
    async for record in bus.replay(subjects.ALL_INVENTORY, last_per_subject=True):
        try:
            yield Pictured(codec.decode(record))
        except Permanent:
            continue
    async for record in bus.replay(subjects.ALL_DECISIONS, since=head.since):
        if record.stored_at > head.end:
            break
        try:
            yield Decided(decision=DecisionRecord.model_validate_json(record.body).decision)
        except ValidationError:
            continue
    count = 0
    async for record in bus.replay(subjects.ALL_EVENTS, since=head.since):
        if record.stored_at > head.end:
            break
        try:
            yield codec.decode(record)
        except Permanent:
            continue
        count += 1
    yield End(events=count, until=head.end)


def line(item: Item) -> bytes:
    """One line with its end."""
    if isinstance(item, Head | Decided | End):
        return item.model_dump_json(by_alias=True).encode() + b"\n"
    arrival, kind = (item.arrival, "inventory") if isinstance(item, Pictured) else (item, "event")
    event = orjson.loads(codec.encode(arrival.event))
    found = {"kind": kind, "sequence": arrival.sequence, "stored_at": arrival.stored_at.isoformat(), "event": event}
    return orjson.dumps(found) + b"\n"


async def of_file(path: Path) -> AsyncGenerator[Item, None]:
    """The items of a file, one by one. Raises `ConfigurationError` with file and line for the first mistake."""
    try:
        with path.open("rb") as file:
            for item in _items(path, file):
                yield item
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}); make a record with: toban record --out {path}"
        raise ConfigurationError(msg) from error


def _items(path: Path, file: BinaryIO) -> Iterator[Item]:
    reached, number, last = 0, 0, None
    while True:
        limit = LIMIT_LINE if number else LIMIT_HEAD
        raw, number = file.readline(limit + 1), number + 1
        if not raw:
            break
        try:
            item, kind = _item(raw, limit)
            reached = _in_order(kind, reached, first=number == 1)
            if isinstance(item, Arrival):
                _forward(last, item.stored_at)
                last = item.stored_at
        except (Permanent, ValidationError, RecursionError) as error:
            raise ConfigurationError(f"{path}:{number}: {_words(error)}") from error
        yield item
        if isinstance(item, End) and file.read(1):
            msg = f"{path}:{number + 1}: there is more behind the end of the record"
            raise ConfigurationError(msg)
    if number == 1:
        msg = f"{path}:1: this is no record; make one with: toban record --out FILE"
        raise ConfigurationError(msg)


def _item(raw: bytes, limit: int) -> tuple[Item, str]:
    if len(raw) > limit:
        msg = f"a line of more than {limit} bytes was refused"
        raise Permanent(msg)
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        msg = f"not JSON ({error}); a record that was broken off in a line ends so: cut the line off"
        raise Permanent(msg) from error
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str) or kind not in _LINES:
        msg = f"not a line of a record: kind must be one of {', '.join(_LINES)}"
        raise Permanent(msg)
    found = _LINES[kind].model_validate_json(raw)
    if not isinstance(found, Stored):
        return found, kind
    event = codec.parse(orjson.dumps(found.event))
    arrival = Arrival(event=event, sequence=found.sequence, stored_at=found.stored_at)
    return (Pictured(arrival) if kind == "inventory" else arrival), kind


def _in_order(kind: str, reached: int, *, first: bool) -> int:
    order = list(_LINES)
    if first != (kind == "record") or order.index(kind) < reached:
        msg = f"a line of kind {kind} does not belong here; the order is {', '.join(order)}"
        raise Permanent(msg)
    return order.index(kind)


def _forward(last: datetime | None, now: datetime) -> None:
    if last is not None and now < last:
        msg = f"stored_at goes back from {last.isoformat()} to {now.isoformat()}; events stand in the order of storage"
        raise Permanent(msg)


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error) if isinstance(error, Permanent) else "nested too deep"
