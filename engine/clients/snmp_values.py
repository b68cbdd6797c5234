"""The value types of SNMP (RFC 3416 section 3), and which reader belongs to which tag."""

from collections.abc import Callable
from socket import inet_ntoa
from typing import TypeAlias

from engine.clients import ber
from engine.clients.ber import Malformed

Value: TypeAlias = int | str | bytes | None
Reader: TypeAlias = Callable[[bytes, int, int, list[str]], Value]

IP_ADDRESS = 0x40
TIMETICKS = 0x43

NOTE_OBSOLETE = "obsolete value type"


def octets(data: bytes, start: int, stop: int, _notes: list[str]) -> bytes:
    """An OCTET STRING or Opaque value within its limit."""
    if stop - start > ber.LIMIT_VALUE:
        raise Malformed("value-too-large", f"a value of {stop - start} octets; at most {ber.LIMIT_VALUE} are read")
    return data[start:stop]


def oid(data: bytes, start: int, stop: int, notes: list[str]) -> str:
    """An OBJECT IDENTIFIER as dotted numbers; empty ones are noted."""
    if start == stop:
        notes.append(ber.NOTE_EMPTY_OID)
    return ber.oid(data[start:stop])


def address(data: bytes, start: int, stop: int, _notes: list[str]) -> str:
    """An IpAddress as four numbers."""
    if stop - start != 4:
        raise Malformed("address", f"an IpAddress of {stop - start} octets")
    return inet_ntoa(data[start:stop])


def _nothing(_data: bytes, start: int, stop: int, _notes: list[str]) -> None:
    if start != stop:
        raise Malformed("null", "a NULL or exception value with content")


def _nsap(data: bytes, start: int, stop: int, notes: list[str]) -> bytes:
    notes.append(NOTE_OBSOLETE)
    return octets(data, start, stop, notes)


def _uinteger(data: bytes, start: int, stop: int, notes: list[str]) -> int:
    notes.append(NOTE_OBSOLETE)
    return ber.unsigned32(data, start, stop, notes)


READERS: dict[int, Reader] = {
    ber.INTEGER: ber.signed,
    ber.OCTETS: octets,
    ber.NULL: _nothing,
    ber.OID: oid,
    IP_ADDRESS: address,
    0x41: ber.unsigned32,
    0x42: ber.unsigned32,
    TIMETICKS: ber.unsigned32,
    0x44: octets,
    0x45: _nsap,
    0x46: ber.unsigned64,
    0x47: _uinteger,
    0x80: _nothing,
    0x81: _nothing,
    0x82: _nothing,
}

NAMES: dict[int, str] = {
    ber.INTEGER: "INTEGER",
    ber.OCTETS: "OCTET STRING",
    ber.NULL: "NULL",
    ber.OID: "OBJECT IDENTIFIER",
    IP_ADDRESS: "IpAddress",
    0x41: "Counter32",
    0x42: "Gauge32",
    TIMETICKS: "TimeTicks",
    0x44: "Opaque",
    0x45: "NsapAddress",
    0x46: "Counter64",
    0x47: "UInteger32",
    0x80: "noSuchObject",
    0x81: "noSuchInstance",
    0x82: "endOfMibView",
}
"""What each tag is called in RFC 2578 and RFC 3416."""
