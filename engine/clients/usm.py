"""The User-based Security Model of SNMPv3 (RFC 3414, RFC 7860, RFC 3826): who sealed a message, and what is in it.

Keys are derived and answers encrypted by pysnmp's services; the digest is compared here, in constant time and at its
exact place, and content is decrypted by `cryptography`. MD5 and DES are left out on purpose. Timeliness and replay are
the receiver's business.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from pyasn1.type import univ
from pysnmp.proto.secmod import rfc3414  # noqa: F401  # before its children, which import each other in a ring
from pysnmp.proto.secmod.eso.priv.aes192 import Aes192, AesBlumenthal192
from pysnmp.proto.secmod.eso.priv.aes256 import Aes256, AesBlumenthal256
from pysnmp.proto.secmod.rfc3414 import localkey
from pysnmp.proto.secmod.rfc3414.auth.hmacsha import HmacSha
from pysnmp.proto.secmod.rfc3826.priv.aes import Aes
from pysnmp.proto.secmod.rfc7860.auth.hmacsha2 import HmacSha2

from engine.clients import snmp
from engine.clients.ber import Malformed
from engine.clients.snmp_v3 import LEVELS, Sealed
from engine.model.errors import Permanent


@dataclass(frozen=True, slots=True)
class _Digest:
    name: str
    octets: int
    """Of the digest that are sent."""
    service: tuple[int, ...]


DIGESTS: Mapping[str, _Digest] = MappingProxyType(
    {
        "sha1": _Digest("sha1", 12, HmacSha.SERVICE_ID),
        "sha224": _Digest("sha224", 16, HmacSha2.SHA224_SERVICE_ID),
        "sha256": _Digest("sha256", 24, HmacSha2.SHA256_SERVICE_ID),
        "sha384": _Digest("sha384", 32, HmacSha2.SAH384_SERVICE_ID),
        "sha512": _Digest("sha512", 48, HmacSha2.SHA512_SERVICE_ID),
    }
)
"""Authentication protocols by their names in the settings."""

CIPHERS: Mapping[str, Callable[[], Any]] = MappingProxyType(
    {
        "aes128": Aes,
        "aes192": AesBlumenthal192,
        "aes256": AesBlumenthal256,
        "aes192-reeder": Aes192,
        "aes256-reeder": Aes256,
    }
)
"""Privacy protocols by their names in the settings; `-reeder` derives longer keys as many Cisco devices do."""

SHORTEST_SECRET = 8
"""Characters of a pass phrase (RFC 3414 section 11.2)."""

STATS = "1.3.6.1.6.3.15.1.1"
"""usmStats: the counters that a Report names (RFC 3414 section 5)."""
LEVEL_REPORT, TIME_REPORT, USER_REPORT, ENGINE_REPORT, DIGEST_REPORT, DECRYPTION_REPORT = range(1, 7)


class Unproven(Permanent):
    """The message is well-formed, but not proven to come from somebody whom we believe."""

    def __init__(self, reason: str, detail: str, report: int | None = None) -> None:
        """`reason` is one of a small fixed set of words, for counting; `report` the usmStats counter to answer with."""
        super().__init__(detail)
        self.reason = reason
        self.report = report


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may send, with pass phrases."""

    name: str
    least: str = "authPriv"
    """The weakest level of LEVELS that is heard."""
    auth: str | None = None
    auth_secret: str = field(default="", repr=False)
    privacy: str | None = None
    privacy_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Keys:
    """A user's keys for one authoritative engine."""

    user: str
    least: int
    auth: str | None
    auth_key: bytes = field(repr=False)
    privacy_key: bytes = field(repr=False)
    cipher: Any = field(repr=False)
    """pysnmp's privacy service, which counts its salts; None without privacy."""


def keys(user: User, engines: Sequence[bytes]) -> Mapping[bytes, Keys]:
    """The user's keys by engine id; takes some hundredths of a second for each pass phrase (RFC 3414 section A.2)."""
    digest = DIGESTS[user.auth] if user.auth else None
    algorithm = getattr(hashlib, digest.name) if digest else None
    auth = localkey.hash_passphrase(user.auth_secret.encode(), algorithm) if algorithm else None
    cipher = _service(user.privacy) if user.privacy and digest else None
    privacy = cipher.hash_passphrase(digest.service, user.privacy_secret.encode()) if cipher and digest else None
    found: dict[bytes, Keys] = {}
    for engine in engines:
        named = univ.OctetString(engine)
        auth_key = localkey.localize_key(auth, named, algorithm).asOctets() if algorithm else b""
        privacy_key = bytes(cipher.localize_key(digest.service, privacy, named)) if cipher and digest else b""
        found[engine] = Keys(user.name, LEVELS.index(user.least), user.auth, auth_key, privacy_key, cipher)
    return found


@cache
def _service(privacy: str) -> Any:
    """One of each for all users: it counts the salts of what we encrypt, and no two messages may share one."""
    return CIPHERS[privacy]()


def authentic(datagram: bytes, sealed: Sealed, known: Keys) -> None:
    """Return if the level is one that the user must keep and the digest is right; raises `Unproven` if not."""
    if sealed.level < known.least:
        least = LEVELS[known.least]
        raise Unproven("v3-level", f"{LEVELS[sealed.level]} by {known.user}; {least} is required", LEVEL_REPORT)
    if (sealed.level > 0 and known.auth is None) or (sealed.level > 1 and known.cipher is None):
        raise Unproven("v3-level", f"{LEVELS[sealed.level]} by {known.user}, who has no keys for it", LEVEL_REPORT)
    start, stop = sealed.digest
    if sealed.level == 0 or known.auth is None:
        return
    digest = DIGESTS[known.auth]
    if stop - start != digest.octets:
        raise Unproven("v3-auth", f"a digest of {stop - start} octets; {known.auth} has {digest.octets}", DIGEST_REPORT)
    blank = datagram[:start] + bytes(stop - start) + datagram[stop : sealed.payload[1]]
    if not hmac.compare_digest(mac(blank, known), datagram[start:stop]):
        raise Unproven("v3-auth", f"the digest of {known.user} is wrong: another key or changed octets", DIGEST_REPORT)


def opened(datagram: bytes, sealed: Sealed, known: Keys) -> bytes:
    """The scoped PDU in the clear, of a message that is authentic; raises `Unproven` if it cannot be decrypted."""
    start, stop = sealed.payload
    if sealed.level < 2 or known.cipher is None:
        return datagram[start:stop]
    if len(sealed.salt) != 8:
        raise Unproven("v3-decryption", f"a salt of {len(sealed.salt)} octets; AES has 8", DECRYPTION_REPORT)
    vector = sealed.boots.to_bytes(4, "big") + sealed.time.to_bytes(4, "big") + sealed.salt
    opening = Cipher(AES(known.privacy_key), CFB(vector)).decryptor()  # pysnmp's own way takes ten times as long
    return opening.update(datagram[start:stop]) + opening.finalize()


def content(sealed: Sealed, plain: bytes, known: Keys) -> snmp.Notification | snmp.Ignored:
    """What an authentic message says, from what `opened` gave; raises `Unproven` or `Malformed`."""
    try:
        found = snmp.scoped(plain, list(sealed.notes))
    except Malformed as error:
        if sealed.level < 2:
            raise
        raise Unproven("v3-decryption", f"decrypted content makes no sense: {error}", DECRYPTION_REPORT) from None
    if isinstance(found, snmp.Ignored):
        return found
    engine = "" if found.confirmed else sealed.engine.hex()
    auth = (known.auth or "") if sealed.level > 0 else ""
    return found._replace(security=snmp.Security(known.user, LEVELS[sealed.level], engine, auth))


def mac(blank: bytes, known: Keys) -> bytes:
    """The digest of a message whose own digest is zeros (RFC 3414 section 6.3.1, RFC 7860 section 4.2.1)."""
    digest = DIGESTS[known.auth or ""]
    return hmac.digest(known.auth_key, blank, digest.name)[: digest.octets]
