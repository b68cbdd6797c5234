"""The trap listener: hear, judge, keep on disk, then publish; an Inform is answered when its event is durable.

Two tasks with the spool between them, so that a bus that is away never stops the hearing. At least once: after a crash
the unpublished part of the spool is published again under the same ids. Order is kept per subject.
"""

import asyncio
import contextlib
import errno
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from collectors.publishing import Publisher
from collectors.snmp import delivering, spool
from collectors.snmp.admitting import Rates, Sources
from collectors.snmp.counting import Counts, Sample, Tally
from collectors.snmp.mapping import Tables
from collectors.snmp.maps import TrapMaps
from collectors.snmp.origins import Origins
from engine.clients import snmp
from engine.clients.ber import Malformed
from engine.clock import Clock
from engine.model import catalogue
from engine.model.errors import ConfigurationError
from engine.model.source import Source

log = structlog.get_logger()

RECEIVE_BUFFER = 8 * 1024 * 1024
BATCH = 512
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
    sources: tuple[str, ...] = ()
    """Networks or addresses that may send; empty: all."""
    spool_bytes: int = 256 * 1024 * 1024
    waiting: int = 20_000
    """Datagrams held in memory while the spool cannot take them."""


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

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the port is the real one once it runs."""
        return self._bound

    def counts(self) -> Counts:
        """The numbers now."""
        return self._tally.counts()

    def source(self) -> Source:
        """How traps stand. No trap for long is no blindness: a healthy chassis has nothing to say."""
        counts = self.counts()
        age = self._clock.monotonic() - self._last if self._last is not None else None
        return Source(name="traps", age=age, gaps=counts.missed, drops=counts.drops())

    def samples(self) -> tuple[Sample, ...]:
        """The latest refused datagrams."""
        return self._tally.samples()

    async def run(self, ready: asyncio.Event) -> None:
        """Hear until cancelled; `ready` is set once datagrams are received.

        Raises ConfigurationError if the port or the spool cannot be used.
        """
        with_socket = bound(self._settings.bind, self._settings.port)
        try:
            kept = spool.Spool(self._settings.spool_dir, spool.SpoolSize(limit=self._settings.spool_bytes))
        except ConfigurationError:
            with_socket.close()
            raise
        try:
            await self._open(with_socket)
            delivery = delivering.Delivery(kept, self._tables, self._publisher, self._clock, self._tally)
            delivery.answer = self._answer
            delivery.recall()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep(kept, delivery), name="traps.keep")
                group.create_task(delivery.run(), name="traps.deliver")
                ready.set()
        finally:
            if self._transport is not None:
                self._transport.close()
            self._flush(kept)
            kept.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Judge one datagram and put it into the waiting room; never raises."""
        source, port = addr[0], addr[1]
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
        except Malformed as error:
            self._reject(error.reason, source, data)
            return
        if isinstance(decoded, snmp.Ignored):
            self._reject(decoded.what, source, data)
        elif decoded.community not in self._communities:
            self._reject("community", source, data)
        elif len(self._heard) >= self._settings.waiting:
            self._tally.add("backlog_lost")
        else:
            self._tally.add("accepted")
            self._last = self._clock.monotonic()
            if decoded.notes:
                self._tally.add("lenient")
            self._heard.append(spool.Record(self._clock.now(), source, port, data))
            self._wake.set()

    def _reject(self, reason: str, source: str, data: bytes) -> None:
        count = self._tally.reject(reason, source, data)
        if count & (count - 1) == 0:  # the 1st, 2nd, 4th, 8th ...: a storm must not become a storm of lines
            log.info("trap.rejected", reason=reason, source=source, count=count)

    def _answer(self, record: spool.Record) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(snmp.response_to(record.datagram), (record.source, record.port))

    async def _open(self, opened: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=opened)
        name = opened.getsockname()
        self._bound = (name[0], name[1])
        granted = opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        log.info("trap.listening", address=name[0], port=name[1], receive_buffer=granted)

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
            await asyncio.to_thread(kept.append, batch)
        except (spool.Full, OSError) as error:
            log.warning("trap.spool.waits", error=str(error), waiting=len(self._heard))
            await self._clock.sleep(SPOOL_PAUSE)
            return False
        self._tally.add("spooled", len(batch))
        return True

    def _flush(self, kept: spool.Spool) -> None:
        if self._heard:
            try:
                kept.append(self._heard)
            except (spool.Full, OSError) as error:
                log.warning("trap.spool.lost", error=str(error), records=len(self._heard))
            self._heard.clear()


def bound(bind: str, port: int) -> socket.socket:
    """A UDP socket on this address; raises ConfigurationError with a sentence that says what to do."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setblocking(False)
    with contextlib.suppress(OSError):  # a smaller buffer than asked for is still a buffer
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    try:
        opened.bind((bind, port))
    except OSError as error:
        opened.close()
        raise ConfigurationError(_why(error, f"UDP {bind} port {port}")) from error
    return opened


def _why(error: OSError, where: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where} for traps is already taken: stop the other receiver (ss -lunp names it) or set another trap port"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{where} for traps is privileged: give the process CAP_NET_BIND_SERVICE or set a trap port above 1023 "
            "and forward 162 to it"
        )
    if error.errno in (errno.EADDRNOTAVAIL, socket.EAI_NONAME):
        return f"{where} for traps is not an address of this machine: set the trap address to one of its own or 0.0.0.0"
    return f"{where} for traps cannot be opened ({error.strerror or error}): check the trap address and port"
