"""What we say in SNMPv3: the Response that confirms an inform, and the Report that tells a sender how to speak to us.

We are the authoritative engine of an inform (RFC 3414 section 1.5.1), so its sender must first learn our engine id and
our clock; that is what Reports are for (RFC 3414 section 4).
"""

from dataclasses import dataclass

from pyasn1.type import univ

from engine.clients import ber, snmp, snmp_v3, usm
from engine.clients.ber import Malformed
from engine.clients.snmp_v3 import Sealed
from engine.clients.usm import Keys, Unproven

MOST = 8192
"""Octets that we take (msgMaxSize)."""
_RESPONSE, _REPORT, _COUNTER32 = 0xA2, 0xA8, 0x41
_STATS = bytes((0x2B, 6, 1, 6, 3, 15, 1, 1))
"""usm.STATS in BER."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Our engine as its peers see it now."""

    engine: bytes
    boots: int
    time: int
    """Whole seconds since our last start."""


def response_to(inform: bytes, sealed: Sealed, known: Keys, now: Moment) -> bytes:
    """The Response to an inform that `usm.content` gave: same ids and varbinds, sealed as the inform was."""
    plain = usm.opened(inform, sealed, known)
    at, end = ber.span(plain, 0, len(plain), [])
    _, context = ber.span(plain, at, end, [])
    _, context = ber.span(plain, context, end, [])
    request, _, varbinds = _parts(plain, context, end)
    pdu = ber.encoded(_RESPONSE, request + ber.encoded_integer(0) * 2 + varbinds)
    return _message(sealed, sealed.level, ber.encoded(ber.SEQUENCE, plain[at:context] + pdu), known, now)


def report_to(
    refused: bytes, sealed: Sealed, why: Unproven, count: int, now: Moment, known: Keys | None
) -> bytes | None:
    """The Report for a message that we could not process; None where the sender asked for none (RFC 3412 7.1.3).

    `count` is the counter that the Report names. Only one about time is signed, so that its clock may be believed.
    """
    if why.report is None or not sealed.reportable:
        return None
    signed = known if why.report == usm.TIME_REPORT else None
    name = ber.encoded(ber.OID, _STATS + bytes((why.report, 0)))
    varbind = ber.encoded(ber.SEQUENCE, name + ber.encoded(_COUNTER32, _unsigned(count & 0xFFFFFFFF)))
    fields = _request_id(refused, sealed) + ber.encoded_integer(0) * 2
    pdu = ber.encoded(_REPORT, fields + ber.encoded(ber.SEQUENCE, varbind))
    context = ber.encoded(ber.OCTETS, now.engine) + ber.encoded(ber.OCTETS, b"")
    return _message(sealed, 1 if signed else 0, ber.encoded(ber.SEQUENCE, context + pdu), signed, now)


def in_clear(sealed: Sealed, plain: bytes) -> bytes:
    """A message without its seals: what a person or another tool can read later."""
    return _envelope(sealed, 0, (sealed.engine, sealed.boots, sealed.time), b"", b"", plain)


def _message(to: Sealed, level: int, scoped: bytes, known: Keys | None, now: Moment) -> bytes:
    salt, payload = b"", scoped
    if level > 1 and known is not None:
        secret = univ.OctetString(known.privacy_key)
        sealed, used = known.cipher.encrypt_data(secret, (now.boots, now.time, None), scoped)
        salt, payload = bytes(used), ber.encoded(ber.OCTETS, bytes(sealed))
    engine = (now.engine, now.boots, now.time)
    if level == 0 or known is None:
        return _envelope(to, 0, engine, b"", salt, payload)
    octets = usm.DIGESTS[known.auth or ""].octets
    blank = _envelope(to, level, engine, bytes(octets), salt, payload)
    place = snmp.decode(blank)
    start, stop = place.digest if isinstance(place, Sealed) else (0, 0)
    return blank[:start] + usm.mac(blank, known) + blank[stop:]


def _envelope(
    to: Sealed, level: int, engine: tuple[bytes, int, int], digest: bytes, salt: bytes, payload: bytes
) -> bytes:
    flags = (0, 1, 3)[level]
    head = ber.encoded_integer(to.message_id) + ber.encoded_integer(MOST)
    head += ber.encoded(ber.OCTETS, bytes((flags,))) + ber.encoded_integer(snmp_v3.USM)
    name, boots, time = engine
    said = ber.encoded(ber.OCTETS, name) + ber.encoded_integer(boots) + ber.encoded_integer(time)
    said += ber.encoded(ber.OCTETS, to.user) + ber.encoded(ber.OCTETS, digest) + ber.encoded(ber.OCTETS, salt)
    parameters = ber.encoded(ber.OCTETS, ber.encoded(ber.SEQUENCE, said))
    return ber.encoded(ber.SEQUENCE, ber.encoded_integer(3) + ber.encoded(ber.SEQUENCE, head) + parameters + payload)


def _parts(plain: bytes, at: int, end: int) -> tuple[bytes, bytes, bytes]:
    """Request id, error fields and varbinds of the PDU at this place, as elements."""
    start, stop = ber.span(plain, at, end, [])
    _, id_end = ber.span(plain, start, stop, [])
    _, status_end = ber.span(plain, id_end, stop, [])
    _, index_end = ber.span(plain, status_end, stop, [])
    return plain[start:id_end], plain[id_end:index_end], plain[index_end:stop]


def _request_id(refused: bytes, sealed: Sealed) -> bytes:
    """Its request id where that is in the clear, else 0 (RFC 3412 section 7.1.3)."""
    if sealed.level > 1:
        return ber.encoded_integer(0)
    try:
        start, end = sealed.payload
        at, end = ber.span(refused, start, end, [])
        _, at = ber.entered(refused, at, end, ber.OCTETS, [])
        _, at = ber.entered(refused, at, end, ber.OCTETS, [])
        at, end = ber.span(refused, at, end, [])
        number, _ = ber.integer(refused, at, end, [])
    except (Malformed, IndexError):
        number = 0
    return ber.encoded_integer(number)


def _unsigned(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")
