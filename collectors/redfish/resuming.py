"""Where a controller's stream is taken up again after a break or a restart, and what says that something is lost; pure.

A controller keeps a bounded history. Asked for what came after an event that it does not have any more, bmcweb streams
the message EventBufferExceeded of the Base registry first; others refuse the request, count anew after a reset, or give
their events no ids at all.
"""

from collections.abc import Iterable
from datetime import datetime

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

log = structlog.get_logger()

EXCEEDED = "EventBufferExceeded"


class Position(BaseModel):
    """The last event of a stream that was stored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(max_length=256)
    """By which the controller knows it; empty: it gives none."""
    number: int | None = None
    """Its own running number, where it counts."""
    at: AwareDatetime
    """When it was heard."""


def written(position: Position) -> bytes:
    """For the store."""
    return position.model_dump_json().encode()


def read(body: bytes) -> Position | None:
    """What was stored; None for nothing, or for what cannot be read."""
    if not body:
        return None
    try:
        return Position.model_validate_json(body)
    except ValidationError:
        log.warning("redfish.position.unreadable")
        return None


def lost(asked: Position, first: str, messages: Iterable[str], missed: int) -> str | None:
    """Why the first event after a break says that the ones before it are lost, or None if they are not.

    `first`: its id in the stream; `messages`: the message ids that it carries; `missed`: numbers that were left out.
    """
    if exceeded(messages):
        return "it had not kept so many"
    if asked.id.isdecimal() and first.isdecimal() and int(first) <= int(asked.id):
        return "it counts its events anew"
    return f"{missed} of its numbers are missing" if missed else None


def exceeded(messages: Iterable[str]) -> bool:
    """The controller says itself that it lost events."""
    return any(name.rpartition(".")[2] == EXCEEDED for name in messages)


def sentence(since: datetime, why: str) -> str:
    """For a person."""
    return f"could not tell again what happened after {since:%Y-%m-%d %H:%M:%S} UTC: {why}"
