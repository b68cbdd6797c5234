"""Varbinds by meaning: find them by column, show their values, and say whom they name."""

from collections.abc import Iterable

from pydantic import JsonValue

from collectors.snmp import pet
from collectors.snmp.origins import Origins
from engine.clients import ber, snmp
from engine.clients.snmp_values import TIMETICKS, Value
from engine.model.ids import Kind, machine_id, object_id

TRAP_ADDRESS = "1.3.6.1.6.3.18.1.3.0"
TRAP_COMMUNITY = "1.3.6.1.6.3.18.1.4.0"
TRAP_ENTERPRISE = "1.3.6.1.6.3.1.1.4.3.0"
ENVELOPE = frozenset({snmp.SYS_UPTIME, snmp.TRAP_OID, TRAP_ADDRESS, TRAP_COMMUNITY, TRAP_ENTERPRISE})
"""Varbinds about the message, not about what happened."""

LIMIT_TEXT = 256
LIMIT_NAME = 200
LAST_SLOT = 64


def find(varbinds: Iterable[snmp.Varbind], column: str) -> Value:
    """The value of the first varbind in a column, whatever its instance; None if there is none."""
    below = f"{column}."
    for oid, _, value in varbinds:
        if oid == column or oid.startswith(below):
            return value
    return None


def content(varbinds: Iterable[snmp.Varbind], without: str | None = None) -> tuple[object, ...]:
    """What happened, without envelope, clocks and the one column: equal for a repetition."""
    told = (item for item in varbinds if item.oid not in ENVELOPE and item.tag != TIMETICKS)
    if without is not None:
        told = (item for item in told if item.oid != without and not item.oid.startswith(f"{without}."))
    return tuple(f"{item.oid}={item.tag}:{item.value!r}" for item in told)


def within(varbinds: Iterable[snmp.Varbind], columns: Iterable[str]) -> tuple[object, ...]:
    """What these columns say, whatever their instances."""
    return tuple(f"{column}={find(varbinds, column)!r}" for column in columns)


def text(value: Value) -> str:
    """A value as one line of text for people, at most 256 characters; what is not UTF-8 is shown as far as it goes."""
    if value is None:
        return ""
    shown_text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if not shown_text.isprintable():
        shown_text = "".join(char if char.isprintable() else " " for char in shown_text.rstrip("\0"))
    return shown_text.strip()[:LIMIT_TEXT]


def number(value: Value) -> int | None:
    """An integer, or digits in a text."""
    if isinstance(value, int):
        return value
    digits = text(value)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def slot(value: Value, after: str) -> int | None:
    """The number of a slot; with a word before it only where that word stands there."""
    if not after:
        return number(value)
    said = text(value)
    return number(said.removeprefix(after).encode()) if said.startswith(after) else None


def shown(varbinds: Iterable[snmp.Varbind]) -> JsonValue:
    """All varbinds as name and value, in order; octets that are not text as hex beside a best effort."""
    return [{"oid": item.oid, "value": readable(item.value)} for item in varbinds if item.oid != TRAP_COMMUNITY]


def readable(value: Value) -> JsonValue:
    """A value whole: text as text, octets that are none as hex beside a best effort."""
    if not isinstance(value, bytes):
        return value
    try:
        plain = value.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": value.hex(), "text": value.decode("utf-8", "replace")}
    return plain if all(char.isprintable() or char in "\r\n\t" for char in plain) else {"hex": value.hex()}


def redacted(raw: bytes, community: bytes) -> bytes:
    """The datagram with the community string blanked: it is a password of sorts."""
    if not community:
        return raw
    return raw.replace(ber.encoded(ber.OCTETS, community), ber.encoded(ber.OCTETS, b"*" * len(community)))


def chassis_subject(data: dict[str, JsonValue], sender: str, slotted: bool, origins: Origins) -> str | None:
    """The machine in a slot, or the chassis; None if the serial is a stranger's or the slot is none."""
    serial = str(data.get("chassis_serial", "")).upper()
    chassis = origins.chassis_by_serial.get(serial) if serial else origins.chassis_by_address.get(sender)
    if chassis is None:
        return None
    if not slotted:
        return object_id(Kind.CHASSIS, chassis)
    slot = data.get("slot")
    return machine_id(chassis, slot) if isinstance(slot, int) and 1 <= slot <= LAST_SLOT else None


def server_subject(data: dict[str, JsonValue], sender: str, origins: Origins) -> str | None:
    """The machine with this serial number, else the one whose BMC has the sender's address."""
    serial = str(data.get("serial", "")).upper()
    return origins.machines_by_serial.get(serial) or origins.machines_by_address.get(sender)


def named_subject(kind: Kind, name: str, origins: Origins) -> str | None:
    """A VM by its name; a host only if the site declares one of that name."""
    if not name or len(name) > LIMIT_NAME:
        return None
    return object_id(kind, name) if kind is Kind.VM or name in origins.hosts else None


def machine_subject(guid: str, sender: str, origins: Origins) -> str | None:
    """The machine with this system GUID in either byte order, else the one whose BMC has the sender's address."""
    orders = pet.guid_orders(guid) if guid else ()
    found = {origins.machines_by_guid[order] for order in orders if order in origins.machines_by_guid}
    if len(found) == 1:
        return found.pop()
    return None if found else origins.machines_by_address.get(sender)
