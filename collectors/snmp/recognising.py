"""What a trap says, known again: the same varbinds need not be mapped a second time within a storm."""

from datetime import datetime

from collectors.snmp import mapping
from collectors.snmp.collapsing import Said
from collectors.snmp.mapping import Heard, Mapped, Tables
from engine.clients import snmp
from engine.model.catalogue import Catalogue
from engine.model.event import Severity

LIMIT = 4096
"""Different traps remembered."""
LIMIT_OCTETS = 1500
"""Longer datagrams are mapped each time: what is remembered stays small."""


class Recogniser:
    """Maps what is new and remembers what it says."""

    def __init__(self, tables: Tables) -> None:
        """Nothing was heard."""
        self._tables = tables
        self._recoveries = recoveries(tables.catalogue)
        self._known: dict[tuple[object, ...], Said | None] = {}

    def said(self, notification: snmp.Notification, source: str, at: datetime, octets: int) -> Said | None:
        """What it says; None if its state varbind holds a value that no map explains. `octets`: of the datagram."""
        varbinds = notification.varbinds
        skipped = 0 if notification.version == 0 or snmp.NOTE_ORDER in notification.notes else 2
        key = (source, notification.agent, notification.key, varbinds[skipped:])
        try:
            return self._known[key]
        except KeyError:
            found = self._said(mapping.to_event(Heard(notification, source, at), self._tables))
        if octets <= LIMIT_OCTETS:
            if len(self._known) >= LIMIT:
                self._known.clear()
            self._known[key] = found
        return found

    def _said(self, mapped: Mapped | None) -> Said | None:
        if mapped is None:
            return None
        event, ends = mapped.event, mapped.event.type in self._recoveries
        return Said(
            content=mapped.content,
            condition=mapped.condition,
            state=event.type,
            subject=event.subject,
            sender=str(event.data["sender"]),
            key=str(event.data["trap_oid"]),
            numbered=mapped.repeat.scope is None,
            recovery=ends,
            urgent=ends or (event.type != mapping.UNMAPPED and event.severity in (Severity.CRITICAL, Severity.FATAL)),
        )


def recoveries(catalogue: Catalogue) -> frozenset[str]:
    """Every type that ends a condition."""
    return frozenset(one.recovery for one in catalogue.types.values() if one.recovery is not None)
