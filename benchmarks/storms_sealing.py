"""SNMPv3 for the storm benchmark: each chassis is an engine of its own, and each trap is sealed anew (authPriv).

SHA-256 and AES-128: what security.md asks of a trap that is to count in full. Every message has its own id, salt and
digest, so that none is a replay of another; the sender's clock goes on with the numbers.
"""

import hmac
from collections.abc import Callable, Mapping

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from engine.clients import ber, usm

USER, AUTH_PHRASE, PRIVACY_PHRASE = "bench", "authentic-benchmark", "private-benchmark"
BOOTS, TIME = 1, 1000
DIGEST = 24
"""Octets of an HMAC-SHA-256 digest that are sent (RFC 7860)."""
_BLANK = bytes(DIGEST)


def engine(chassis: int) -> bytes:
    """The engine id of a chassis."""
    return bytes.fromhex("80001f8804") + f"bench{chassis:02d}".encode()


def user() -> usm.User:
    """Who sends them all."""
    return usm.User(USER, "authPriv", "sha256", AUTH_PHRASE, "aes128", PRIVACY_PHRASE)


def sealed(made: Callable[[int], bytes], rate: float, chassis: int) -> Callable[[int], bytes]:
    """The same traps in SNMPv3, from as many engines."""
    engines = [engine(number) for number in range(chassis)]
    known: Mapping[bytes, usm.Keys] = usm.keys(user(), engines)

    def numbered(number: int) -> bytes:
        sender = engines[number % chassis]
        return _sealed(_pdu(made(number)), number, TIME + int(number / rate), sender, known[sender])

    return numbered


def _pdu(datagram: bytes) -> bytes:
    """Of a v2c message."""
    at, end = ber.span(datagram, 0, len(datagram), [])
    for _ in range(2):
        _, at = ber.span(datagram, at, end, [])
    return datagram[at:end]


def _sealed(pdu: bytes, number: int, time: int, sender: bytes, keys: usm.Keys) -> bytes:
    octets, whole = ber.OCTETS, ber.SEQUENCE
    salt = number.to_bytes(8, "big")
    context = ber.encoded(octets, sender) + ber.encoded(octets, b"")
    iv = BOOTS.to_bytes(4, "big") + time.to_bytes(4, "big") + salt
    cipher = Cipher(AES(keys.privacy_key[:16]), CFB(iv)).encryptor()
    hidden = cipher.update(ber.encoded(whole, context + pdu)) + cipher.finalize()
    head = ber.encoded_integer(number + 1) + ber.encoded_integer(65507) + ber.encoded(octets, b"\3")
    said = ber.encoded(octets, sender) + ber.encoded_integer(BOOTS) + ber.encoded_integer(time)
    said += ber.encoded(octets, USER.encode()) + ber.encoded(octets, _BLANK) + ber.encoded(octets, salt)
    body = ber.encoded_integer(3) + ber.encoded(whole, head + ber.encoded_integer(3))
    body += ber.encoded(octets, ber.encoded(whole, said)) + ber.encoded(octets, hidden)
    blank = ber.encoded(whole, body)
    at = blank.index(_BLANK)
    return blank[:at] + hmac.digest(keys.auth_key, blank, "sha256")[:DIGEST] + blank[at + DIGEST :]
