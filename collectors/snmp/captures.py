"""UDP datagrams out of a capture file: pcap (RFC draft-gharris-opsawg-pcap) and pcapng, as tcpdump and Wireshark write.

Read whole and once, offsets checked by slicing only; a frame that is cut, fragmented or not UDP is passed over.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from engine.model.errors import ConfigurationError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UDP = 17
_PCAP = {
    b"\xd4\xc3\xb2\xa1": ("<", 10**6),
    b"\xa1\xb2\xc3\xd4": (">", 10**6),
    b"\x4d\x3c\xb2\xa1": ("<", 10**9),
    b"\xa1\xb2\x3c\x4d": (">", 10**9),
}
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_INTERFACE, _SIMPLE, _PACKET = 1, 3, 6
_VLAN = frozenset({b"\x81\x00", b"\x88\xa8"})
_IP = {b"\x08\x00": 4, b"\x86\xdd": 6}
_RAW = frozenset({12, 101, 228, 229})
"""Link types whose frames begin with the IP header."""
_COOKED = {113: 14, 276: 0}
"""Linux cooked captures: where the protocol stands."""
_COOKED_HEAD = {113: 16, 276: 20}


@dataclass(frozen=True, slots=True)
class Captured:
    """One datagram and how it went."""

    at: datetime
    source: str
    source_port: int
    port: int
    """Where it went to."""
    payload: bytes


def is_capture(data: bytes) -> bool:
    """Whether these are the first octets of a capture file."""
    return data[:4] in _PCAP or data[:4] == _PCAPNG


def datagrams(data: bytes) -> Iterator[Captured]:
    """All whole UDP datagrams, in their order; raises ConfigurationError for a file that ends in mid-record."""
    frames = _pcapng(data) if data[:4] == _PCAPNG else _pcap(data)
    for at, link, frame in frames:
        packet = _network(link, frame)
        found = _datagram(at, packet) if packet else None
        if found is not None:
            yield found


def _pcap(data: bytes) -> Iterator[tuple[datetime, int, bytes]]:
    order, unit = _PCAP[data[:4]]
    if len(data) < 24:
        raise ConfigurationError("the capture ends inside its header: capture again, or cut it with editcap")
    link = struct.unpack_from(f"{order}I", data, 20)[0] & 0xFFFF
    at = 24
    while at < len(data):
        head = data[at : at + 16]
        if len(head) < 16:
            raise _cut(at)
        seconds, part, size, _ = struct.unpack(f"{order}IIII", head)
        if at + 16 + size > len(data):
            raise _cut(at)
        yield (
            EPOCH + timedelta(seconds=seconds, microseconds=part * 10**6 // unit),
            link,
            data[at + 16 : at + 16 + size],
        )
        at += 16 + size


def _pcapng(data: bytes) -> Iterator[tuple[datetime, int, bytes]]:
    order, links, at = "<", list[tuple[int, int]](), 0
    while at < len(data):
        if data[at : at + 4] == _PCAPNG:
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        head = data[at : at + 8]
        if len(head) < 8:
            raise _cut(at)
        kind, size = struct.unpack(f"{order}II", head)
        if size < 12 or at + size > len(data):
            raise _cut(at)
        body = data[at + 8 : at + size - 4]
        if kind == _INTERFACE and len(body) >= 8:
            links.append((struct.unpack_from(f"{order}H", body)[0], _unit(order, body[8:])))
        elif kind == _PACKET and len(body) >= 20:
            number, high, low, held = struct.unpack_from(f"{order}IIII", body)
            if number < len(links):
                link, unit = links[number]
                yield _time((high << 32 | low) * 10**6 // unit, at), link, body[20 : 20 + held]
        elif kind == _SIMPLE and links:
            yield EPOCH, links[0][0], body[4:]
        at += size


def _unit(order: str, options: bytes) -> int:
    """Ticks a second, from the option if_tsresol; microseconds without it."""
    at = 0
    while at + 4 <= len(options):
        code, size = struct.unpack_from(f"{order}HH", options, at)
        if code == 9 and size == 1 and at + 4 < len(options):
            power = options[at + 4]
            return int(2 ** min(power & 0x7F, 63)) if power & 0x80 else int(10 ** min(power, 18))
        at += 4 + (size + 3 & ~3)
    return 10**6


def _network(link: int, frame: bytes) -> bytes:
    """The IP packet in a frame; nothing if there is none."""
    if link in _RAW:
        return frame
    if link == 0:
        return frame[4:]
    if link in _COOKED:
        at = _COOKED[link]
        return frame[_COOKED_HEAD[link] :] if frame[at : at + 2] in _IP else b""
    at = 12
    while link == 1 and frame[at : at + 2] in _VLAN:
        at += 4
    return frame[at + 2 :] if link == 1 and frame[at : at + 2] in _IP else b""


def _datagram(at: datetime, packet: bytes) -> Captured | None:
    version = packet[0] >> 4
    if version == 4 and len(packet) >= 20 and packet[9] == UDP:
        fragment = int.from_bytes(packet[6:8], "big") & 0x3FFF
        begin, source = (packet[0] & 15) * 4, packet[12:16]
    elif version == 6 and len(packet) >= 40 and packet[6] == UDP:
        fragment, begin, source = 0, 40, packet[8:24]
    else:
        return None
    if fragment or len(packet) < begin + 8:
        return None
    sender, port, size, _ = struct.unpack_from(">HHHH", packet, begin)
    payload = packet[begin + 8 : begin + max(size, 8)]
    return Captured(at, str(ip_address(source)), sender, port, payload) if len(payload) == size - 8 else None


def _time(microseconds: int, at: int) -> datetime:
    try:
        return EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise _cut(at) from error  # of no year that there is


def _cut(at: int) -> ConfigurationError:
    return ConfigurationError(
        f"the capture is cut off or damaged at octet {at}: capture again, or mend it with pcapfix"
    )
