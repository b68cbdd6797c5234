"""A record of a night: what was stored, as JSON lines. Written from the bus, read back as hostile input."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from engine.bus import codec
from engine.bus.port import Record
from engine.model.decision import Decision
from engine.model.errors import ConfigurationError, Permanent
from engine.model.event import Arrival

LIMIT_LINE = 256 * 1024


class Line(BaseModel):
    """One line: an inventory entry or an event, with where and when it was stored; or a decision."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["inventory", "event", "decision"]
    sequence: int = 0
    stored_at: AwareDatetime
    body: dict[str, JsonValue]


class _Decided(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Decision = Field(discriminator="kind")


@dataclass(frozen=True, slots=True)
class Recording:
    """A record in memory: the inventory as it stood at its end, events and decisions in the order of storage."""

    inventory: tuple[Arrival, ...]
    events: tuple[Arrival, ...]
    decisions: tuple[Decision, ...]

    @property
    def begins(self) -> datetime | None:
        """When its first event was stored."""
        return self.events[0].stored_at if self.events else None


def line_of(record: Record, kind: Literal["inventory", "event", "decision"]) -> bytes:
    """A stored message as a line of a record."""
    head = {"kind": kind, "sequence": record.sequence, "stored_at": record.stored_at.isoformat()}
    return orjson.dumps({**head, "body": orjson.loads(record.body)}) + b"\n"


def read(path: Path) -> Recording:
    """The record in a file; raises `ConfigurationError` with FILE:LINE and one sentence."""
    inventory: list[Arrival] = []
    events: list[Arrival] = []
    decisions: list[Decision] = []
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(_lines(file, path), start=1):
                line = _parsed(raw, f"{path}:{number}")
                if line.kind == "decision":
                    decisions.append(_decision(line, f"{path}:{number}"))
                else:
                    (inventory if line.kind == "inventory" else events).append(_arrival(line, f"{path}:{number}"))
    except OSError as error:
        msg = f"{path}: cannot read the record: {(error.strerror or 'unreadable').lower()}"
        raise ConfigurationError(msg) from error
    events.sort(key=lambda one: one.sequence)
    return Recording(tuple(inventory), tuple(events), tuple(decisions))


def _lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    number = 0
    while raw := file.readline(LIMIT_LINE + 1):
        number += 1
        if len(raw) > LIMIT_LINE:
            msg = f"{path}:{number}: the line is longer than {LIMIT_LINE // 1024} KiB; this is no record"
            raise ConfigurationError(msg)
        yield raw


def _parsed(raw: bytes, where: str) -> Line:
    try:
        return Line.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the line"
        msg = f"{where}: no line of a record: {place}: {first['msg'].lower()[:120]}"
        raise ConfigurationError(msg) from error


def _arrival(line: Line, where: str) -> Arrival:
    try:
        event = codec.parse(orjson.dumps(line.body))
    except (Permanent, TypeError) as error:
        msg = f"{where}: {error}"
        raise ConfigurationError(msg) from error
    return Arrival(event=event, sequence=line.sequence, stored_at=line.stored_at)


def _decision(line: Line, where: str) -> Decision:
    try:
        return _Decided.model_validate(line.body).decision
    except ValidationError as error:
        msg = f"{where}: no decision: {error.errors()[0]['msg'].lower()[:120]}"
        raise ConfigurationError(msg) from error
