"""What would become of a datagram, told in full: for people who ask why a trap was or was not understood. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from pydantic import JsonValue

from collectors.snmp import mapping, naming
from collectors.snmp.mapping import Heard, Tables
from engine.clients import snmp
from engine.clients.ber import Malformed
from engine.clients.snmp_v3 import LEVELS, Sealed
from engine.clients.snmp_values import NAMES
from engine.clients.usm import Unproven
from engine.model.event import Event

VERSIONS = {0: "v1", 1: "v2c", 3: "v3"}

Opening: TypeAlias = Callable[[bytes, Sealed], snmp.Notification | snmp.Ignored]


@dataclass(frozen=True, slots=True)
class Field:
    """One varbind."""

    oid: str
    type: str
    value: JsonValue
    says: str
    """The role that the map gives it, such as `slot`; empty if it is not read."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a datagram is and what it becomes."""

    outcome: str
    """`event`; `unmapped` (the event trap.unmapped); `unexplained`, `ignored` or `refused`: no event."""
    reason: str = ""
    """The word under which what becomes no event is counted."""
    detail: str = ""
    version: str = ""
    kind: str = ""
    """`trap` or `inform`."""
    trap: str = ""
    """The trap's OID."""
    name: str = ""
    """What its vendor calls it, if a map lists it."""
    vendor: str = ""
    sealed: dict[str, JsonValue] | None = None
    """v3: what the envelope claims."""
    header: dict[str, JsonValue] | None = None
    """v1: agent address, enterprise, generic and specific number."""
    uptime: int | None = None
    """Hundredths of a second."""
    lenient: tuple[str, ...] = ()
    """Rules that the sender bent."""
    varbinds: tuple[Field, ...] = ()
    event: Event | None = None


def told(datagram: bytes, source: str, at: datetime, tables: Tables, opening: Opening | None = None) -> Told:
    """What the listener would make of a datagram from this address, were its community or proof accepted.

    `opening` opens SNMPv3 with the site's keys; without it what is not encrypted is read unproven. Never raises.
    """
    try:
        decoded = snmp.decode(datagram)
    except Malformed as error:
        return Told("refused", error.reason, str(error))
    if isinstance(decoded, Sealed):
        return _unsealed(datagram, decoded, Heard(_NOTHING, source, at, datagram), tables, opening or _unproven)
    return _read(decoded, Heard(_NOTHING, source, at, datagram), tables)


_NOTHING = snmp.Notification(0, b"", False, "", None, (), ())


def _unsealed(datagram: bytes, sealed: Sealed, heard: Heard, tables: Tables, opening: Opening) -> Told:
    envelope = Told("refused", version="v3", sealed=_claims(sealed), lenient=sealed.notes)
    try:
        content = opening(datagram, sealed)
    except (Malformed, Unproven) as error:
        return replace(envelope, reason=error.reason, detail=str(error))
    return replace(_read(content, heard, tables), version="v3", sealed=envelope.sealed)


def _unproven(datagram: bytes, sealed: Sealed) -> snmp.Notification | snmp.Ignored:
    if sealed.level > 1:
        raise Unproven("v3-user", "encrypted: give the site's settings (--config), whose users hold the keys")
    return snmp.scoped(datagram[slice(*sealed.payload)], list(sealed.notes))


def _claims(sealed: Sealed) -> dict[str, JsonValue]:
    return {
        "user": sealed.user.decode("utf-8", "backslashreplace"),
        "engine": sealed.engine.hex(),
        "level": LEVELS[sealed.level],
        "boots": sealed.boots,
        "time": sealed.time,
    }


def _read(decoded: snmp.Notification | snmp.Ignored, heard: Heard, tables: Tables) -> Told:
    if isinstance(decoded, snmp.Ignored):
        return Told("ignored", decoded.what, "well-formed, but no trap and no inform")
    mapped = mapping.to_event(replace(heard, notification=decoded), tables)
    rule = tables.maps.rules.get(decoded.key)
    roles = {column: role for role, column in rule.columns.items()} if rule else {}
    if rule and rule.state_column:
        roles[rule.state_column] = "state"
    found = Told(
        outcome="unexplained",
        version=VERSIONS[decoded.version],
        kind="inform" if decoded.confirmed else "trap",
        trap=decoded.key,
        name=rule.entry.name if rule else "",
        vendor=rule.vendor if rule else "",
        header=_header(decoded),
        uptime=decoded.uptime,
        lenient=decoded.notes,
        varbinds=tuple(_field(item, roles) for item in decoded.varbinds),
    )
    if mapped is None:
        return replace(found, reason="unexplained", detail=_unexplained(found))
    outcome = "unmapped" if mapped.event.type == mapping.UNMAPPED else "event"
    return replace(found, outcome=outcome, event=mapped.event)


def _unexplained(found: Told) -> str:
    states = [f"{item.oid} = {item.value}" for item in found.varbinds if item.says == "state"]
    said = states[0] if states else "a varbind that is missing"
    return f"the map of {found.name} chooses by {said}, which it does not list: add the value to the map"


def _header(decoded: snmp.Notification) -> dict[str, JsonValue] | None:
    if decoded.version:
        return None
    return {
        "agent": decoded.agent,
        "enterprise": decoded.enterprise,
        "generic": decoded.generic,
        "specific": decoded.specific,
    }


def _field(item: snmp.Varbind, roles: dict[str, str]) -> Field:
    at = item.oid
    while at and at not in roles:
        at = at.rpartition(".")[0]
    hidden = item.oid == naming.TRAP_COMMUNITY
    value = "(hidden)" if hidden else naming.readable(item.value)
    says = "envelope" if item.oid in naming.ENVELOPE else roles.get(at, "")
    return Field(item.oid, NAMES.get(item.tag, f"{item.tag:02x}h"), value, says)
