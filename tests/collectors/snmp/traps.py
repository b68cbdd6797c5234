"""Traps for tests, built by hand, and what the collector needs around it."""

from datetime import UTC, datetime, timedelta

from collectors.snmp import maps
from collectors.snmp.mapping import Heard, Tables, to_event
from collectors.snmp.origins import Origins
from engine.clients import ber, snmp
from engine.model import catalogue

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MAPS = maps.shipped(catalogue.shipped())
ORIGINS = Origins(
    chassis_by_serial={"ENCL-SER-1": "chassis1"},
    chassis_by_address={"192.0.2.20": "chassis1"},
    machines_by_guid={"4c4c4544-004b-4a10-804b-c3c04f4d4c31": "machine:chassis1/4"},
)
TABLES = Tables(MAPS, ORIGINS, catalogue.shipped())

RACK = "1.3.6.1.4.1.232.22.2"
SLOT = f"{RACK}.4.1.1.1.8"
SERIAL = f"{RACK}.3.1.1.1.7"
SEQUENCE = f"{RACK}.3.1.1.1.15"
C7000 = "1.3.6.1.4.1.232.0"


def value(item):
    return ber.encoded_integer(item) if isinstance(item, int) else ber.encoded(ber.OCTETS, item)


def varbind(name, encoded):
    return ber.encoded(ber.SEQUENCE, ber.encoded_oid(name) + encoded)


def notification(key, items=(), *, community=b"public", inform=False, request=7, uptime=100):
    """A v2c trap or inform; `items` are (OID, int or bytes)."""
    ticks = ber.encoded(0x43, uptime.to_bytes(4, "big").lstrip(b"\0") or b"\0")
    envelope = varbind(snmp.SYS_UPTIME, ticks) + varbind(snmp.TRAP_OID, ber.encoded_oid(key))
    body = envelope + b"".join(varbind(name, value(item)) for name, item in items)
    header = ber.encoded_integer(request) + ber.encoded_integer(0) * 2
    pdu = ber.encoded(0xA6 if inform else 0xA7, header + ber.encoded(ber.SEQUENCE, body))
    return ber.encoded(ber.SEQUENCE, ber.encoded_integer(1) + ber.encoded(ber.OCTETS, community) + pdu)


def blade(number, slot=1, *, serial=b"ENCL-SER-1", sequence=None, **more):
    """A c7000 trap about a blade."""
    items = [(f"{SLOT}.1.{max(slot, 1)}", slot), (f"{SERIAL}.1", serial)]
    items += [(f"{SEQUENCE}.1", sequence)] if sequence is not None else []
    return notification(f"{C7000}.{number}", items, **more)


def pet(specific, block, **more):
    """A PET trap."""
    return notification(f"1.3.6.1.4.1.3183.1.1.0.{specific}", [("1.3.6.1.4.1.3183.1.1.1", block)], **more)


def mapped(datagram, *, source="198.51.100.9", after=0.0, tables=TABLES):
    """What the mapping makes of a datagram heard some seconds after NOW."""
    heard = Heard(snmp.decode(datagram), source, NOW + timedelta(seconds=after), datagram)
    return to_event(heard, tables)
