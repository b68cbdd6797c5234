"""The trap listener: hear, judge, keep on disk, then publish; an Inform is answered when its event is durable.

Two tasks with the spool between them, so that a bus that is away never stops the hearing. At least once: after a crash
the unpublished part of the spool is published again under the same ids. Order is kept per subject.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from collectors.publishing import BatchPublisher
from collectors.snmp import accounting, binding, delivering, engine_file, spool
from collectors.snmp.accounting import Accounts
from collectors.snmp.acknowledging import Acknowledging
from collectors.snmp.admitting import Limits, Rates, Sources
from collectors.snmp.collapsing import Collapsing
from collectors.snmp.counting import Counts, Sample, Tally
from collectors.snmp.engine_file import EngineState
from collectors.snmp.keeping import WaitingRoom
from collectors.snmp.mapping import Tables
from collectors.snmp.maps import TrapMaps
from collectors.snmp.origins import Origins
from collectors.snmp.receiving import Receiver
from collectors.snmp.recognising import Recogniser, Remembered
from collectors.snmp.unsealing import Gate, TrapUser
from engine.clients import ipmi_pet, snmp
from engine.clients.ber import Malformed
from engine.clients.snmp_v3 import Sealed
from engine.clients.usm import Unproven
from engine.clock import Clock
from engine.model import catalogue
from engine.model.errors import ConfigurationError
from engine.model.source import Source

log = structlog.get_logger()

BEAT_EVERY = 5.0
DEAF_AFTER = 20.0
"""Seconds without hearing its own heartbeat after which the port counts as deaf."""


@dataclass(frozen=True, slots=True)
class TrapSettings:
    """How traps are received."""

    spool_dir: Path
    bind: str = "0.0.0.0"  # noqa: S104  # traps come from the management network; `sources` says from where
    port: int = 162
    communities: tuple[str, ...] = ("public",)
    """Community strings that are heard; forged ones are possible, so this only keeps strangers out."""
    users: tuple[TrapUser, ...] = ()
    """Users of SNMPv3; without any, v3 is refused."""
    sources: tuple[str, ...] = ()
    """Networks or addresses that may send; empty: all."""
    spool_bytes: int = 256 * 1024 * 1024
    waiting: int = 20_000
    """Datagrams held in memory while the spool cannot take them."""
    limits: Limits = field(default_factory=Limits)
    """How much may come in."""
    acknowledge: int | None = ipmi_pet.PORT
    """The port of controllers that are told when their Platform Event Traps are stored; None: they are not."""
    entropy: Callable[[int], bytes] = os.urandom
    """Makes our SNMPv3 engine id in the first life."""


class TrapListener:
    """Hears one UDP port."""

    def __init__(
        self, settings: TrapSettings, maps: TrapMaps, origins: Origins, publisher: BatchPublisher, clock: Clock
    ) -> None:
        """Nothing is opened before `run`; raises ConfigurationError for a source that is no network."""
        self._settings, self._publisher, self._clock = settings, publisher, clock
        self._tables = Tables(maps, origins, catalogue.shipped())
        self._communities = frozenset(item.encode() for item in settings.communities)
        self._sources = Sources(settings.sources)
        limits = settings.limits
        self._floods = Rates(limits.flood, limits.flood_total)
        self._rates = Rates(limits.strangers, limits.total, limits.declared)
        self._tally = Tally()
        self._room = WaitingRoom(settings.waiting, clock, self._tally)
        self._recogniser, self._remembered = Recogniser(self._tables), Remembered()
        self._collapsing = Collapsing()
        self._accounts = Accounts(self._collapsing, self._tally, clock, self._communities)
        self._receiver: Receiver | None = None
        self._bound = (settings.bind, settings.port)
        self._last: float | None = None
        to = settings.acknowledge
        self._acknowledging = Acknowledging(origins, self._tally, to) if to is not None else None
        self._gate: Gate | None = None
        self._engine_file = settings.spool_dir / engine_file.NAME
        self._written: EngineState | None = None
        self._mark = secrets.token_bytes(16)
        """Only this process knows it: a datagram with it is our own heartbeat, and nothing but this octet string."""
        self._beat: float | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the port is the real one once it runs."""
        return self._bound

    def counts(self) -> Counts:
        """The numbers now."""
        return self._tally.counts()

    def source(self) -> Source:
        """How traps stand. No trap for long is no blindness: a healthy chassis has nothing to say."""
        counts, now = self.counts(), self._clock.monotonic()
        age = now - self._last if self._last is not None else None
        beat = now - self._beat if self._beat is not None else None
        deaf = f"the trap port has not heard its own heartbeat for {beat:.0f} s" if (beat or 0.0) > DEAF_AFTER else None
        closed = "the trap port is not open" if beat is None else None
        blind = closed or deaf or self._room.stuck
        return Source(name="traps", age=age, beat=beat, blind=blind, gaps=counts.missed, drops=counts.drops())

    def samples(self) -> tuple[Sample, ...]:
        """The latest refused datagrams."""
        return self._tally.samples()

    async def run(self, ready: asyncio.Event) -> None:
        """Hear until cancelled; `ready` is set once datagrams are received.

        Raises ConfigurationError if the port or the spool cannot be used.
        """
        receiver = self._receiver = Receiver(self._bind(), self._hear)
        try:
            kept = spool.Spool(self._settings.spool_dir, spool.SpoolSize(limit=self._settings.spool_bytes))
        except ConfigurationError:
            receiver.close()
            raise
        try:
            self._gate = await asyncio.to_thread(self._gated)
            self._room.prepare = self._remembering
            receiver.start()
            delivery = delivering.Delivery(kept, self._tables, self._publisher, self._clock, self._tally)
            delivery.answer, delivery.gate, delivery.remembered = self._answer, self._gate, self._remembered
            if self._acknowledging is not None:
                delivery.stored = self._acknowledging.stored
            delivery.recall()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._room.keep(kept, delivery.more.set), name="traps.keep")
                group.create_task(delivery.run(), name="traps.deliver")
                group.create_task(self._live(receiver), name="traps.heartbeat")
                group.create_task(self._account(receiver, kept), name="traps.account")
                ready.set()
        finally:
            receiver.close()
            if self._acknowledging is not None:
                self._acknowledging.close()
            self._room.add(self._accounts.due(every=True))
            self._room.flush(kept)
            kept.close()

    def _bind(self) -> socket.socket:
        opened = binding.bound(self._settings.bind, self._settings.port)
        name, granted = opened.getsockname(), opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._bound = (name[0], name[1])
        log.info("trap.listening", address=name[0], port=name[1], receive_buffer=granted)
        return opened

    async def _account(self, receiver: Receiver, kept: spool.Spool) -> None:
        while True:
            await self._clock.sleep(accounting.EVERY)
            self._accounts.look(receiver.dropped(), kept.damaged)
            if self._room.has_room(urgent=True):
                self._room.add(self._accounts.due())

    def _hear(self, data: bytes, source: str, port: int) -> None:
        """Judge one datagram, count it or put it into the waiting room; never raises."""
        if data == self._mark:
            self._beat = self._clock.monotonic()
            return
        self._tally.add("received")
        if not self._sources.admits(source):
            self._reject("source", source, data)
        elif not self._floods.admits(source, True, self._clock.monotonic()):
            self._tally.add("dropped_by_flood")
        else:
            try:
                self._judge(data, source, port)
            except Exception as error:  # a fault of ours that one datagram brings out costs no other one
                if self._reject("fault", source, data, f"{type(error).__name__}: {error}"[:256]):
                    log.exception("trap.fault", source=source)

    def _judge(self, data: bytes, source: str, port: int) -> None:
        try:
            decoded = snmp.decode(data)
            sealed = decoded if isinstance(decoded, Sealed) else None
            if isinstance(decoded, Sealed):
                decoded = self._unsealed(data, decoded, (source, port))
        except (Malformed, Unproven) as error:
            self._reject(error.reason, source, data, str(error))
            return
        if isinstance(decoded, snmp.Ignored):
            self._reject(decoded.what, source, data)
        elif sealed is None and decoded.community not in self._communities:
            self._reject("community", source, data)
        elif self._admitted(decoded, data, source, port) and sealed is not None and self._gate is not None:
            self._gate.remember(data, sealed)

    def _admitted(self, decoded: snmp.Notification, data: bytes, source: str, port: int) -> bool:
        """Whether it was counted or waits for the disk; an Inform is never counted away: its sender wants an answer."""
        at, now = self._clock.monotonic(), self._clock.now()
        said, mapped = self._recogniser.said(decoded, source, now, data)
        urgent = said is not None and said.urgent
        if said is not None and not decoded.confirmed and self._collapsing.counted(said, at, now):
            self._tally.add("collapsed")
        elif not self._room.has_room(urgent=urgent):
            self._tally.add("backlog_lost")
            return False
        elif not self._rates.admits(source, self._tables.origins.known(source), at, urgent=urgent):
            self._tally.add("dropped_by_rate")
            return False
        else:
            self._tally.add("accepted")
            record = spool.Record(now, source, port, data)
            self._room.add([record])
            if mapped is not None and decoded.security is None:
                self._remembered.put(record, mapped, decoded)
            if said is not None:
                self._collapsing.told(said, at)
        self._last = at
        if decoded.notes:
            self._tally.add("lenient")
        return True

    def _unsealed(self, data: bytes, sealed: Sealed, sender: tuple[str, int]) -> snmp.Notification | snmp.Ignored:
        if self._gate is None:
            return snmp.Ignored("v3")
        try:
            return self._gate.admit(data, sealed, sender[0])
        except Unproven as error:
            report = self._gate.report_to(data, sealed, error, sender[0])
            if report is not None:
                self._send(report, sender)
            raise

    def _reject(self, reason: str, source: str, data: bytes, detail: str = "") -> bool:
        """Count it; whether it is told: the 1st, 2nd, 4th, 8th ..., as a storm must not become a storm of lines."""
        count = self._tally.reject(reason, source, data)
        told = count & (count - 1) == 0
        if told:
            log.info("trap.rejected", reason=reason, source=source, count=count, detail=detail)
        return told

    def _answer(self, record: spool.Record) -> None:
        sealed = isinstance(snmp.decode(record.datagram), Sealed)
        response = snmp.response_to(record.datagram) if not sealed else None
        if sealed and self._gate is not None:
            response = self._gate.response_to(record.datagram)
        if response is not None:
            self._send(response, (record.source, record.port))

    def _send(self, datagram: bytes, to: tuple[str, int]) -> None:
        if self._receiver is not None:
            self._receiver.send(datagram, to)

    def _gated(self) -> Gate | None:
        if not self._settings.users:
            return None
        state = engine_file.begun(self._engine_file, self._settings.entropy(engine_file.CHOSEN))
        gate = Gate(self._settings.users, state, self._clock)
        log.info("trap.engine", engine=state.engine.hex(), boots=state.boots, users=len(self._settings.users))
        return gate

    def _remembering(self) -> Callable[[], None]:
        """Write what we know of senders' clocks before the records: a crash in between loses, it does not repeat."""
        state = self._gate.state() if self._gate else None

        def write() -> None:
            if state is not None and state != self._written:
                engine_file.write(self._engine_file, state)
                self._written = state

        return write

    async def _live(self, receiver: Receiver) -> None:
        """Send a heartbeat through the real socket: silence of chassis and deafness of ours look alike otherwise."""
        host, port = self._bound
        to = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  any address hears loopback
        self._beat = self._clock.monotonic()
        while True:
            receiver.send(self._mark, (to, port))
            await self._clock.sleep(BEAT_EVERY)
