"""The promises of the bus, in words. JetStream and memory keep them alike; one contract suite holds both to it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.model.event import Event


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a published event is kept."""

    stream: str
    sequence: int
    duplicate: bool
    """It was stored before; nothing was added."""


@dataclass(frozen=True, slots=True)
class Record:
    """One stored message."""

    subject: str
    sequence: int
    body: bytes
    stored_at: datetime
    nonce: str | None = None
    """The writer's own mark on a compare-and-set append."""


@dataclass(frozen=True, slots=True)
class KvEntry:
    """The latest value of a key."""

    value: bytes
    revision: int
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the bus can be relied on now."""

    connected: bool
    detail: str


class Delivery(Protocol):
    """A record that is ours to work on until `ack_wait` is over."""

    @property
    def record(self) -> Record:
        """What was stored."""
        ...

    @property
    def delivered(self) -> int:
        """How often it was handed out, this time included."""
        ...

    async def ack(self) -> None:
        """Done; never again."""
        ...

    async def nak(self, delay: float) -> None:
        """Not now; again after `delay` seconds."""
        ...

    async def term(self, reason: str) -> None:
        """Never again; it goes to the dead letters with its story."""
        ...

    async def in_progress(self) -> None:
        """Still at it: `ack_wait` begins anew."""
        ...


class Subscription(Protocol):
    """A durable reader: at least once, in order per subject, position kept by name across restarts."""

    async def fetch(self, limit: int, timeout: float) -> list[Delivery]:
        """Up to `limit` deliveries, as soon as there is one; [] after `timeout` seconds without any."""
        ...


class Bus(Protocol):
    """Durable, replayable, once per id."""

    async def publish(self, event: Event) -> Stored:
        """Store an event once per id. Raises `Transient` if it could not be stored within the deadline."""
        ...

    async def publish_all(self, events: Sequence[Event]) -> None:
        """Store events, each once per id and in this order per object; when it returns, all are durable.

        Raises `Permanent` before anything is stored if one of them can never be; `Transient` if some may not be
        stored: the same call again is safe.
        """
        ...

    async def append(self, subject: str, body: bytes, *, expected: int, nonce: str) -> int:
        """Store after position `expected` of this subject (0: must be its first); the new position.

        Our own write found again after a lost answer is recognised by its nonce. Raises `Conflict` if another wrote
        there, `Transient` if the outcome is unknown (look with `last` before anything else).
        """
        ...

    async def last(self, subject: str) -> Record | None:
        """The newest record of one subject."""
        ...

    def replay(
        self, subject: str, *, since: datetime | None = None, last_per_subject: bool = False
    ) -> AsyncIterator[Record]:
        """All that is stored now and fits, oldest first; then it ends."""
        ...

    def follow(self, subject: str, *, from_start: bool = False) -> AsyncGenerator[Record, None]:
        """What is stored from now on (or from the beginning), without end. For watchers, not for work."""
        ...

    def subscription(
        self, durable: str, subject: str, *, ack_wait: float = 30.0, max_deliver: int = 8
    ) -> AbstractAsyncContextManager[Subscription]:
        """The durable reader of that name."""
        ...

    async def get(self, bucket: str, key: str) -> KvEntry | None:
        """The latest value of a key, read from the leader; None where there is none (or its life is over)."""
        ...

    async def put(self, bucket: str, key: str, value: bytes) -> int:
        """Set a key, last write wins; its revision."""
        ...

    async def swap(self, bucket: str, key: str, value: bytes, *, expected: int, life: float | None = None) -> int:
        """Set a key if its revision is still `expected` (0: absent); it vanishes after `life` seconds.

        Raises `Conflict` if it is not.
        """
        ...

    async def health(self) -> Health:
        """Ask the broker."""
        ...
