"""The bus in one process: the same promises without a broker, for scenarios, rehearsal and tests.

`Storage` outlives the bus, so that a test can let a process die and start another one on what was stored.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.bus import codec, subjects
from engine.bus.port import Delivery, Health, KvEntry, Record, Stored, Subscription
from engine.clock import Clock
from engine.model.errors import Conflict
from engine.model.event import Event


@dataclass(slots=True)
class _Reader:
    """What is kept of a durable reader."""

    pattern: str
    next: int = 0
    """Sequences up to here were handed out at least once."""
    waiting: dict[int, tuple[float, int]] = field(default_factory=dict)
    """Handed out, not yet done: (when it comes again, how often it was handed out)."""


@dataclass(slots=True)
class Storage:
    """What is durable: records by stream, ids seen, readers' positions."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    lives: dict[tuple[str, int], float] = field(default_factory=dict)
    readers: dict[str, _Reader] = field(default_factory=dict)


class MemoryBus:
    """Keeps the promises of `engine.bus.port.Bus` by the handed clock."""

    def __init__(self, clock: Clock, storage: Storage | None = None) -> None:
        """A new storage, or one that an earlier bus left behind."""
        self._clock = clock
        self._storage = storage or Storage()
        self._changed = asyncio.Event()

    async def publish(self, event: Event) -> Stored:
        """Once per id."""
        subject, body = subjects.for_event(event), codec.encode(event)
        stream = subjects.stream_of(subject).name
        known = self._storage.ids.get(f"{stream}/{event.id}")
        if known is not None:
            return Stored(stream, known, duplicate=True)
        sequence = self._store(subject, body, None)
        self._storage.ids[f"{stream}/{event.id}"] = sequence
        return Stored(stream, sequence, duplicate=False)

    async def publish_all(self, events: Sequence[Event]) -> None:
        """One after the other; what can never be stored is found first."""
        for event in events:
            codec.encode(event)
        for event in events:
            await self.publish(event)

    async def append(self, subject: str, body: bytes, *, expected: int, nonce: str) -> int:
        """Compare-and-set by subject."""
        newest = await self.last(subject)
        if (newest.sequence if newest else 0) != expected:
            if newest is not None and newest.nonce == nonce:
                return newest.sequence
            msg = f"somebody else wrote {subject} first"
            raise Conflict(msg)
        return self._store(subject, body, nonce)

    def _store(self, subject: str, body: bytes, nonce: str | None) -> int:
        plan = subjects.stream_of(subject)
        sequence = self._storage.sequences.get(plan.name, 0) + 1
        self._storage.sequences[plan.name] = sequence
        kept = self._storage.records.setdefault(plan.name, [])
        if plan.latest_only:
            kept[:] = [record for record in kept if record.subject != subject]
        kept.append(Record(subject, sequence, body, self._clock.now(), nonce))
        self._changed.set()
        return sequence

    def _stored(self, pattern: str) -> list[Record]:
        plan = subjects.stream_of(pattern)
        now = self._clock.monotonic()
        return [
            record
            for record in self._storage.records.get(plan.name, [])
            if subjects.fits(record.subject, pattern)
            and self._storage.lives.get((plan.name, record.sequence), now + 1) > now
        ]

    async def last(self, subject: str) -> Record | None:
        """The newest record."""
        found = self._stored(subject)
        return found[-1] if found else None

    async def replay(
        self, subject: str, *, since: datetime | None = None, last_per_subject: bool = False
    ) -> AsyncIterator[Record]:
        """All that is stored now."""
        found = [record for record in self._stored(subject) if since is None or record.stored_at >= since]
        if last_per_subject:
            newest = {record.subject: record.sequence for record in found}
            found = [record for record in found if newest[record.subject] == record.sequence]
        for record in found:
            yield record

    async def follow(self, subject: str, *, from_start: bool = False) -> AsyncGenerator[Record, None]:
        """Without end."""
        stream = subjects.stream_of(subject).name
        seen = 0 if from_start else self._storage.sequences.get(stream, 0)
        while True:
            for record in self._stored(subject):
                if record.sequence > seen:
                    seen = record.sequence
                    yield record
            self._changed.clear()
            await self._changed.wait()

    @asynccontextmanager
    async def subscription(
        self, durable: str, subject: str, *, ack_wait: float = 30.0, max_deliver: int = 8
    ) -> AsyncIterator[Subscription]:
        """The durable reader of that name; its position lies in the storage."""
        reader = self._storage.readers.setdefault(durable, _Reader(subject))
        yield MemorySubscription(self, reader, ack_wait, max_deliver)

    async def wait_for_change(self, timeout: float) -> None:
        """Return when something was stored, or after `timeout` seconds of the handed clock."""
        self._changed.clear()
        async with asyncio.TaskGroup() as group:
            change = group.create_task(self._wait())
            await self._clock.sleep(timeout)
            change.cancel()

    async def _wait(self) -> None:
        await self._changed.wait()

    async def get(self, bucket: str, key: str) -> KvEntry | None:
        """The latest value."""
        found = await self.last(subjects.key(bucket, key))
        return KvEntry(found.body, found.sequence, found.stored_at) if found else None

    async def put(self, bucket: str, key: str, value: bytes) -> int:
        """Last write wins."""
        return self._store(subjects.key(bucket, key), value, None)

    async def swap(self, bucket: str, key: str, value: bytes, *, expected: int, life: float | None = None) -> int:
        """Compare-and-set with an end of life."""
        subject = subjects.key(bucket, key)
        sequence = await self.append(subject, value, expected=expected, nonce=f"{expected}.{value!r}")
        if life is not None:
            until = self._clock.monotonic() + timedelta(seconds=life).total_seconds()
            self._storage.lives[(subjects.stream_of(subject).name, sequence)] = until
        return sequence

    async def health(self) -> Health:
        """Always there."""
        return Health(connected=True, detail="in memory")

    def hand_out(self, reader: _Reader, limit: int, ack_wait: float, max_deliver: int) -> list["MemoryDelivery"]:
        """What is due for this reader: first what comes again, then what is new."""
        now = self._clock.monotonic()
        out: list[MemoryDelivery] = []
        for record in self._stored(reader.pattern):
            due, count = reader.waiting.get(record.sequence, (now, 0))
            is_new = record.sequence > reader.next
            if len(out) == limit or not (is_new or (record.sequence in reader.waiting and due <= now)):
                continue
            reader.next = max(reader.next, record.sequence)
            if count >= max_deliver:
                del reader.waiting[record.sequence]
                self.bury(record, f"not done after {count} deliveries")
                continue
            reader.waiting[record.sequence] = (now + ack_wait, count + 1)
            out.append(MemoryDelivery(self, reader, record, count + 1))
        return out

    def bury(self, record: Record, story: str) -> None:
        """Keep a dead letter with its story."""
        stream = subjects.stream_of(record.subject).name
        subject = subjects.dead(stream, record.sequence)
        if not self._stored(subject):
            self._store(subject, codec.letter(record, story), None)

    def now(self) -> float:
        """The clock that waits are counted by."""
        return self._clock.monotonic()


class MemorySubscription:
    """A durable reader."""

    def __init__(self, bus: MemoryBus, reader: _Reader, ack_wait: float, max_deliver: int) -> None:
        """Made by `MemoryBus.subscription`."""
        self._bus, self._reader, self._ack_wait, self._max_deliver = bus, reader, ack_wait, max_deliver

    async def fetch(self, limit: int, timeout: float) -> list[Delivery]:
        """What is due, or [] after the time-out."""
        found = self._bus.hand_out(self._reader, limit, self._ack_wait, self._max_deliver)
        if not found:
            await self._bus.wait_for_change(timeout)
            found = self._bus.hand_out(self._reader, limit, self._ack_wait, self._max_deliver)
        return list(found)


@dataclass(slots=True)
class MemoryDelivery:
    """One record to work on."""

    bus: MemoryBus
    reader: _Reader
    record: Record
    delivered: int

    async def ack(self) -> None:
        """Done."""
        self.reader.waiting.pop(self.record.sequence, None)

    async def nak(self, delay: float) -> None:
        """Again later."""
        self.reader.waiting[self.record.sequence] = (self.bus.now() + delay, self.delivered)

    async def term(self, reason: str) -> None:
        """Never again."""
        self.reader.waiting.pop(self.record.sequence, None)
        self.bus.bury(self.record, reason)

    async def in_progress(self) -> None:
        """The wait begins anew."""
        self.reader.waiting[self.record.sequence] = (self.bus.now() + 30.0, self.delivered)
