"""BER as SNMP uses it (RFC 3417 section 8): definite lengths only, one-octet tags. Reading bends, but says so.

Every reader takes a datagram and two offsets, and appends a note for each rule that was bent without doubt about the
content. Anything else raises `Malformed`, or `IndexError` where the datagram ends; the caller turns that into one.
"""

from functools import lru_cache

from engine.model.errors import Permanent

LIMIT_VALUE = 4096
"""Octets in one value."""
LIMIT_ARCS = 64
"""Numbers in one object identifier."""

INTEGER = 0x02
OCTETS = 0x04
NULL = 0x05
OID = 0x06
SEQUENCE = 0x30

NOTE_LENGTH = "length is longer than needed"
NOTE_INTEGER = "integer is longer than needed"
NOTE_SIGN = "unsigned value lacks its leading zero octet"
NOTE_EMPTY_OID = "object identifier is empty"


class Malformed(Permanent):
    """These bytes give no certain content; `reason` is one of a small fixed set of words, for counting."""

    def __init__(self, reason: str, detail: str) -> None:
        """`detail` names the place and the numbers."""
        super().__init__(detail)
        self.reason = reason


def span(data: bytes, at: int, end: int, notes: list[str]) -> tuple[int, int]:
    """Start and stop of the content of the element at `at`; it must end within `end`."""
    size = data[at + 1]
    start = at + 2
    if size > 0x7F:
        size, start = long_length(data, at + 1, notes)
    stop = start + size
    if stop > end:
        raise beyond(size, end - start)
    return start, stop


def long_length(data: bytes, at: int, notes: list[str]) -> tuple[int, int]:
    """The length in long form whose first octet is at `at`, and the offset behind it."""
    first, high = data[at], data[at + 1]
    if first == 0x82 and high:
        return high << 8 | data[at + 2], at + 3
    if first == 0x81 and high > 0x7F:
        return high, at + 2
    count = first & 0x7F
    if count == 0:
        raise Malformed("indefinite-length", "an indefinite length is not allowed in SNMP")
    if count > 4:
        raise Malformed("length", f"a length of {count} octets; at most 4 are read")
    stop = at + 1 + count
    if stop > len(data):
        raise Malformed("truncated", "the datagram ends inside a length")
    size = int.from_bytes(data[at + 1 : stop], "big")
    if size < 0x80 or data[at + 1] == 0:
        notes.append(NOTE_LENGTH)
    return size, stop


def beyond(size: int, left: int) -> Malformed:
    """What to raise for a length that leaves its surroundings."""
    return Malformed("length", f"a length of {size} where {max(0, left)} octets are left")


def entered(data: bytes, at: int, end: int, tag: int, notes: list[str]) -> tuple[int, int]:
    """Like `span`, and the tag must be the one that belongs there."""
    if at >= end:
        raise Malformed("truncated", f"the datagram ends where tag {tag:02x} belongs")
    if data[at] != tag:
        raise Malformed("tag", f"tag {data[at]:02x} where {tag:02x} belongs")
    size = data[at + 1]
    start = at + 2
    if size > 0x7F:
        size, start = long_length(data, at + 1, notes)
    stop = start + size
    if stop > end:
        raise beyond(size, end - start)
    return start, stop


def integer(data: bytes, at: int, end: int, notes: list[str]) -> tuple[int, int]:
    """A signed 32-bit INTEGER element and the offset behind it."""
    if data[at] == INTEGER and data[at + 1] == 1 and at + 3 <= end:
        byte = data[at + 2]
        return (byte if byte < 0x80 else byte - 0x100), at + 3
    start, stop = entered(data, at, end, INTEGER, notes)
    return signed(data, start, stop, notes), stop


def signed(data: bytes, start: int, stop: int, notes: list[str]) -> int:
    """A signed 32-bit value."""
    if stop - start == 1:
        byte = data[start]
        return byte if byte < 0x80 else byte - 0x100
    if stop - start > 1 and (data[start] == 0 or data[start] == 0xFF) and _padded(data, start):
        notes.append(NOTE_INTEGER)
    elif start == stop:
        raise Malformed("empty-integer", "an INTEGER without content")
    value = int.from_bytes(data[start:stop], "big", signed=True)
    if not -0x80000000 <= value <= 0x7FFFFFFF:
        raise Malformed("range", "an INTEGER outside 32 bits")
    return value


def unsigned32(data: bytes, start: int, stop: int, notes: list[str]) -> int:
    """A Counter32, Gauge32, TimeTicks or UInteger32."""
    if 0 < stop - start < 5 and 0 < data[start] < 0x80:
        return int.from_bytes(data[start:stop], "big")
    return _unsigned(data, start, stop, notes, 0xFFFFFFFF)


def unsigned64(data: bytes, start: int, stop: int, notes: list[str]) -> int:
    """A Counter64."""
    return _unsigned(data, start, stop, notes, 0xFFFFFFFFFFFFFFFF)


def _unsigned(data: bytes, start: int, stop: int, notes: list[str], most: int) -> int:
    if start == stop:
        raise Malformed("empty-integer", "an unsigned value without content")
    first = data[start]
    if first > 0x7F:
        notes.append(NOTE_SIGN)
    elif first == 0 and stop - start > 1 and data[start + 1] < 0x80:
        notes.append(NOTE_INTEGER)
    value = int.from_bytes(data[start:stop], "big")
    if value > most:
        raise Malformed("range", f"an unsigned value above {most}")
    return value


def _padded(data: bytes, start: int) -> bool:
    return (data[start + 1] < 0x80) == (data[start] == 0)


@lru_cache(maxsize=8192)
def oid(raw: bytes) -> str:
    """An object identifier as dotted numbers; empty bytes give an empty text.

    The last 8,192 different ones are remembered: devices send the same few again and again.
    """
    if not raw:
        return ""
    if len(raw) > 5 * LIMIT_ARCS:
        raise Malformed("too-many-arcs", f"an object identifier of {len(raw)} octets")
    if raw[-1] > 0x7F:
        raise Malformed("oid", "the last number of an object identifier is cut off")
    arcs = _arcs(raw)
    if len(arcs) >= LIMIT_ARCS:
        raise Malformed(
            "too-many-arcs", f"an object identifier of {len(arcs) + 1} numbers; at most {LIMIT_ARCS} are read"
        )
    first = min(arcs[0] // 40, 2)
    return f"{first}.{arcs[0] - 40 * first}" + "".join([f".{arc}" for arc in arcs[1:]])


def _arcs(raw: bytes) -> list[int]:
    arcs: list[int] = []
    arc = 0
    begun = False
    for byte in raw:
        if byte == 0x80 and not begun:
            raise Malformed("oid", "a number of an object identifier is padded with 80h")
        arc = arc << 7 | byte & 0x7F
        begun = byte > 0x7F
        if not begun:
            if arc > 0xFFFFFFFF:
                raise Malformed("oid", "a number of an object identifier is above 4294967295")
            arcs.append(arc)
            arc = 0
    return arcs


def encoded(tag: int, content: bytes) -> bytes:
    """An element with the shortest definite length."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def encoded_integer(value: int) -> bytes:
    """An INTEGER element in its shortest form."""
    return encoded(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def encoded_oid(text: str) -> bytes:
    """An OBJECT IDENTIFIER element of dotted numbers, at least two (X.690, section 8.19)."""
    first, second, *rest = (int(arc) for arc in text.split("."))
    octets = bytearray()
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        left = arc >> 7
        while left:
            groups.append(left & 0x7F | 0x80)
            left >>= 7
        octets += bytes(reversed(groups))
    return encoded(OID, bytes(octets))
