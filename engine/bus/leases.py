"""Leases with fencing tokens on the LEASES bucket (messaging.md 5.1): one owner per target, tokens only grow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from engine.bus.port import Bus
from engine.clock import Clock
from engine.model.errors import Conflict, TobanError, Transient

log = structlog.get_logger()

BUCKET = "LEASES"
QUICK = 5.0
"""Seconds in which a lease can be given back."""
MARGIN = 1 / 3
"""Share of a lease's life before its end from which on nothing more is begun."""


class Lease:
    """A lease that is held. It counts from the start of the last good renewal, by our monotonic clock."""

    def __init__(self, target: str, token: int, life: float, clock: Clock, since: float) -> None:
        """Made by `BusLeases.hold`."""
        self.target, self.token, self.life = target, token, life
        self._clock, self.since, self.revision = clock, since, token

    def guard(self) -> int:
        """The fencing token; raises `Transient` once the lease may run out before a call begun now ends.

        Nothing more may be done under this one; whoever takes a new one looks first.
        """
        if self._clock.monotonic() - self.since > self.life * (1 - MARGIN):
            msg = f"the lease on {self.target} ran out; nothing more is done under it"
            raise Transient(msg)
        return self.token


class BusLeases:
    """Leases of one process."""

    def __init__(self, bus: Bus, clock: Clock, holder: str, life: float = 15.0) -> None:
        """`holder` names this process; `life` is in seconds."""
        self._bus, self._clock, self._holder, self._life = bus, clock, holder, life

    @asynccontextmanager
    async def hold(self, target: str) -> AsyncIterator[Lease]:
        """Wait for an older holder's lease to end, take it, renew it while inside, give it back.

        What is raised inside comes out as it is, not in a group.
        """
        lease = await self._acquire(target)
        try:
            async with asyncio.TaskGroup() as group:
                renewing = group.create_task(self._renew(lease), name=f"lease {target}")
                try:
                    yield lease
                finally:
                    renewing.cancel()
                    await self._release(lease)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _acquire(self, target: str) -> Lease:
        waited = False
        while True:
            since = self._clock.monotonic()
            entry = await self._bus.get(BUCKET, target)
            if entry is None or not entry.value:
                expected = entry.revision if entry is not None else 0
                try:
                    value = self._holder.encode()
                    token = await self._bus.swap(BUCKET, target, value, expected=expected, life=self._life)
                except Conflict:
                    continue
                return Lease(target, token, self._life, self._clock, since)
            if not waited:
                log.info("lease.waiting", target=target, holder=entry.value.decode("utf-8", "replace")[:80])
                waited = True
            await self._clock.sleep(0.5)

    async def _renew(self, lease: Lease) -> None:
        while True:
            await self._clock.sleep(self._life / 3)
            since = self._clock.monotonic()
            try:
                value = self._holder.encode()
                lease.revision = await self._bus.swap(
                    BUCKET, lease.target, value, expected=lease.revision, life=self._life
                )
                lease.since = since
            except Conflict:
                log.warning("lease.lost", target=lease.target)
                return
            except TobanError as error:
                log.warning("lease.not_renewed", target=lease.target, error=str(error))

    async def _release(self, lease: Lease) -> None:
        """Give it back, if that is quick: without the bus it runs out by itself."""
        try:
            async with asyncio.timeout(QUICK):
                await self._bus.swap(BUCKET, lease.target, b"", expected=lease.revision, life=self._life)
        except (TobanError, TimeoutError) as error:
            log.info("lease.not_released", target=lease.target, error=str(error))
