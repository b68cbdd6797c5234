"""The trap listener: hear, judge, keep on disk, then publish; an Inform is answered when its event is durable.

Two tasks with the spool between them, so that a bus that is away never stops the hearing. At least once: after a crash
the unpublished part of the spool is published again under the same ids. Order is kept per subject.
"""

import asyncio
import os
import secrets
import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from collectors.publishing import Publisher
from collectors.snmp import binding, delivering, engine_file, spool
from collectors.snmp.admitting import Rates, Sources
from collectors.snmp.counting import Counts, Sample, Tally
from collectors.snmp.engine_file import EngineState
from collectors.snmp.mapping import Tables
from collectors.snmp.maps import TrapMaps
from collectors.snmp.origins import Origins
from collectors.snmp.unsealing import Gate, TrapUser
from engine.clients import snmp
from engine.clients.ber import Malformed
from engine.clients.snmp_v3 import Sealed
from engine.clients.usm import Unproven
from engine.clock import Clock
from engine.model import catalogue
from engine.model.errors import ConfigurationError
from engine.model.source import Source

log = structlog.get_logger()

BATCH = 512
BEAT_EVERY = 5.0
DEAF_AFTER = 20.0
"""Seconds without hearing its own heartbeat after which the port counts as deaf."""
SPOOL_PAUSE = 1.0
"""Seconds before a spool that is full or broken is tried again."""


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
    entropy: Callable[[int], bytes] = os.urandom
    """Makes our SNMPv3 engine id in the first life."""


class TrapListener(asyncio.DatagramProtocol):
    """Hears one UDP port."""

    def __init__(
        self, settings: TrapSettings, maps: TrapMaps, origins: Origins, publisher: Publisher, clock: Clock
    ) -> None:
        """Nothing is opened before `run`; raises ConfigurationError for a source that is no network."""
        self._settings, self._publisher, self._clock = settings, publisher, clock
        self._tables = Tables(maps, origins, catalogue.shipped())
        self._communities = frozenset(item.encode() for item in settings.communities)
        self._sources = Sources(settings.sources)
        self._rates = Rates()
        self._tally = Tally()
        self._heard: deque[spool.Record] = deque()
        self._wake = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self._bound = (settings.bind, settings.port)
        self._last: float | None = None
        self._gate: Gate | None = None
        self._engine_file = settings.spool_dir / engine_file.NAME
        self._written: EngineState | None = None
        self._mark = secrets.token_bytes(16)
        """Only this process knows it: a datagram with it is our own heartbeat, and nothing but this octet string."""
        self._beat: float | None = None
        self._stuck: str | None = None

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
        blind = closed or deaf or self._stuck
        return Source(name="traps", age=age, beat=beat, blind=blind, gaps=counts.missed, drops=counts.drops())

    def samples(self) -> tuple[Sample, ...]:
        """The latest refused datagrams."""
        return self._tally.samples()

    async def run(self, ready: asyncio.Event) -> None:
        """Hear until cancelled; `ready` is set once datagrams are received.

        Raises ConfigurationError if the port or the spool cannot be used.
        """
        with_socket = binding.bound(self._settings.bind, self._settings.port)
        try:
            kept = spool.Spool(self._settings.spool_dir, spool.SpoolSize(limit=self._settings.spool_bytes))
        except ConfigurationError:
            with_socket.close()
            raise
        try:
            self._gate = await asyncio.to_thread(self._gated, kept)
            await self._open(with_socket)
            delivery = delivering.Delivery(kept, self._tables, self._publisher, self._clock, self._tally)
            delivery.answer, delivery.gate = self._answer, self._gate
            delivery.recall()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep(kept, delivery), name="traps.keep")
                group.create_task(delivery.run(), name="traps.deliver")
                group.create_task(self._live(), name="traps.heartbeat")
                ready.set()
        finally:
            if self._transport is None:
                with_socket.close()
            else:
                self._transport.close()
            self._flush(kept)
            kept.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Judge one datagram and put it into the waiting room; never raises."""
        source, port = addr[0], addr[1]
        if data == self._mark:
            self._beat = self._clock.monotonic()
            return
        self._tally.add("received")
        if not self._sources.admits(source):
            self._reject("source", source, data)
        elif not self._rates.admits(source, self._tables.origins.known(source), self._clock.monotonic()):
            self._tally.add("dropped_by_rate")
        else:
            self._judge(data, source, port)

    def error_received(self, exc: Exception) -> None:
        """A network error on the socket changes nothing: traps are not answered, Informs come again."""
        log.warning("trap.socket.error", error=str(exc))

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
        elif len(self._heard) >= self._settings.waiting:
            self._tally.add("backlog_lost")
        else:
            self._tally.add("accepted")
            self._last = self._clock.monotonic()
            if decoded.notes:
                self._tally.add("lenient")
            if sealed is not None and self._gate is not None:
                self._gate.remember(data, sealed)
            self._heard.append(spool.Record(self._clock.now(), source, port, data))
            self._wake.set()

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

    def _reject(self, reason: str, source: str, data: bytes, detail: str = "") -> None:
        count = self._tally.reject(reason, source, data)
        if count & (count - 1) == 0:  # the 1st, 2nd, 4th, 8th ...: a storm must not become a storm of lines
            log.info("trap.rejected", reason=reason, source=source, count=count, detail=detail)

    def _answer(self, record: spool.Record) -> None:
        sealed = isinstance(snmp.decode(record.datagram), Sealed)
        response = snmp.response_to(record.datagram) if not sealed else None
        if sealed and self._gate is not None:
            response = self._gate.response_to(record.datagram)
        if response is not None:
            self._send(response, (record.source, record.port))

    def _send(self, datagram: bytes, to: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(datagram, to)

    def _gated(self, kept: spool.Spool) -> Gate | None:
        """The gate for v3, which knows again what the spool still holds."""
        if not self._settings.users:
            return None
        state = engine_file.begun(self._engine_file, self._settings.entropy(engine_file.CHOSEN))
        gate = Gate(self._settings.users, state, self._clock)
        for record in kept.everything():
            gate.recall(record.datagram)
        log.info("trap.engine", engine=state.engine.hex(), boots=state.boots, users=len(self._settings.users))
        return gate

    async def _open(self, opened: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=opened)
        name = opened.getsockname()
        self._bound = (name[0], name[1])
        granted = opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        log.info("trap.listening", address=name[0], port=name[1], receive_buffer=granted)

    async def _live(self) -> None:
        """Send a heartbeat through the real socket: silence of chassis and deafness of ours look alike otherwise."""
        host, port = self._bound
        to = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  any address hears loopback
        self._beat = self._clock.monotonic()
        while True:
            if self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(self._mark, (to, port))
            await self._clock.sleep(BEAT_EVERY)

    async def _keep(self, kept: spool.Spool, delivery: delivering.Delivery) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._heard:
                batch = [self._heard[at] for at in range(min(BATCH, len(self._heard)))]
                if await self._append(kept, batch):
                    for _ in batch:
                        self._heard.popleft()
                    delivery.more.set()

    async def _append(self, kept: spool.Spool, batch: Sequence[spool.Record]) -> bool:
        try:
            await asyncio.to_thread(self._durable, kept, batch, self._gate.state() if self._gate else None)
        except (spool.Full, OSError) as error:
            log.warning("trap.spool.waits", error=str(error), waiting=len(self._heard))
            self._stuck = f"traps cannot be kept on disk: {error}"[:256]
            await self._clock.sleep(SPOOL_PAUSE)
            return False
        self._stuck = None
        self._tally.add("spooled", len(batch))
        return True

    def _durable(self, kept: spool.Spool, batch: Iterable[spool.Record], state: EngineState | None) -> None:
        """Write what we know of senders' clocks, then the records: a crash in between loses, it does not repeat."""
        if state is not None and state != self._written:
            engine_file.write(self._engine_file, state)
            self._written = state
        kept.append(batch)

    def _flush(self, kept: spool.Spool) -> None:
        if self._heard:
            try:
                self._durable(kept, self._heard, self._gate.state() if self._gate else None)
            except (spool.Full, OSError) as error:
                log.warning("trap.spool.lost", error=str(error), records=len(self._heard))
            self._heard.clear()
