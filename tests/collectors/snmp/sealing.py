"""SNMPv3 messages made by hand (RFC 3414 appendix A.2, RFC 3826): nothing here is the code that they are tests of."""

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from collectors.snmp.unsealing import TrapUser
from engine.clients import ber, snmp, usm
from engine.clients.snmp_v3 import Sealed
from tests.collectors.snmp import traps

ENGINE = bytes.fromhex("80001f8804746f62616e")
PHRASES = ("authentic-phrase", "private-phrase")
SENT = {"sha1": 12, "sha224": 16, "sha256": 24, "sha384": 32, "sha512": 48}


def user(name="oa", *, least="authPriv", auth="sha256", privacy="aes128", engines=None, phrases=PHRASES):
    keys = usm.User(name, least, auth, phrases[0], privacy, phrases[1])
    return TrapUser(keys, {ENGINE: ("127.0.0.1",)} if engines is None else engines)


@dataclass(frozen=True)
class Seal:
    """How a message is sealed."""

    name: str = "oa"
    level: int = 2
    engine: bytes = ENGINE
    boots: int = 1
    time: int = 1000
    message: int = 1
    auth: str = "sha256"
    phrases: tuple[str, str] = PHRASES
    reportable: bool = False


def write_phrases(folder):
    """The files `auth` and `privacy` that settings name."""
    for name, phrase in zip(("auth", "privacy"), PHRASES, strict=True):
        (folder / name).write_text(f"{phrase}\n")
        (folder / name).chmod(0o400)


def key(phrase, engine, algorithm):
    """RFC 3414 appendix A.2: a million octets of the phrase, then the engine."""
    repeated = (phrase.encode() * (1_048_576 // len(phrase) + 1))[:1_048_576]
    ku = hashlib.new(algorithm, repeated).digest()
    return hashlib.new(algorithm, ku + engine + ku).digest()


def sealed(scoped, seal):
    salt = seal.message.to_bytes(8, "big")
    payload = scoped
    if seal.level > 1:
        iv = seal.boots.to_bytes(4, "big") + seal.time.to_bytes(4, "big") + salt
        cipher = Cipher(algorithms.AES(key(seal.phrases[1], seal.engine, seal.auth)[:16]), CFB(iv)).encryptor()
        payload = ber.encoded(ber.OCTETS, cipher.update(scoped) + cipher.finalize())
    flags = (0, 1, 3)[seal.level] | (4 if seal.reportable else 0)
    head = ber.encoded_integer(seal.message) + ber.encoded_integer(65507)
    head += ber.encoded(ber.OCTETS, bytes((flags,))) + ber.encoded_integer(3)
    mark = b"\xa5" * SENT[seal.auth] if seal.level else b""
    said = ber.encoded(ber.OCTETS, seal.engine) + ber.encoded_integer(seal.boots) + ber.encoded_integer(seal.time)
    said += ber.encoded(ber.OCTETS, seal.name.encode()) + ber.encoded(ber.OCTETS, mark)
    said += ber.encoded(ber.OCTETS, salt if seal.level > 1 else b"")
    parameters = ber.encoded(ber.OCTETS, ber.encoded(ber.SEQUENCE, said))
    body = ber.encoded_integer(3) + ber.encoded(ber.SEQUENCE, head) + parameters + payload
    whole = ber.encoded(ber.SEQUENCE, body)
    if not seal.level:
        return whole
    blank = whole.replace(mark, bytes(len(mark)), 1)
    digest = hmac.new(key(seal.phrases[0], seal.engine, seal.auth), blank, seal.auth).digest()[: len(mark)]
    return whole.replace(mark, digest, 1)


def scoped_pdu(datagram, engine=ENGINE):
    """The PDU of a v2c message in a scoped PDU."""
    at, end = ber.span(datagram, 0, len(datagram), [])
    for _ in range(2):
        _, at = ber.span(datagram, at, end, [])
    context = ber.encoded(ber.OCTETS, engine) + ber.encoded(ber.OCTETS, b"")
    return ber.encoded(ber.SEQUENCE, context + datagram[at:end])


def trap(number=22056, slot=1, *, seal=None, **more):
    """A c7000 trap about a blade in SNMPv3."""
    chosen = seal or Seal()
    return sealed(scoped_pdu(traps.blade(number, slot, **more), chosen.engine), chosen)


def discovery(message=1):
    """What a sender of informs asks first: who are you?"""
    empty = ber.encoded(ber.SEQUENCE, b"")
    get = ber.encoded(0xA0, ber.encoded_integer(9) + ber.encoded_integer(0) * 2 + empty)
    scoped = ber.encoded(ber.SEQUENCE, ber.encoded(ber.OCTETS, b"") * 2 + get)
    return sealed(scoped, Seal(name="", level=0, engine=b"", boots=0, time=0, message=message, reportable=True))


def envelope(datagram):
    """The envelope of a v3 message."""
    found = snmp.decode(datagram)
    assert isinstance(found, Sealed)
    return found
