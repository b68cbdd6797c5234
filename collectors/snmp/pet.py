"""IPMI Platform Event Traps: the block in the one varbind, and what a specific number means.

Source: IPMI Platform Event Trap Format 1.0, tables 1 and 2. Where known machines deviate, the place says so.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from collectors.snmp.mapfile import PetTable, Sensor, Specific

ENTERPRISE = "1.3.6.1.4.1.3183.1.1"
BLOCK_COLUMN = f"{ENTERPRISE}.1"
SHORTEST = 31
"""Octets up to entity instance; with fewer the trap names neither sensor nor part."""
FULL = 46
"""Octets before the OEM fields."""

EPOCH = datetime(1998, 1, 1, tzinfo=UTC)
UNIX = datetime(1970, 1, 1, tzinfo=UTC)
NOTE_SHORT = "the PET block is shorter than 46 octets"

SEVERITIES = {0: "unspecified", 1: "monitor", 2: "information", 4: "ok", 8: "non-critical", 16: "critical", 32: "fatal"}

NON_CRITICAL = frozenset({0, 1, 6, 7})
"""Threshold offsets that are a warning; the others up to 11 are critical."""


@dataclass(frozen=True, slots=True)
class Block:
    """What one PET block says."""

    guid: str
    """32 hex digits in the order on the wire; empty if all zero."""
    sequence: int
    """0: the sender does not count."""
    time: datetime | None
    """When it happened; None if the sender does not know."""
    severity: str
    sensor_device: int
    sensor: int
    entity: int
    instance: int
    data: str
    """Event data 1 to 8 in hex."""
    manufacturer: int | None
    oem: str
    """Printable text of the OEM fields, e.g. a host name."""
    short: bool
    """The block ends early: accepted, and noted."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The event type of a specific number."""

    type: str | None
    """None: no type fits; the trap stays unmapped."""
    vendor_severity: str
    name: str
    by_rule: bool
    """Not listed: derived from sensor type, event type, offset and de-assertion."""
    part: str | None = None


def read_block(raw: bytes, now: datetime, makers: frozenset[int]) -> Block | None:
    """The block, as far as it goes; None if it is too short to name a sensor. `now` judges which epoch was meant."""
    if len(raw) < SHORTEST:
        return None
    whole = raw.ljust(FULL, b"\0")
    guid = b"" if raw[:16] == bytes(16) else raw[:16]
    return Block(
        guid=guid.hex(),
        sequence=int.from_bytes(raw[16:18], "big"),
        time=_time(int.from_bytes(raw[18:22], "big"), raw[22:24], now),
        severity=SEVERITIES.get(raw[26], "unspecified"),
        sensor_device=raw[27],
        sensor=raw[28],
        entity=raw[29],
        instance=raw[30],
        data=whole[31:39].hex(),
        manufacturer=_manufacturer(raw[40:44], makers),
        oem=_oem(raw[FULL:]),
        short=len(raw) < FULL,
    )


def guid_orders(guid: str) -> tuple[str, str]:
    """A GUID as sent and with its first three groups swapped, dashed lower case: Redfish and SMBIOS show either."""
    raw = bytes.fromhex(guid)
    swapped = raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]
    first, second = (_dashed(item.hex()) for item in (raw, swapped))
    return first, second


def meaning(specific: int, manufacturer: int | None, table: PetTable) -> Meaning:
    """Vendor's table first, then the general one, then the rules."""
    vendor = table.vendors.get(manufacturer) if manufacturer is not None else None
    listed = (vendor.specifics.get(specific) if vendor else None) or table.specifics.get(specific)
    sensor = table.sensors.get(specific >> 16 & 0xFF)
    part = sensor.part if sensor else None
    if listed is not None:
        return _listed(listed, part)
    found = _by_rule(specific, sensor) if sensor else None
    return Meaning(found, "unspecified", f"specific {specific}", by_rule=True, part=part)


def _listed(item: Specific, part: str | None) -> Meaning:
    return Meaning(item.type, item.vendor_severity, item.name, by_rule=False, part=part)


def _by_rule(specific: int, sensor: Sensor) -> str | None:
    if specific & 0x70 or not 0 <= specific < 1 << 24:
        return None
    kind = specific >> 8 & 0xFF
    gone = bool(specific & 0x80)
    offset = specific & 0x0F
    if kind == 0x6F:
        pair = sensor.offsets.get(offset)
        return pair[gone] if pair else None
    if kind == 0x08:
        there = (offset == 1) is not gone
        return (sensor.presence.present if there else sensor.presence.absent) if sensor.presence else None
    if kind == 0x0B:
        full = (offset == 0) is not gone
        return (sensor.redundancy.full if full else sensor.redundancy.lost) if sensor.redundancy else None
    return _by_level(kind, offset, gone, sensor)


def _by_level(kind: int, offset: int, gone: bool, sensor: Sensor) -> str | None:
    levels = sensor.levels
    level = _LEVELS.get(kind, {}).get(offset)
    if levels is None or level is None:
        return None
    if level == "ok":
        return None if gone else levels.ok
    if gone:
        return levels.ok
    return levels.warning if level == "warning" else levels.critical


_LEVELS: dict[int, dict[int, str]] = {
    0x01: {offset: "warning" if offset in NON_CRITICAL else "critical" for offset in range(12)},
    0x03: {0: "ok", 1: "critical"},
    0x04: {0: "ok", 1: "warning"},
    0x05: {0: "ok", 1: "warning"},
    0x06: {0: "ok", 1: "warning"},
    0x07: {0: "ok", 1: "warning", 2: "critical", 3: "critical", 4: "warning", 5: "critical", 6: "critical"},
}
"""Level by generic event type and offset (IPMI 2.0 table 42-2)."""


def _time(seconds: int, offset: bytes, now: datetime) -> datetime | None:
    if seconds == 0:
        return None
    minutes = int.from_bytes(offset, "big", signed=True)
    shift = timedelta(minutes=0 if offset == b"\xff\xff" or abs(minutes) > 24 * 60 else minutes)
    found = EPOCH + timedelta(seconds=seconds) - shift
    as_unix = UNIX + timedelta(seconds=seconds) - shift
    if found > now and abs(as_unix - now) <= timedelta(days=1):
        return as_unix
    return found


def _manufacturer(raw: bytes, makers: frozenset[int]) -> int | None:
    if len(raw) < 4:
        return None
    big, little = int.from_bytes(raw, "big"), int.from_bytes(raw, "little")
    return little if little in makers and big not in makers else big


def _oem(raw: bytes) -> str:
    text = raw.partition(b"\xc1")[0].strip(b"\0")
    return text.decode("ascii") if text.isascii() and text.decode("ascii").isprintable() else ""


def _dashed(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
