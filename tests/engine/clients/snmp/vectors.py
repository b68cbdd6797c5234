"""The shared trap vectors by file."""

from functools import cache

from engine.clients import snmp
from engine.clients.snmp_v3 import Sealed
from tests.shared_data import shared


@cache
def vectors(name: str) -> dict[str, bytes]:
    lines = shared(f"traps/{name}.hex").read_text(encoding="utf-8").splitlines()
    parts = (line.partition("  # ") for line in lines)
    return {f"{number} {comment}": bytes.fromhex(octets) for number, (octets, _, comment) in enumerate(parts)}


def read(datagram):
    """What a datagram says as far as that needs no key: the content of a v3 message too, if it is not encrypted."""
    decoded = snmp.decode(datagram)
    if isinstance(decoded, Sealed) and decoded.level < 2:
        return snmp.scoped(datagram[slice(*decoded.payload)], list(decoded.notes))
    return decoded
