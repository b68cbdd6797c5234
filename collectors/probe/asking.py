"""One question to one host: does anything on it answer? TCP connects and ICMP echo, side by side."""

import asyncio
import errno
import socket
from collections.abc import Coroutine
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

from engine.clients.icmp import Pinger
from engine.clock import Clock

NAMES_FRESH = 300.0
"""Seconds for which the address of a name is used before it is looked up again."""


class Outcome(StrEnum):
    """What a question gave."""

    ANSWERED = "answered"
    """A connection, a refusal or an echo: its network stack is alive."""
    SILENT = "silent"
    """Nothing came back in time, or the last router says that nobody is there."""
    UNKNOWN = "unknown"
    """We could not ask: no route, no socket, no name. That says nothing about the host."""


SILENCES = frozenset({errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ETIMEDOUT})
ANSWERS = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})


async def connect(address: str, port: int, timeout: float) -> Outcome:
    """One TCP connection, closed at once."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        opened = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return Outcome.UNKNOWN
    with opened:
        opened.setblocking(False)
        try:
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().sock_connect(opened, (address, port))
        except TimeoutError:
            return Outcome.SILENT
        except OSError as error:
            if error.errno in ANSWERS:
                return Outcome.ANSWERED
            return Outcome.SILENT if error.errno in SILENCES else Outcome.UNKNOWN
        return Outcome.ANSWERED


class Asking:
    """Asks over whatever is permitted."""

    def __init__(self, ports: tuple[int, ...], pinger: Pinger | None, timeout: float, clock: Clock) -> None:
        """`pinger` None: ICMP is not wanted. `timeout`: seconds for one question."""
        self._ports, self._pinger, self._timeout, self._clock = ports, pinger, timeout, clock
        self._names: dict[str, tuple[str, float]] = {}
        """Addresses of names, and when they were looked up; only names of the settings get here."""

    @property
    def ways(self) -> str:
        """How it asks, in words."""
        echo = ["icmp"] if self._pinger is not None and self._pinger.permitted else []
        return ", ".join([*(f"tcp {port}" for port in self._ports), *echo])

    async def ask(self, address: str) -> Outcome:
        """ANSWERED as soon as one way gets an answer; SILENT only if at least one could be asked and none answered."""
        found = await self._numeric(address)
        if found is None:
            return Outcome.UNKNOWN
        seen: list[Outcome] = []
        async with asyncio.TaskGroup() as group:
            ways = [group.create_task(way) for way in self._ways(found)]
            for way in asyncio.as_completed(ways):
                seen.append(await way)
                if seen[-1] is Outcome.ANSWERED:
                    break
            for task in ways:
                task.cancel()
        if Outcome.ANSWERED in seen:
            return Outcome.ANSWERED
        return Outcome.SILENT if Outcome.SILENT in seen else Outcome.UNKNOWN

    def _ways(self, address: str) -> list[Coroutine[Any, Any, Outcome]]:
        found: list[Coroutine[Any, Any, Outcome]] = [connect(address, port, self._timeout) for port in self._ports]
        if self._pinger is not None and self._pinger.permitted:
            found.append(self._echo(self._pinger, address))
        return found

    async def _echo(self, pinger: Pinger, address: str) -> Outcome:
        answered = await pinger.ask(address, self._timeout)
        return {True: Outcome.ANSWERED, False: Outcome.SILENT, None: Outcome.UNKNOWN}[answered]

    async def _numeric(self, address: str) -> str | None:
        """The address itself, or the first one of a name, if need be an old one; None: it has none."""
        try:
            return str(ip_address(address))
        except ValueError:
            known = self._names.get(address)
        now = self._clock.monotonic()
        if known is not None and now - known[1] < NAMES_FRESH:
            return known[0]
        try:
            async with asyncio.timeout(self._timeout):
                found = await asyncio.get_running_loop().getaddrinfo(address, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return known[0] if known is not None else None
        self._names[address] = (str(found[0][4][0]), now)
        return self._names[address][0]
