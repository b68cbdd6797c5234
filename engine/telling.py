"""Tell people and policies what the engine itself has to say, as events on the bus."""

import structlog

from engine.bus.port import Bus
from engine.clock import Clock
from engine.model import ids
from engine.model.errors import TobanError
from engine.model.event import Event, Severity

log = structlog.get_logger()


class Teller:
    """Publishes `toban.*` events; one that cannot be published is logged, and nothing else stops for it."""

    def __init__(self, bus: Bus, clock: Clock, source: str = "toban/engine") -> None:
        """`source` names the part that speaks."""
        self._bus, self._clock, self._source = bus, clock, source

    async def tell(
        self, kind: str, cause: str, about: str, text: str, severity: Severity = Severity.WARNING, **data: str
    ) -> None:
        """One event per kind and cause, however often it is told; the cause up to its first dot led to it."""
        event = Event(
            id=ids.content_hash([kind, cause]),
            type=kind,
            source=self._source,
            subject=about,
            time=self._clock.now(),
            severity=severity,
            data={"text": text, **data},
            causationid=cause.partition(".")[0],
        )
        try:
            await self._bus.publish(event)
        except TobanError as error:
            log.warning("telling.failed", kind=kind, about=about, error=str(error))
