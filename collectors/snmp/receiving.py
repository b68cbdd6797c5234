"""The UDP socket at work: many datagrams at each wake-up, and what the kernel dropped because we were too slow."""

import asyncio
import socket
import struct
from collections.abc import Callable

import structlog

from engine.clients.snmp import LIMIT_DATAGRAM

log = structlog.get_logger()

AT_ONCE = 1024
"""Datagrams that are taken before others of the loop get their turn."""
SO_MEMINFO = 55
"""Linux 4.12 and later; include/uapi/asm-generic/socket.h."""
_MEMINFO = struct.Struct("9I")
_DROPS = 8
"""SK_MEMINFO_DROPS of include/uapi/linux/sock_diag.h."""


class Receiver:
    """Hands each datagram with its sender's address and port to `hear`, which never raises."""

    def __init__(self, opened: socket.socket, hear: Callable[[bytes, str, int], None]) -> None:
        """Nothing is read before `start`; the socket is closed by `close`."""
        self._socket, self._hear = opened, hear
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Read from now on."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._drain)

    def send(self, datagram: bytes, to: tuple[str, int]) -> None:
        """Send an answer; one that cannot be sent is no loss, since whoever waits for it asks again."""
        if self._loop is None:
            return
        try:
            self._socket.sendto(datagram, to)
        except OSError as error:
            log.info("trap.answer.unsent", to=to[0], error=str(error))

    def dropped(self) -> int | None:
        """Datagrams that the kernel dropped at this socket since it was opened; None where it does not say.

        It counts in 32 bits.
        """
        try:
            found = self._socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size)
        except OSError:
            return None
        drops: int = _MEMINFO.unpack(found)[_DROPS] if len(found) == _MEMINFO.size else 0
        return drops

    def close(self) -> None:
        """Read no more."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        self._socket.close()

    def _drain(self) -> None:
        receive, hear = self._socket.recvfrom, self._hear
        for _ in range(AT_ONCE):
            try:
                data, sender = receive(LIMIT_DATAGRAM + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:  # told once, of an earlier answer that found nobody; the socket goes on
                log.info("trap.socket.error", error=str(error))
                return
            hear(data, sender[0], sender[1])
