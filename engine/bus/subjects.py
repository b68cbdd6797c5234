"""Subject names and stream definitions, in one place (messaging.md 3 and 6)."""

import zlib
from dataclasses import dataclass
from functools import lru_cache

from engine.model.errors import Permanent
from engine.model.event import Event

ALL_EVENTS = "events.>"
ALL_INVENTORY = "inventory.>"
ALL_DECISIONS = "decisions.>"
ALL_RUNS = "runs.>"
ALL_DEAD = "dead.>"
ALL_NOTICES = "notices.>"
PARTITIONS = 8
UUID = 36


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """How a stream is kept: days, bytes; `latest_only` keeps one record per subject and drops the older one."""

    name: str
    subjects: tuple[str, ...]
    days: int
    max_bytes: int
    latest_only: bool = False


MIB = 1024 * 1024
STREAMS: tuple[StreamPlan, ...] = (
    StreamPlan("EVENTS", (ALL_EVENTS,), 14, 1024 * MIB),
    StreamPlan("INVENTORY", (ALL_INVENTORY,), 3650, 256 * MIB, latest_only=True),
    StreamPlan("DECISIONS", (ALL_DECISIONS,), 400, 256 * MIB),
    StreamPlan("RUNS", (ALL_RUNS,), 400, 256 * MIB),
    StreamPlan("NOTICES", (ALL_NOTICES,), 60, 64 * MIB),
    StreamPlan("DEAD", (ALL_DEAD,), 60, 128 * MIB),
    StreamPlan("CURSORS", ("cursors.>",), 3650, 16 * MIB, latest_only=True),
    StreamPlan("KV_CONTROL", ("$KV.CONTROL.>",), 3650, 16 * MIB, latest_only=True),
    StreamPlan("KV_LEASES", ("$KV.LEASES.>",), 3650, 16 * MIB, latest_only=True),
)


def token(name: str) -> str:
    """Any text as one subject token: letters, digits, `-` and `_` stay, the rest becomes `=xxxx`; reversible."""
    out = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else f"={ord(c):06x}" for c in name)
    if not out or len(out) > 600:
        msg = f"{name[:40]!r} cannot be part of a subject"
        raise Permanent(msg)
    return out


def untoken(text: str) -> str:
    """The name behind a token."""
    head, *rest = text.split("=")
    return head + "".join(chr(int(part[:6], 16)) + part[6:] for part in rest)


def for_event(event: Event) -> str:
    """Where an event is stored: by partition and object, inventory by kind and object.

    What vCenters show is kept apart by vCenter, and VMs by their instance UUID: names are not unique among them.
    """
    if not event.type.startswith("inventory."):
        return events_about(event.subject)
    place = f"inventory.{token(event.type.partition('.')[2])}.{token(event.subject)}"
    uuid = event.data.get("instance_uuid")
    if isinstance(uuid, str) and 0 < len(uuid) <= UUID:
        return f"{place}.{token(uuid)}"
    return f"{place}.{token(event.source)}" if event.source.startswith("vcenter/") else place


@lru_cache(maxsize=4096)
def events_about(name: str) -> str:
    """All events about one object."""
    return f"events.{zlib.crc32(name.encode()) % PARTITIONS}.{token(name)}"


def decision(match: str, revision: int) -> str:
    """One decision about a match."""
    return f"decisions.{token(match)}.{revision}"


def decisions_of(match: str) -> str:
    """All decisions about a match."""
    return f"decisions.{token(match)}.>"


def run(name: str) -> str:
    """The journal of a run."""
    return f"runs.{token(name)}"


def run_of(subject: str) -> str:
    """The run whose journal this subject is."""
    return untoken(subject.removeprefix("runs."))


def notice(name: str) -> str:
    """One notice in the outbox."""
    return f"notices.{token(name)}"


def cursor(collector: str) -> str:
    """Where a collector keeps its position."""
    return f"cursors.{token(collector)}"


def dead(stream: str, sequence: int) -> str:
    """A dead letter, by where it was."""
    return f"dead.{stream}.{sequence}"


def key(bucket: str, name: str) -> str:
    """A key of a bucket."""
    return f"$KV.{bucket}.{'.'.join(token(part) for part in name.split('.'))}"


def keys_of(bucket: str) -> str:
    """Every key of a bucket."""
    return f"$KV.{bucket}.>"


def name_of_key(subject: str) -> str:
    """The key behind a bucket's subject."""
    return ".".join(untoken(part) for part in subject.split(".")[2:])


@lru_cache(maxsize=4096)
def stream_of(subject: str) -> StreamPlan:
    """The stream that holds a subject."""
    for plan in STREAMS:
        if any(subject == s or subject.startswith(s.removesuffix(">")) for s in plan.subjects):
            return plan
    msg = f"no stream holds the subject {subject[:80]!r}"
    raise Permanent(msg)


def fits(subject: str, pattern: str) -> bool:
    """Whether a subject lies under a pattern with `*` and `>`."""
    parts, wanted = subject.split("."), pattern.split(".")
    for index, want in enumerate(wanted):
        if want == ">":
            return len(parts) > index
        if index >= len(parts) or want not in ("*", parts[index]):
            return False
    return len(parts) == len(wanted)
