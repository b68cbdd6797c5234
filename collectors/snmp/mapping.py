"""A notification becomes an event: pure, the same bytes and the same moment always give the same event."""

import math
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from pydantic import JsonValue

from collectors.snmp import naming, pet
from collectors.snmp.deduplicating import Repeat
from collectors.snmp.maps import Rule, TrapMaps
from collectors.snmp.origins import Origins
from engine.clients import snmp
from engine.model.catalogue import Catalogue
from engine.model.event import Event, Severity
from engine.model.ids import Kind, content_hash, object_id

UNMAPPED = "trap.unmapped"
LIMIT_RAW = 2048
"""Octets of the datagram kept in `data.raw`."""

WINDOW_CONTENT = 60.0
WINDOW_SEQUENCE = 600.0
"""Longer than any detour, shorter than the time after which a restarted counter comes round again."""
WINDOW_PET = 3600.0
"""A BMC repeats until it is acknowledged, for up to half an hour."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What the meaning of a trap depends on."""

    maps: TrapMaps
    origins: Origins
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class Heard:
    """A decoded notification and how it came."""

    notification: snmp.Notification
    source: str
    """Address of the datagram's sender."""
    received_at: datetime
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Mapped:
    """The event, and what tells a repetition."""

    event: Event
    repeat: Repeat
    content: str
    """Equal for the same thing said again, whatever its running number."""
    condition: str
    """Equal for everything that is said about the same part."""
    counted: tuple[str, int] | None = None
    """Sender and running number, where it counts from trap to trap."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a table said about a notification."""

    type: str
    subject: str | None
    """None: nobody declared."""
    data: dict[str, JsonValue]
    identity: tuple[object, ...]
    window: float
    time: datetime | None = None
    counted: tuple[str, int] | None = None
    unnumbered: tuple[object, ...] | None = None
    """The identity without what tells one occurrence from the next; None: there is no such thing in it."""


def to_event(heard: Heard, tables: Tables) -> Mapped | None:
    """The event of a notification; None if its state varbind holds a value that nobody explained."""
    sender = sender_of(heard.notification, heard.source, tables.origins)
    found: _Found | None
    rule = tables.maps.rules.get(heard.notification.key)
    if tables.maps.pet is not None and heard.notification.key.startswith(f"{tables.maps.pet.enterprise}.0."):
        found = _platform(heard, sender, tables)
    elif rule is not None:
        found = _listed(heard, sender, rule, tables)
    else:
        found = _unmapped(heard)
    return None if found is None else _mapped(heard, sender, found, tables)


def sender_of(notification: snmp.Notification, source: str, origins: Origins) -> str:
    """Who sent it: through a declared proxy what the proxy says, else the v1 agent address, else the datagram's."""
    if source in origins.proxies:
        said = [item.value for item in notification.varbinds if item.oid == naming.TRAP_ADDRESS]
        if said and isinstance(said[0], str) and _usable(said[0]):
            return said[0]
    if notification.agent is not None and _usable(notification.agent):
        return notification.agent
    return source


def _usable(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return not (parsed.is_unspecified or parsed.is_loopback)


def _mapped(heard: Heard, sender: str, found: _Found, tables: Tables) -> Mapped:
    notification = heard.notification
    entry = tables.catalogue.get(found.type)
    subject = found.subject or object_id(Kind.SENDER, sender)
    key = notification.key
    data: dict[str, JsonValue] = {**found.data, "trap_oid": key, "sender": sender}
    if found.type != UNMAPPED:
        data["unresolved"] = found.subject is None
    security = notification.security
    data["authenticated"] = security is not None and security.proves
    if security is not None:
        data["security"] = security._asdict()
    if notification.notes:
        data["lenient"] = [*_notes(found.data), *notification.notes]
    data["raw"] = naming.redacted(heard.raw, notification.community)[:LIMIT_RAW].hex()
    whose = _whose(security, sender)
    identity = content_hash((whose, key, *found.identity))
    bucket = math.floor(heard.received_at.timestamp() / found.window)
    uncounted = found.window == WINDOW_CONTENT
    uptime = notification.uptime if uncounted else None
    family = key if found.type == UNMAPPED else (entry.recovery if entry else None) or found.type
    scope = content_hash((subject, data.get("chassis_serial"), data.get("slot"), data.get("part"), family))
    event = Event(
        id=content_hash(("snmp", identity, bucket, uptime)),
        type=found.type,
        source=f"snmp/{sender}"[:256],
        subject=subject,
        time=found.time or heard.received_at,
        severity=entry.severity if entry else Severity.INFO,
        data=data,
    )
    repeat = Repeat(identity, scope if uncounted else None, found.type, found.window)
    content = identity if found.unnumbered is None else content_hash((whose, key, *found.unnumbered))
    return Mapped(event, repeat, content, scope, found.counted)


def _whose(security: snmp.Security | None, sender: str) -> str:
    """Who says it, for telling repetitions: what somebody forges never passes for a repetition of what is proven."""
    if security is None or security.level == "noAuthNoPriv":
        return sender
    return security.engine or f"{sender} as {security.user}"


def _notes(data: dict[str, JsonValue]) -> list[JsonValue]:
    notes = data.get("lenient")
    return notes if isinstance(notes, list) else []


def _listed(heard: Heard, sender: str, rule: Rule, tables: Tables) -> _Found | None:
    varbinds = heard.notification.varbinds
    kind = rule.entry.type
    if rule.entry.state is not None:
        value = naming.find(varbinds, rule.state_column or "")
        word = value if isinstance(value, int) else naming.text(value)
        kind = rule.entry.state.absent if value is None else rule.entry.state.values.get(word)
    if kind is None:
        return None
    said = {role: naming.find(varbinds, column) for role, column in rule.columns.items()}
    sequence = said.pop("sequence", None)
    data: dict[str, JsonValue] = {
        "vendor": rule.vendor,
        "trap_name": rule.entry.name,
        "vendor_severity": rule.entry.vendor_severity,
    }
    if "slot" in said:
        slot = naming.slot(said.pop("slot"), rule.slot_after)
        if slot is not None:
            data["slot"] = slot
    data |= {role: shown for role, value in said.items() if (shown := naming.text(value))}
    if rule.entry.text is not None:
        data |= {"text": data.get("text") or rule.entry.text.en, "text_ja": rule.entry.text.ja}
    subject = _subject(rule, data, sender, tables.origins)
    if isinstance(sequence, int) and sequence not in (0, -1):
        data["sequence"] = sequence
        identity = ("sequence", sequence, *_content(rule, kind, varbinds))
        unnumbered = _content(rule, kind, varbinds, without=rule.columns["sequence"])
        return _Found(kind, subject, data, identity, WINDOW_SEQUENCE, unnumbered=unnumbered)
    return _Found(kind, subject, data, _content(rule, kind, varbinds), WINDOW_CONTENT)


def _content(
    rule: Rule, kind: str, varbinds: tuple[snmp.Varbind, ...], without: str | None = None
) -> tuple[object, ...]:
    """What two of a trap have in common if they are one."""
    if not rule.same:
        return naming.content(varbinds, without)
    return (kind, *naming.within(varbinds, rule.same))


def _subject(rule: Rule, data: dict[str, JsonValue], sender: str, origins: Origins) -> str | None:
    if rule.whose == "server":
        return naming.server_subject(data, sender, origins)
    if rule.whose in (Kind.VM, Kind.HOST):
        return naming.named_subject(Kind(rule.whose), str(data.get(rule.whose, "")), origins)
    slotted = "slot" in rule.columns and (not rule.slot_after or "slot" in data)
    return naming.chassis_subject(data, sender, slotted, origins)


def _platform(heard: Heard, sender: str, tables: Tables) -> _Found:
    raw = naming.find(heard.notification.varbinds, pet.BLOCK_COLUMN)
    table = tables.maps.pet
    makers = frozenset(table.vendors) if table else frozenset[int]()
    block = pet.read_block(raw, heard.received_at, makers) if isinstance(raw, bytes) else None
    specific = naming.number(heard.notification.key.rpartition(".")[2].encode())
    if table is None or block is None or specific is None:
        return _unmapped(heard)
    meaning = pet.meaning(specific, block.manufacturer, table)
    if meaning.type is None:
        return _unmapped(heard)
    severity = meaning.vendor_severity if block.severity == "unspecified" else block.severity
    data: dict[str, JsonValue] = {
        "vendor": "ipmi-pet",
        "trap_name": meaning.name,
        "vendor_severity": severity,
        "specific": specific,
        "by_rule": meaning.by_rule,
        "part": meaning.part,
        "guid": block.guid,
        "sequence": block.sequence,
        "sensor": block.sensor,
        "entity": f"{block.entity:02x}.{block.instance}",
        "event_data": block.data,
        "manufacturer": block.manufacturer,
        "oem": block.oem,
        "lenient": [pet.NOTE_SHORT] if block.short else None,
    }
    kept: dict[str, JsonValue] = {key: value for key, value in data.items() if value is not None}
    subject = naming.machine_subject(block.guid, sender, tables.origins)
    whose = block.guid or sender
    if not block.sequence:
        return _Found(meaning.type, subject, kept, (whose, content_hash((raw,))), WINDOW_PET, block.time)
    identity, unnumbered = (whose, block.sequence, specific), (whose, specific, block.sensor, kept["entity"])
    return _Found(meaning.type, subject, kept, identity, WINDOW_PET, block.time, (whose, block.sequence), unnumbered)


def _unmapped(heard: Heard) -> _Found:
    varbinds = heard.notification.varbinds
    data: dict[str, JsonValue] = {"varbinds": naming.shown(varbinds), "uptime": heard.notification.uptime}
    return _Found(UNMAPPED, None, data, naming.content(varbinds), WINDOW_CONTENT)
