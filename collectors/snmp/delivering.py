"""From the spool to the bus: decode again, map, drop repetitions, publish in order per object, answer Informs."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from collectors.publishing import BatchPublisher
from collectors.snmp import accounting, mapping
from collectors.snmp.counting import Tally
from collectors.snmp.deduplicating import Gaps, Repeat, Repeats
from collectors.snmp.mapping import Heard, Mapped, Tables
from collectors.snmp.recognising import Remembered
from collectors.snmp.spool import Record, Spool
from collectors.snmp.unsealing import Gate
from engine.bus import codec
from engine.clients import snmp
from engine.clients.ber import Malformed
from engine.clients.snmp_v3 import Sealed
from engine.clients.usm import Unproven
from engine.clock import Clock
from engine.model.errors import Permanent, TobanError, Transient
from engine.model.event import Event
from engine.model.ids import content_hash

log = structlog.get_logger()

BATCH = 1000
AT_ONCE = 32
"""Records that are mapped before the port is looked at again."""
TOLD_EACH = 8
"""Events that are logged one by one; of more at once only the number is."""
LONGEST_PAUSE = 5.0
"""Seconds between two tries while the bus is away or the disk fails."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One record on its way out."""

    record: Record
    event: Event | None
    """None: a repetition or without a meaning; only its Inform is answered."""
    confirmed: bool
    repeat: Repeat | None = None
    notification: snmp.Notification | None = None
    """What the record says; None for what we say ourselves."""


class Delivery:
    """Publishes what the spool holds, from its position on."""

    def __init__(self, kept: Spool, tables: Tables, publisher: BatchPublisher, clock: Clock, tally: Tally) -> None:
        """Nothing happens before `run`."""
        self._kept, self._tables, self._publisher, self._clock, self._tally = kept, tables, publisher, clock, tally
        self._repeats, self._gaps = Repeats(), Gaps()
        self.more = asyncio.Event()
        """Set it when the spool has grown."""
        self.answer: Callable[[Record], None] = _no_answer
        """Confirms an Inform."""
        self.stored: Callable[[snmp.Notification, str], None] | None = None
        """Hears of each notification that is durable, a repetition too, and from where it came."""
        self.gate: Gate | None = None
        """Opens SNMPv3."""
        self.remembered = Remembered()
        """What needs not be mapped again."""

    def recall(self) -> None:
        """Learn from the published part of the spool what would be a repetition, and count what is still to publish."""
        since = self._clock.now() - timedelta(seconds=mapping.WINDOW_PET)
        for record in self._kept.history():
            if record.received_at >= since and record.source != accounting.OURS:
                mapped = self._mapped(record)[0]
                if mapped is not None:
                    self._repeats.again(mapped.repeat, record.received_at.timestamp())
        at = self._kept.published
        while at < self._kept.end:
            found, at = self._kept.read(at, BATCH)
            self._tally.add("replayed", sum(one.source != accounting.OURS for one in found))

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self.more.clear()
            try:
                records, behind = self._kept.read(self._kept.published, BATCH)
            except OSError as error:
                log.warning("trap.spool.unread", error=str(error))
                await self._clock.sleep(LONGEST_PAUSE)
                continue
            if records:
                await self._deliver(records)
            if behind > self._kept.published:
                self._kept.advance(behind)
            else:
                await self.more.wait()

    async def _deliver(self, records: Sequence[Record]) -> None:
        items = []
        for at, record in enumerate(records, start=1):
            item = self._item(record)
            if item is not None:
                items.append(item)
            if at % AT_ONCE == 0:
                await asyncio.sleep(0)  # hearing comes first
        events = [item.event for item in items if item.event is not None]
        refused = await self._stored(events) if events else frozenset[str]()
        lost = {item.repeat.identity for item in items if item.repeat and item.event and item.event.id in refused}
        for item in items:
            if item.repeat is not None and item.repeat.identity in lost:
                self._repeats.forget(item.repeat)  # nobody has it: sent again, it is news
                continue
            if item.event is not None and item.event.id not in refused:
                self._tally.add("published" if item.repeat is not None else "told")
            if item.confirmed:
                self.answer(item.record)
            if item.notification is not None and self.stored is not None:
                self.stored(item.notification, item.record.source)

    def _item(self, record: Record) -> _Item | None:
        if record.source == accounting.OURS:
            return self._own(record)
        mapped, notification = self.remembered.take(record) or self._mapped(record)
        if notification is None:
            return None
        if mapped is None:
            self._tally.add("unexplained")
            self._tally.keep("unexplained", record.source, record.datagram)
            log.warning("trap.unexplained", trap=notification.key, source=record.source)
            return _Item(record, None, notification.confirmed)
        if self._repeats.again(mapped.repeat, record.received_at.timestamp()):
            self._tally.add("duplicates")
            return _Item(record, None, notification.confirmed, mapped.repeat, notification)
        if mapped.event.type == mapping.UNMAPPED:
            self._tally.add("unmapped")
        if mapped.counted is not None:
            self._tally.add("missed", self._gaps.missed(*mapped.counted))
        event, turn = mapped.event, self._repeats.turn(mapped.repeat)
        if turn:  # a sender without a clock says the same octets again, but they are news: the bus must not drop them
            event = event.model_copy(update={"id": content_hash((event.id, turn))})
        return _Item(record, event, notification.confirmed, mapped.repeat, notification)

    def _own(self, record: Record) -> _Item | None:
        try:
            return _Item(record, codec.parse(record.datagram), confirmed=False)
        except Permanent as error:
            self._tally.add("unreadable")
            log.warning("trap.unreadable", source="ourselves", why=str(error))
            return None

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
        try:
            return mapping.to_event(Heard(decoded, record.source, record.received_at, raw), self._tables), decoded
        except Exception:  # a fault of ours that one record brings out must not come again with every start
            self._tally.add("unreadable")
            self._tally.keep("fault", record.source, record.datagram)
            log.exception("trap.fault", source=record.source)
            return None, None

    def _opened(self, raw: bytes, sealed: Sealed) -> tuple[snmp.Notification | snmp.Ignored, bytes]:
        if self.gate is None:
            raise Unproven("v3-user", "the settings no longer know a user of SNMPv3")
        return self.gate.read(raw, sealed)

    async def _stored(self, events: Sequence[Event]) -> frozenset[str]:
        """The ids that the bus will never take; all others are durable."""
        while True:
            try:
                await self._publisher.publish_all(events)
            except Permanent as error:
                if len(events) > 1:
                    return frozenset().union(*[await self._stored([one]) for one in events])
                self._tally.add("refused")
                log.warning("trap.refused", id=events[0].id, type=events[0].type, error=str(error))
                return frozenset([events[0].id])
            except (TobanError, OSError, TimeoutError) as error:
                pause = min(error.retry_after, LONGEST_PAUSE) if isinstance(error, Transient) else 1.0
                log.warning("trap.bus.away", error=str(error), retry_after=pause)
                await self._clock.sleep(pause)
            else:
                for one in events if len(events) <= TOLD_EACH else ():
                    log.info("trap.published", id=one.id, type=one.type, subject=one.subject)
                if len(events) > TOLD_EACH:
                    log.info("trap.published.many", events=len(events), first=events[0].id, last=events[-1].id)
                return frozenset()


def _no_answer(record: Record) -> None:
    log.warning("trap.inform.unanswered", source=record.source)
