"""ICMP echo (RFC 792, RFC 4443) to many hosts over one socket per address family.

Sending needs CAP_NET_RAW, or a group within net.ipv4.ping_group_range; without either `Pinger.permitted` is False and
nobody is asked. A reply counts only from the address that was asked, with the number that was given to that request.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address

ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
"""Types of request and reply."""
HEADER = struct.Struct("!BBHHH")
PAYLOAD = b"toban-is-asking."
PROTOCOLS = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
NUMBERS = 65_536
AT_ONCE = 256
"""Replies that are read before others get their turn."""
RECEIVE_BUFFER = 8 * 1024 * 1024
"""The default holds the replies of little more than a hundred hosts that answer at one moment (measured)."""
FILTERS = {
    socket.AF_INET: (255, 1, struct.pack("=I", 0xFFFFFFFF & ~(1 << 0))),
    socket.AF_INET6: (
        socket.IPPROTO_ICMPV6,
        1,
        struct.pack("=8I", *((0xFFFFFFFF,) * 4), 0xFFFFFFFF & ~2, *((0xFFFFFFFF,) * 3)),
    ),
}
"""What a raw socket is to hear: echo replies only (SOL_RAW ICMP_FILTER, ICMP6_FILTER; a set bit keeps a type away)."""
LARGEST = 2048


def checksum(octets: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    padded = octets + b"\0" * (len(octets) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def request(family: socket.AddressFamily, identifier: int, number: int) -> bytes:
    """An echo request; the kernel fills in the checksum of ICMPv6."""
    kind = ECHO[family][0]
    bare = HEADER.pack(kind, 0, 0, identifier, number) + PAYLOAD
    return HEADER.pack(kind, 0, checksum(bare), identifier, number) + PAYLOAD


def reply(family: socket.AddressFamily, octets: bytes) -> tuple[int, int] | None:
    """Identifier and number of an echo reply of ours, or None for anything else; never raises."""
    if family == socket.AF_INET and octets[:1] and octets[0] >> 4 == 4:  # a raw socket gives the IP header as well
        octets = octets[(octets[0] & 0x0F) * 4 :]
    if len(octets) < HEADER.size + len(PAYLOAD):
        return None
    kind, code, _, identifier, number = HEADER.unpack_from(octets)
    ours = octets[HEADER.size : HEADER.size + len(PAYLOAD)] == PAYLOAD
    return (identifier, number) if kind == ECHO[family][1] and code == 0 and ours else None


class Pinger:
    """Asks hosts; at most 65,536 requests wait at a time."""

    def __init__(self, identifier: int) -> None:
        """`identifier` tells our requests from those of other programs on this machine."""
        self._identifier = identifier % NUMBERS
        self._number = 0
        self._waiting: dict[tuple[str, int], asyncio.Future[None]] = {}
        self._sockets: Mapping[int, tuple[socket.socket, bool]] = {}

    @property
    def permitted(self) -> bool:
        """Whether this process may ask at all, once it is opened."""
        return bool(self._sockets)

    def open(self) -> None:
        """Take the sockets that the kernel gives, and listen for replies on the running loop."""
        loop, found = asyncio.get_running_loop(), {}
        for family, protocol in PROTOCOLS.items():
            opened = _socket(family, protocol)
            if opened is not None:
                found[int(family)] = opened
                loop.add_reader(opened[0], self._read, family, opened[0])
        self._sockets = found

    def close(self) -> None:
        """Give them back."""
        for opened, _ in self._sockets.values():
            asyncio.get_running_loop().remove_reader(opened)
            opened.close()
        self._sockets = {}

    async def ask(self, address: str, timeout: float) -> bool | None:
        """Whether it answered within `timeout` seconds; None: it could not be asked."""
        found = ip_address(address)
        family = socket.AF_INET6 if isinstance(found, IPv6Address) else socket.AF_INET
        opened = self._sockets.get(int(family))
        if opened is None or len(self._waiting) >= NUMBERS - 1:
            return None
        while (str(found), self._number) in self._waiting:
            self._number = (self._number + 1) % NUMBERS
        key = (str(found), self._number)
        self._number = (self._number + 1) % NUMBERS
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answered
        try:
            opened[0].sendto(request(family, self._identifier, key[1]), (address, 0))
            async with asyncio.timeout(timeout):
                await answered
        except TimeoutError:
            return False
        except (BlockingIOError, OSError):
            return None
        finally:
            self._waiting.pop(key, None)
        return True

    def _read(self, family: socket.AddressFamily, opened: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                octets, sender = opened.recvfrom(LARGEST)
            except OSError:
                return
            self._heard(family, octets, str(sender[0]))

    def _heard(self, family: socket.AddressFamily, octets: bytes, sender: str) -> None:
        found = reply(family, octets)
        if found is None or (self._sockets[int(family)][1] and found[0] != self._identifier):
            return
        waiting = self._waiting.get((str(ip_address(sender.partition("%")[0])), found[1]))
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


def _socket(family: socket.AddressFamily, protocol: int) -> tuple[socket.socket, bool] | None:
    """A socket and whether it is a raw one: on the other kind the kernel chooses the identifier, and sorts replies."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            opened = socket.socket(family, kind, protocol)
        except OSError:
            continue
        opened.setblocking(False)
        with contextlib.suppress(OSError):  # a smaller buffer than asked for is still a buffer
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if kind == socket.SOCK_RAW:
            opened.setsockopt(*FILTERS[family])
        return opened, kind == socket.SOCK_RAW
    return None
