"""From the spool to the bus: decode again, map, drop repetitions, publish in order per subject, answer Informs."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from collectors.publishing import Publisher
from collectors.snmp import mapping
from collectors.snmp.counting import Tally
from collectors.snmp.deduplicating import Gaps, Repeat, Repeats
from collectors.snmp.mapping import Heard, Mapped, Tables
from collectors.snmp.spool import Record, Spool
from collectors.snmp.unsealing import Gate
from engine.clients import snmp
from engine.clients.ber import Malformed
from engine.clients.snmp_v3 import Sealed
from engine.clients.usm import Unproven
from engine.clock import Clock
from engine.model.errors import Permanent, TobanError, Transient
from engine.model.event import Event

log = structlog.get_logger()

BATCH = 64
LONGEST_PAUSE = 5.0
"""Seconds between two tries while the bus is away."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One record on its way out."""

    record: Record
    event: Event | None
    """None: a repetition or without a meaning; only its Inform is answered."""
    confirmed: bool
    subject: str
    repeat: Repeat | None = None


class Delivery:
    """Publishes what the spool holds, from its position on."""

    def __init__(self, kept: Spool, tables: Tables, publisher: Publisher, clock: Clock, tally: Tally) -> None:
        """Nothing happens before `run`."""
        self._kept, self._tables, self._publisher, self._clock, self._tally = kept, tables, publisher, clock, tally
        self._repeats, self._gaps = Repeats(), Gaps()
        self.more = asyncio.Event()
        """Set it when the spool has grown."""
        self.answer: Callable[[Record], None] = _no_answer
        """Confirms an Inform."""
        self.gate: Gate | None = None
        """Opens SNMPv3."""

    def recall(self) -> None:
        """Learn from the published part of the spool what would be a repetition, and count what is still to publish."""
        since = self._clock.now() - timedelta(seconds=mapping.WINDOW_PET)
        for record in self._kept.history():
            if record.received_at >= since:
                mapped = self._mapped(record)[0]
                if mapped is not None:
                    self._repeats.again(mapped.repeat, record.received_at.timestamp())
        at = self._kept.published
        while at < self._kept.end:
            found, at = self._kept.read(at, BATCH)
            self._tally.add("replayed", len(found))

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self.more.clear()
            records, behind = self._kept.read(self._kept.published, BATCH)
            if records:
                await self._deliver(records)
            if behind > self._kept.published:
                self._kept.advance(behind)
            else:
                await self.more.wait()

    async def _deliver(self, records: Sequence[Record]) -> None:
        lanes: dict[str, list[_Item]] = {}
        for record in records:
            item = self._item(record)
            if item is not None:
                lanes.setdefault(item.subject, []).append(item)
        async with asyncio.TaskGroup() as group:
            for subject, lane in lanes.items():
                group.create_task(self._publish(lane), name=f"traps.publish.{subject}")

    def _item(self, record: Record) -> _Item | None:
        mapped, notification = self._mapped(record)
        if notification is None:
            return None
        if mapped is None:
            self._tally.add("unexplained")
            self._tally.keep("unexplained", record.source, record.datagram)
            log.warning("trap.unexplained", trap=notification.key, source=record.source)
            return _Item(record, None, notification.confirmed, record.source)
        subject = mapped.event.subject
        if self._repeats.again(mapped.repeat, record.received_at.timestamp()):
            self._tally.add("duplicates")
            return _Item(record, None, notification.confirmed, subject)
        if mapped.event.type == mapping.UNMAPPED:
            self._tally.add("unmapped")
        if mapped.counted is not None:
            self._tally.add("missed", self._gaps.missed(*mapped.counted))
        return _Item(record, mapped.event, notification.confirmed, subject, mapped.repeat)

    def _mapped(self, record: Record) -> tuple[Mapped | None, snmp.Notification | None]:
        raw = record.datagram
        try:
            decoded = snmp.decode(raw)
            if isinstance(decoded, Sealed):
                decoded, raw = self._opened(raw, decoded)
        except (Malformed, Unproven) as error:
            self._tally.add("unreadable")
            log.warning("trap.unreadable", source=record.source, why=str(error))
            return None, None
        if isinstance(decoded, snmp.Ignored):
            return None, None
        return mapping.to_event(Heard(decoded, record.source, record.received_at, raw), self._tables), decoded

    def _opened(self, raw: bytes, sealed: Sealed) -> tuple[snmp.Notification | snmp.Ignored, bytes]:
        if self.gate is None:
            raise Unproven("v3-user", "the settings no longer know a user of SNMPv3")
        return self.gate.reopen(raw, sealed), self.gate.clear(raw, sealed)

    async def _publish(self, lane: Sequence[_Item]) -> None:
        for item in lane:
            stored = item.event is None or await self._stored(item.event)
            if stored and item.confirmed:
                self.answer(item.record)
            elif not stored and item.repeat is not None:
                self._repeats.forget(item.repeat)  # nobody has it: sent again, it is news

    async def _stored(self, event: Event) -> bool:
        while True:
            try:
                await self._publisher.publish(event)
            except Permanent as error:
                self._tally.add("refused")
                log.warning("trap.refused", id=event.id, type=event.type, error=str(error))
                return False
            except (TobanError, OSError, TimeoutError) as error:
                pause = min(error.retry_after, LONGEST_PAUSE) if isinstance(error, Transient) else 1.0
                log.warning("trap.bus.away", error=str(error), retry_after=pause)
                await self._clock.sleep(pause)
            else:
                self._tally.add("published")
                log.info("trap.published", id=event.id, type=event.type, subject=event.subject)
                return True


def _no_answer(record: Record) -> None:
    log.warning("trap.inform.unanswered", source=record.source)
