"""How the sources stand, as the process on duty writes it beside its heartbeat and as anybody reads it."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import TypeAdapter

from engine.bus.port import Bus
from engine.model.source import Source
from toban.storytelling import ON_DUTY_WITHIN

KEY = "sources"
_SOURCES = TypeAdapter(tuple[Source, ...])


def written(sources: Iterable[Source]) -> bytes:
    """For the bucket CONTROL."""
    return _SOURCES.dump_json(tuple(sources))


async def read(bus: Bus, now: datetime) -> tuple[Source, ...]:
    """As they stand now. Empty: nobody ever was on duty; all are blind while nobody is."""
    entry = await bus.get("CONTROL", KEY)
    if entry is None:
        return ()
    since = max(0.0, (now - entry.stored_at).total_seconds())
    away = f"nobody has been on duty for {since:.0f} s" if since >= ON_DUTY_WITHIN else None
    return tuple(
        one.model_copy(
            update={"age": _older(one.age, since), "beat": _older(one.beat, since), "blind": away or one.blind}
        )
        for one in _SOURCES.validate_json(entry.value)
    )


def _older(age: float | None, seconds: float) -> float | None:
    return age + seconds if age is not None else None
