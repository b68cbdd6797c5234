"""Trap datagrams for drills: what a chassis would send about one of its blades."""

from dataclasses import dataclass

from engine.clients import snmp_encoding
from engine.model.errors import ConfigurationError

ENTERPRISE = "1.3.6.1.4.1.232"
RACK = f"{ENTERPRISE}.22.2"
FIRST, LAST = 22000, 22099
"""Trap numbers of CPQRACK-MIB."""


@dataclass(frozen=True, slots=True)
class BladeOf:
    """Which blade a trap is about."""

    chassis: str
    serial: str
    """Of the enclosure."""
    slot: int


def c7000(number: int, blade: BladeOf, community: bytes) -> bytes:
    """A trap of the HPE c7000's Onboard Administrator (CPQRACK-MIB); raises ConfigurationError for a foreign number."""
    if not FIRST <= number <= LAST:
        msg = f"{number} is no trap of CPQRACK-MIB; they are numbered {FIRST} to {LAST}, such as 22056 (power lost)"
        raise ConfigurationError(msg)
    fields: list[tuple[str, int | str]] = [
        (f"{RACK}.3.1.1.1.7.1", blade.serial),
        (f"{RACK}.4.1.1.1.5.1.{blade.slot}", blade.chassis),
        (f"{RACK}.4.1.1.1.8.1.{blade.slot}", blade.slot),
    ]
    return snmp_encoding.trap_v2c(community, f"{ENTERPRISE}.0.{number}", fields)
