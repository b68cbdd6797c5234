"""Schedules of policies -> `toban.schedule.due` events, each slot once, also over a restart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from engine.bus.port import Bus
from engine.clock import Clock
from engine.cron import Cron
from engine.model import ids
from engine.model.errors import TobanError
from engine.model.event import Event
from engine.model.pattern import SchedulePattern, alternatives
from engine.model.policy import Policy
from engine.model.source import Source

log = structlog.get_logger()
BUCKET = "CONTROL"
DUE = "toban.schedule.due"
LOOK_BACK = timedelta(days=1)
"""Slots that were missed longer ago are not made up for."""
LATE = 30.0
"""Seconds without a complete tick after which schedules count as not kept."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One schedule of one policy."""

    policy: str
    expression: str
    timezone: str
    about: str

    @property
    def name(self) -> str:
        """What its cursor is kept under: a changed schedule is another one."""
        return ids.content_hash([self.policy, self.expression, self.timezone, self.about])


def planned(policies: Iterable[Policy]) -> tuple[Planned, ...]:
    """Every schedule that policies name, each once."""
    found = [
        Planned(policy.name, atom.schedule, atom.timezone, atom.about)
        for policy in policies
        for atom in alternatives(policy.spec.when)
        if isinstance(atom, SchedulePattern)
    ]
    return tuple(dict.fromkeys(found))


def due(one: Planned, slots: tuple[datetime, ...]) -> Event | None:
    """The event for the newest of these slots; older ones were missed and are only counted."""
    if not slots:
        return None
    slot = slots[-1].isoformat()
    return Event(
        id=ids.content_hash([one.name, slot]),
        type=DUE,
        source="toban/schedule",
        subject=one.about,
        time=slots[-1],
        data={"policy": one.policy, "slot": slot, "missed": len(slots) - 1},
    )


class Ticking:
    """Publishes what has become due. One instance per site."""

    def __init__(self, bus: Bus, clock: Clock, schedules: Iterable[Planned], every: float = 0.5) -> None:
        """`every` is in seconds. Raises `ValueError` for a schedule that `policy check` would refuse."""
        self._bus, self._clock, self._every = bus, clock, every
        self._crons: Mapping[Planned, Cron] = {}
        self._seen: dict[Planned, datetime] = {}
        self._last = clock.monotonic()
        """When a tick was last complete, or the ticking began."""
        self.exchange(schedules)

    def exchange(self, schedules: Iterable[Planned]) -> None:
        """Tick for these from now on. Raises like the constructor."""
        self._crons = {one: Cron(one.expression, one.timezone) for one in schedules}

    def source(self) -> Source:
        """How the schedules stand: heard is a complete tick, whether or not something was due."""
        age = self._clock.monotonic() - self._last
        late = f"no schedule has been looked at for {age:.0f} s" if age > LATE else None
        return Source(name="schedule", age=age, beat=age, blind=late)

    async def run(self) -> None:
        """Tick until cancelled; a bus that fails is asked again, and nothing is skipped meanwhile."""
        self._last = self._clock.monotonic()
        while True:
            try:
                await self.tick()
            except TobanError as error:
                log.warning("schedule.unpublished", error=str(error))
            await self._clock.sleep(self._every)

    async def tick(self) -> tuple[Event, ...]:
        """Publish what became due since the last look; a schedule that was never seen begins now."""
        now = self._clock.now()
        told: list[Event] = []
        for one, cron in tuple(self._crons.items()):
            after = self._seen.get(one) or await self._cursor(one, now)
            event = due(one, cron.slots(max(after, now - LOOK_BACK), now))
            if event is not None:
                await self._bus.publish(event)
                await self._bus.put(BUCKET, f"schedule.{one.name}", event.time.isoformat().encode())
                told.append(event)
            self._seen[one] = now
        self._last = self._clock.monotonic()
        return tuple(told)

    async def _cursor(self, one: Planned, now: datetime) -> datetime:
        entry = await self._bus.get(BUCKET, f"schedule.{one.name}")
        if entry is not None and entry.value:
            try:
                return datetime.fromisoformat(entry.value.decode())
            except ValueError as error:
                log.warning("schedule.cursor_unreadable", policy=one.policy, error=str(error))
        await self._bus.put(BUCKET, f"schedule.{one.name}", now.isoformat().encode())
        return now
