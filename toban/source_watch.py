"""Watches the sources: one that goes blind or sees again is an event that guards and policies hear."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import structlog

from engine.bus import codec, subjects
from engine.bus.port import Bus
from engine.clock import Clock
from engine.guard.blindness import BLIND, SEEING
from engine.model import ids
from engine.model.errors import TobanError
from engine.model.event import Event, Severity
from engine.model.ids import Kind
from engine.model.source import Source
from engine.steadiness import Steadiness
from toban import sourcing

log = structlog.get_logger()

LOOK_EVERY = 1.0
WRITE_EVERY = 5.0


def told(known: Mapping[str, datetime | None], sources: Iterable[Source], now: datetime) -> tuple[Event, ...]:
    """What changed: pure. `known`: since when each source is blind, None for one that sees; a new one is not in it.

    A source that was never known to be blind and sees is no news; one that is gone from the settings sees, so to speak.
    """
    current = {one.name: one for one in sources}
    found = [
        _event(BLIND, name, one.blind, now)
        for name, one in current.items()
        if one.blind is not None and known.get(name) is None
    ]
    for name, since in known.items():
        if since is not None and (name not in current or current[name].blind is None):
            text = f"{name} sees again" if name in current else f"{name} is no source any more"
            found.append(_event(SEEING, name, f"{text}, after {(now - since).total_seconds():.0f} s", now))
    return tuple(found)


def _event(kind: str, name: str, text: str, now: datetime) -> Event:
    return Event(
        id=ids.content_hash((kind, name, now.isoformat())),
        type=kind,
        source="toban/sources",
        subject=ids.object_id(Kind.SOURCE, name),
        time=now,
        severity=Severity.CRITICAL if kind == BLIND else Severity.INFO,
        data={"name": name, "text": text},
    )


class SourceWatch:
    """Looks once a second."""

    def __init__(self, bus: Bus, clock: Clock, sources: Callable[[], tuple[Source, ...]]) -> None:
        """Nothing is known before `run`."""
        self._bus, self._clock, self._sources = bus, clock, sources
        self._steadiness = Steadiness()
        self._since: dict[str, datetime | None] = {}
        self._written = -WRITE_EVERY

    async def run(self) -> None:
        """Until cancelled. What cannot be told now is told at a later look."""
        while True:
            try:
                await self.look()
            except TobanError as error:
                log.warning("sources.untold", error=str(error))
            await self._clock.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Look once: tell what changed; then, and every 5 s, write how all stand. Raises TobanError without the bus."""
        now = self._clock.now()
        found = (*self._sources(), self._steadiness.look(now, self._clock.monotonic()))
        if not self._since:
            await self._recall(found)
        changes = told(self._since, found, now)
        for event in changes:
            await self._bus.publish(event)
            name = ids.name_of(event.subject)
            self._since[name] = now if event.type == BLIND else None
            log.log(30 if event.type == BLIND else 20, event.type, name=name, text=event.data["text"])
        self._since = {one.name: self._since.get(one.name) for one in found}
        if changes or self._clock.monotonic() - self._written >= WRITE_EVERY:
            dated = (one.model_copy(update={"since": self._since[one.name]}) for one in found)
            await self._bus.put("CONTROL", sourcing.KEY, sourcing.written(dated))
            self._written = self._clock.monotonic()

    async def _recall(self, found: Iterable[Source]) -> None:
        """What an earlier life called blind and sees now must not stay blind for ever; what is blind is told anew."""
        blind = {one.name for one in found if one.blind is not None}
        earlier = {one.name for one in await sourcing.read(self._bus, self._clock.now())}
        for name in sorted((earlier | {one.name for one in found}) - blind):
            record = await self._bus.last(subjects.events_about(ids.object_id(Kind.SOURCE, name)))
            event = codec.decode(record).event if record is not None else None
            self._since[name] = event.time if event is not None and event.type == BLIND else None
