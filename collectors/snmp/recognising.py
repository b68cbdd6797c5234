"""What a trap says, known again: the same varbinds need not be mapped a second time within a storm."""

from datetime import datetime

from collectors.snmp import mapping
from collectors.snmp.collapsing import Said
from collectors.snmp.mapping import Heard, Mapped, Tables
from collectors.snmp.spool import Record
from engine.clients import snmp
from engine.model.catalogue import Catalogue
from engine.model.event import Severity

LIMIT = 4096
"""Traps remembered, here and there."""
LIMIT_OCTETS = 1500
"""Longer datagrams are mapped each time: what is remembered stays small."""


class Recogniser:
    """Maps what is new and remembers what it says."""

    def __init__(self, tables: Tables) -> None:
        """Nothing was heard."""
        self._tables = tables
        self._recoveries = recoveries(tables.catalogue)
        self._known: dict[tuple[object, ...], Said | None] = {}

    def said(
        self, notification: snmp.Notification, source: str, at: datetime, raw: bytes
    ) -> tuple[Said | None, Mapped | None]:
        """What it says, and what it was mapped to if that had to be done; None, None if no map explains its state."""
        varbinds = notification.varbinds
        skipped = 0 if notification.version == 0 or snmp.NOTE_ORDER in notification.notes else 2
        key = (source, notification.agent, notification.key, varbinds[skipped:])
        try:
            return self._known[key], None
        except KeyError:
            mapped = mapping.to_event(Heard(notification, source, at, raw), self._tables)
        found = self._said(mapped)
        if len(raw) <= LIMIT_OCTETS:
            if len(self._known) >= LIMIT:
                self._known.clear()
            self._known[key] = found
        return found, mapped

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


class Remembered:
    """What was mapped at the edge: the delivery, which reads the same record from disk, need not do it again."""

    def __init__(self) -> None:
        """Nothing was mapped."""
        self._mapped: dict[Record, tuple[Mapped | None, snmp.Notification]] = {}

    def put(self, record: Record, mapped: Mapped, notification: snmp.Notification) -> None:
        """Remember it, if there is room: what came first is delivered first."""
        if len(self._mapped) < LIMIT:
            self._mapped[record] = (mapped, notification)

    def take(self, record: Record) -> tuple[Mapped | None, snmp.Notification] | None:
        """What the record was mapped to; None: it has to be mapped."""
        return self._mapped.pop(record, None)


def recoveries(catalogue: Catalogue) -> frozenset[str]:
    """Every type that ends a condition."""
    return frozenset(one.recovery for one in catalogue.types.values() if one.recovery is not None)
