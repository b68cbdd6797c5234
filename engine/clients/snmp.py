"""SNMP notifications: the hot path that turns a datagram into a Notification, or says why not.

One pass, no object per field: the values are named tuples, because they are made thousands of times a second.
Message shapes: v1 RFC 1157 section 4.1.6, v2c RFC 3416 section 4.2.6 and 4.2.7, v3 RFC 3412 section 6. Of a v3 message
`decode` reads the envelope; who holds the keys opens it (`usm.py`) and reads the content with `scoped`.
"""

from typing import NamedTuple, TypeAlias

from engine.clients import ber, snmp_v3
from engine.clients.ber import Malformed
from engine.clients.snmp_v3 import Sealed
from engine.clients.snmp_values import IP_ADDRESS, READERS, TIMETICKS, Reader, Value, address, octets, oid

LIMIT_DATAGRAM = 8192
"""Octets in one datagram."""
LIMIT_VARBINDS = 128
"""Varbinds in one message."""
LIMIT_HEADS = 8192
"""Different names remembered; devices send the same few again and again."""

SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
GENERIC = "1.3.6.1.6.3.1.1.5"
"""Prefix of the six generic traps (RFC 3584 section 3.1)."""

NOTE_ERROR = "error-status or error-index is not zero"
NOTE_ORDER = "the first two varbinds are not sysUpTime.0 and snmpTrapOID.0"
NOTE_AFTER = "octets follow the message"
NOTE_NEWER = "a value type of v2 in a v1 message"

_PDUS = {0xA0: "get", 0xA1: "getnext", 0xA2: "response", 0xA3: "set", 0xA5: "getbulk", 0xA8: "report"}
_NOTIFICATIONS = frozenset({0xA6, 0xA7})
_V2_VALUES = frozenset({0x46, 0x80, 0x81, 0x82})
_V1_PDUS = frozenset({0xA0, 0xA1, 0xA2, 0xA3})


class Varbind(NamedTuple):
    """One named value: numbers are int, OIDs and addresses str, NULL and exceptions None, the rest bytes."""

    oid: str
    tag: int
    value: Value


class Security(NamedTuple):
    """How a v3 notification was secured; made by who has checked it."""

    user: str
    level: str
    """`noAuthNoPriv`, `authNoPriv` or `authPriv`."""
    engine: str
    """The sender's engine id in hex; empty for an inform, whose authoritative engine is its receiver."""
    auth: str = ""
    """`sha1` to `sha512`; empty for noAuthNoPriv. Privacy is always some AES."""

    @property
    def proves(self) -> bool:
        """Whether nobody else can have said it: authPriv with SHA-256 or better (security.md 1)."""
        return self.level == "authPriv" and self.auth in ("sha256", "sha384", "sha512")


class Notification(NamedTuple):
    """A Trap or Inform as it was sent."""

    version: int
    """0 for v1, 1 for v2c, 3 for v3: the number on the wire."""
    community: bytes
    """Empty in v3."""
    confirmed: bool
    """An InformRequest: its sender waits for a response."""
    key: str
    """The trap's OID by RFC 3584 section 3.1; empty if the sender left it out."""
    uptime: int | None
    """Hundredths of a second since the sender's start."""
    varbinds: tuple[Varbind, ...]
    notes: tuple[str, ...]
    """Which rules the sender bent; empty for a strictly valid message."""
    agent: str | None = None
    """v1 only: the address in the message, which may differ from the datagram's."""
    enterprise: str | None = None
    """v1 only."""
    generic: int | None = None
    """v1 only: 0 to 6."""
    specific: int | None = None
    """v1 only; may be negative."""
    security: Security | None = None
    """v3 only."""


class Ignored(NamedTuple):
    """Well-formed, but not for us: `get`, `response`, ..."""

    what: str


Decoded: TypeAlias = Notification | Ignored | Sealed


def decode(datagram: bytes) -> Decoded:
    """What a datagram says; raises `Malformed` and nothing else, whatever the bytes."""
    if len(datagram) > LIMIT_DATAGRAM:
        raise Malformed("too-large", f"a datagram of {len(datagram)} octets; at most {LIMIT_DATAGRAM} are read")
    try:
        return _message(datagram)
    except IndexError:
        raise Malformed("truncated", "the datagram ends inside a value") from None


def response_to(inform: bytes) -> bytes:
    """The Response that confirms an InformRequest: same request id, same varbinds (RFC 3416 section 4.2.7).

    `inform` must be a datagram that `decode` gave as a confirmed notification.
    """
    at, end = ber.span(inform, 0, len(inform), [])
    _, version_end = ber.span(inform, at, end, [])
    _, pdu = ber.span(inform, version_end, end, [])
    start, stop = ber.span(inform, pdu, end, [])
    _, id_end = ber.span(inform, start, stop, [])
    _, status_end = ber.span(inform, id_end, stop, [])
    _, index_end = ber.span(inform, status_end, stop, [])
    no_error = ber.encoded_integer(0) * 2
    answer = ber.encoded(0xA2, inform[start:id_end] + no_error + inform[index_end:stop])
    return ber.encoded(ber.SEQUENCE, inform[at:pdu] + answer)


def scoped(data: bytes, notes: list[str]) -> Notification | Ignored:
    """The content of a v3 message: a scoped PDU in the clear (RFC 3412 section 6.8); raises `Malformed` only."""
    try:
        at, end = ber.entered(data, 0, len(data), ber.SEQUENCE, notes)
        if end != len(data):
            raise Malformed("leftover", f"{len(data) - end} octets after the scoped PDU")
        _, at = ber.entered(data, at, end, ber.OCTETS, notes)
        _, at = ber.entered(data, at, end, ber.OCTETS, notes)
        tag, at, stop = _pdu(data, at, end, notes)
        if tag in _NOTIFICATIONS:
            return _trap_v2(data, at, stop, b"", tag == 0xA6, notes)._replace(version=3)
        _check_other(data, at, stop, tag)
        return Ignored(_PDUS[tag])
    except IndexError:
        raise Malformed("truncated", "the scoped PDU ends inside a value") from None


def _pdu(data: bytes, at: int, end: int, notes: list[str]) -> tuple[int, int, int]:
    if at >= end:
        raise Malformed("truncated", "the message ends before its PDU")
    tag = data[at]
    at, stop = ber.span(data, at, end, notes)
    if stop != end:
        raise Malformed("leftover", f"{end - stop} octets after the PDU inside the message")
    return tag, at, stop


def _message(data: bytes) -> Decoded:
    notes: list[str] = []
    at, end = ber.entered(data, 0, len(data), ber.SEQUENCE, notes)
    version, at = ber.integer(data, at, end, notes)
    if version == 3:
        if end < len(data):
            notes.append(NOTE_AFTER)
        return snmp_v3.sealed(data, at, end, notes)
    if version not in (0, 1):
        raise Malformed("version", f"SNMP version {version} on the wire; 0, 1 and 3 exist")
    start, at = ber.entered(data, at, end, ber.OCTETS, notes)
    community = octets(data, start, at, notes)
    tag, at, stop = _pdu(data, at, end, notes)
    if end < len(data):
        notes.append(NOTE_AFTER)
    if tag == 0xA4 and version == 0:
        return _trap_v1(data, at, stop, community, notes)
    if tag in _NOTIFICATIONS and version == 1:
        return _trap_v2(data, at, stop, community, tag == 0xA6, notes)
    _check_other(data, at, stop, tag if version or tag in _V1_PDUS else 0)
    return Ignored(_PDUS[tag])


def _trap_v1(data: bytes, at: int, end: int, community: bytes, notes: list[str]) -> Notification:
    start, at = ber.entered(data, at, end, ber.OID, notes)
    enterprise = oid(data, start, at, notes)
    start, at = ber.entered(data, at, end, IP_ADDRESS, notes)
    agent = address(data, start, at, notes)
    generic, at = ber.integer(data, at, end, notes)
    if not 0 <= generic <= 6:
        raise Malformed("range", f"generic-trap {generic}; 0 to 6 exist")
    specific, at = ber.integer(data, at, end, notes)
    start, at = ber.entered(data, at, end, TIMETICKS, notes)
    uptime = ber.unsigned32(data, start, at, notes)
    varbinds = _varbinds(data, at, end, notes)
    if not _V2_VALUES.isdisjoint([item.tag for item in varbinds]):
        notes.append(NOTE_NEWER)
    key = f"{enterprise}.0.{specific}" if generic == 6 else f"{GENERIC}.{generic + 1}"
    return Notification(0, community, False, key, uptime, varbinds, _once(notes), agent, enterprise, generic, specific)


def _trap_v2(data: bytes, at: int, end: int, community: bytes, confirmed: bool, notes: list[str]) -> Notification:
    status, index, at = _header(data, at, end, notes)
    if status or index:
        notes.append(NOTE_ERROR)
    varbinds = _varbinds(data, at, end, notes)
    key, uptime = _envelope(varbinds, notes)
    return Notification(1, community, confirmed, key, uptime, varbinds, _once(notes))


def _envelope(varbinds: tuple[Varbind, ...], notes: list[str]) -> tuple[str, int | None]:
    if len(varbinds) > 1:
        first, second = varbinds[0], varbinds[1]
        if second.oid == TRAP_OID and second.tag == ber.OID and first.oid == SYS_UPTIME and first.tag == TIMETICKS:
            return str(second.value), first.value if isinstance(first.value, int) else None
    notes.append(NOTE_ORDER)
    keys = [str(item.value) for item in varbinds if item.oid == TRAP_OID and item.tag == ber.OID]
    uptimes = [item.value for item in varbinds if item.oid == SYS_UPTIME and isinstance(item.value, int)]
    return keys[0] if keys else "", uptimes[0] if uptimes else None


def _check_other(data: bytes, at: int, end: int, tag: int) -> None:
    notes: list[str] = []
    if tag not in _PDUS:
        raise Malformed("pdu", "the PDU is not one of the message's version")
    if tag == 0xA5:
        for _ in range(3):
            _, at = ber.integer(data, at, end, notes)
    else:
        _, _, at = _header(data, at, end, notes)
    _varbinds(data, at, end, notes)


def _header(data: bytes, at: int, end: int, notes: list[str]) -> tuple[int, int, int]:
    """Error status and index, and the offset behind them; the request id is only checked."""
    _, at = ber.integer(data, at, end, notes)
    status, at = ber.integer(data, at, end, notes)
    if not 0 <= status <= 18:
        raise Malformed("range", f"error-status {status}; 0 to 18 exist")
    index, at = ber.integer(data, at, end, notes)
    return status, index, at


def _varbinds(data: bytes, at: int, end: int, notes: list[str]) -> tuple[Varbind, ...]:
    """All varbinds. The loop is the short form of `_varbind` for names seen before; whatever is odd goes there."""
    at, stop = ber.entered(data, at, end, ber.SEQUENCE, notes)
    if stop != end:
        raise Malformed("leftover", f"{end - stop} octets after the varbinds inside the PDU")
    found: list[Varbind] = []
    heads, new, add = _heads, tuple.__new__, found.append
    while at < stop:
        size = data[at + 1]
        value_at = at + 6 + data[at + 3]
        head = heads.get(data[at + 2 : value_at - 1])
        last = at + 2 + size
        if head is None or size > 0x7F or last > stop or data[at] != 0x30 or value_at + data[value_at - 1] != last:
            item, at = _varbind(data, at, stop, notes)
            add(item)
        else:
            name, tag, read = head
            at = last
            add(new(Varbind, (name, tag, data[value_at:at] if tag == 0x04 else read(data, value_at, at, notes))))
    if len(found) > LIMIT_VARBINDS:
        raise Malformed("too-many-varbinds", f"{len(found)} varbinds; at most {LIMIT_VARBINDS} are read")
    return tuple(found)


def _varbind(data: bytes, at: int, end: int, notes: list[str]) -> tuple[Varbind, int]:
    if data[at] != ber.SEQUENCE:
        raise Malformed("tag", f"tag {data[at]:02x} where a varbind belongs")
    at, stop = ber.span(data, at, end, notes)
    if at == stop or data[at] != ber.OID:
        raise Malformed("tag", "a varbind does not begin with a name")
    start = at
    at, last = ber.span(data, at, stop, notes)
    if at == last:
        notes.append(ber.NOTE_EMPTY_OID)
    if last == stop:
        raise Malformed("truncated", "a varbind ends before its value")
    name = ber.oid(data[at:last])
    tag = data[last]
    head = data[start : last + 1]
    at, last = ber.span(data, last, stop, notes)
    if last != stop:
        raise Malformed("leftover", f"{stop - last} octets after the value inside a varbind")
    read = READERS.get(tag)
    if read is None:
        raise Malformed("value-tag", f"unknown value tag {tag:02x}")
    if 3 < len(head) < 0x83 and head[1] == len(head) - 3:
        _remember(head, (name, tag, read))
    return Varbind(name, tag, read(data, at, last, notes)), stop


def _remember(head: bytes, known: tuple[str, int, Reader]) -> None:
    if len(_heads) >= LIMIT_HEADS:
        _heads.clear()
    _heads[head] = known


def _once(notes: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes)) if notes else ()


_heads: dict[bytes, tuple[str, int, Reader]] = {}
"""Name, tag and reader by the octets from a varbind's name to its value's tag; only strictly valid ones enter."""
