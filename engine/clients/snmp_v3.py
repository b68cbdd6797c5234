"""The envelope of an SNMPv3 message: who sealed it, how and when; nothing of it is proven here.

Message shape: RFC 3412 section 6, security parameters: RFC 3414 section 2.4. `usm.py` proves and opens it.
"""

from typing import NamedTuple

from engine.clients import ber
from engine.clients.ber import Malformed

USM = 3
"""The User-based Security Model (RFC 3411 section 5)."""
SMALLEST = 484
"""Octets that every receiver must take (RFC 3412 section 6)."""

_AUTHENTICATED, _ENCRYPTED, _REPORTABLE = 1, 2, 4

LEVELS = ("noAuthNoPriv", "authNoPriv", "authPriv")
"""Security levels, weakest first."""


class Sealed(NamedTuple):
    """A v3 message whose envelope is well-formed; all that it claims is still a claim."""

    message_id: int
    most: int
    """Octets that the sender takes as an answer."""
    level: int
    """Index into LEVELS."""
    reportable: bool
    """The sender waits for a Report if we cannot process it."""
    engine: bytes
    """The authoritative engine: the sender of a trap, the receiver of an inform; empty in a discovery."""
    boots: int
    time: int
    """Seconds since that engine's last start."""
    user: bytes
    digest: tuple[int, int]
    """Where in the datagram the authentication parameters are."""
    salt: bytes
    """The privacy parameters."""
    payload: tuple[int, int]
    """Where the scoped PDU is: the element itself, or the octets that it is encrypted to."""
    notes: tuple[str, ...]


def sealed(data: bytes, at: int, end: int, notes: list[str]) -> Sealed:
    """The envelope behind the version number; raises `Malformed`, or `IndexError` where the datagram ends."""
    start, stop = ber.entered(data, at, end, ber.SEQUENCE, notes)
    message_id, most, flags = _global_data(data, start, stop, notes)
    level = flags & (_AUTHENTICATED | _ENCRYPTED)
    if level == _ENCRYPTED:
        raise Malformed("v3-flags", "privacy without authentication")
    start, at = ber.entered(data, stop, end, ber.OCTETS, notes)
    engine, boots, time, user, digest, salt = _parameters(data, start, at, notes)
    begin, stop = ber.entered(data, at, end, ber.OCTETS if flags & _ENCRYPTED else ber.SEQUENCE, notes)
    if stop != end:
        raise Malformed("leftover", f"{end - stop} octets after the scoped PDU inside the message")
    payload = (begin, stop) if flags & _ENCRYPTED else (at, stop)
    reportable = bool(flags & _REPORTABLE)
    strength = (level & 1) + (level >> 1)
    once = tuple(dict.fromkeys(notes))
    return Sealed(message_id, most, strength, reportable, engine, boots, time, user, digest, salt, payload, once)


def _global_data(data: bytes, at: int, end: int, notes: list[str]) -> tuple[int, int, int]:
    message_id, at = ber.integer(data, at, end, notes)
    most, at = ber.integer(data, at, end, notes)
    if message_id < 0 or most < SMALLEST:
        raise Malformed("range", f"msgID {message_id} and msgMaxSize {most}; at least 0 and {SMALLEST} are valid")
    start, at = ber.entered(data, at, end, ber.OCTETS, notes)
    if at - start != 1:
        raise Malformed("v3-flags", f"msgFlags of {at - start} octets")
    model, stop = ber.integer(data, at, end, notes)
    if stop != end:
        raise Malformed("leftover", f"{end - stop} octets after the security model")
    if model != USM:
        raise Malformed("v3-model", f"security model {model}; only {USM} (USM) is read")
    return message_id, most, data[start]


def _parameters(
    data: bytes, at: int, end: int, notes: list[str]
) -> tuple[bytes, int, int, bytes, tuple[int, int], bytes]:
    at, stop = ber.entered(data, at, end, ber.SEQUENCE, notes)
    if stop != end:
        raise Malformed("leftover", f"{end - stop} octets after the security parameters")
    start, at = ber.entered(data, at, end, ber.OCTETS, notes)
    engine = data[start:at]
    if engine and not 5 <= len(engine) <= 32:
        raise Malformed("v3-engine-id", f"an engine id of {len(engine)} octets; 5 to 32 are valid")
    boots, at = ber.integer(data, at, end, notes)
    time, at = ber.integer(data, at, end, notes)
    if boots < 0 or time < 0:
        raise Malformed("range", "engine boots or time below zero")
    start, at = ber.entered(data, at, end, ber.OCTETS, notes)
    user = data[start:at]
    if len(user) > 32:
        raise Malformed("v3-user-name", f"a user name of {len(user)} octets; at most 32 are valid")
    digest = ber.entered(data, at, end, ber.OCTETS, notes)
    start, at = ber.entered(data, digest[1], end, ber.OCTETS, notes)
    if at != end:
        raise Malformed("leftover", f"{end - at} octets inside the security parameters")
    return engine, boots, time, user, digest, data[start:at]
