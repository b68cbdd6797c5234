"""The past as the bus keeps it: read again at a start, and for a policy that is new while Toban is on duty."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from engine.beginnings import Beginnings
from engine.bus import codec, subjects
from engine.bus.port import Bus, Record
from engine.clock import Clock
from engine.hearing import Hearing, still_open
from engine.model import pattern
from engine.model.errors import Conflict, Permanent
from engine.model.event import Arrival
from engine.model.match import Finding, Match
from engine.model.policy import Policy
from engine.rules.matching import Matcher

log = structlog.get_logger()
BUCKET, LOW_WATER = "CONTROL", "engine.low-water"


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """Seconds."""

    replay: float = 7200.0
    """How far back events are read again at least; further where a policy's window or an open condition needs it."""
    replay_most: float = 3 * 86400.0
    """How far back an open condition is followed at a start."""
    low_water: float = 10.0
    """How often it is written down what the oldest open condition rests on."""
    redecide: float = 2.0
    """How often a held match is looked at again."""
    tick: float = 0.2
    """Longest time between two looks at the timers."""


@dataclass(slots=True)
class _Reading:
    """How far a stream was read; what the durable reader hands out again below that is known."""

    last: int = 0
    last_at: datetime | None = None


@dataclass(slots=True)
class CatchingUp:
    """A matcher being built beside the one at work."""

    past: "Past"
    fresh: Matcher
    begun: dict[str, datetime]
    read: _Reading = field(default_factory=_Reading)
    matches: dict[str, Match] = field(default_factory=dict)

    async def read_since(self, since: datetime) -> None:
        """Feed what is stored since then and was not fed yet, but nothing that the one at work has not heard."""
        async for record in self.past.records(since):
            if self.read.last < record.sequence <= self.past.heard.last:
                self.read.last, self.read.last_at = record.sequence, record.stored_at
                still_open(self.matches, self.past.again(self.fresh, record), self.begun)

    async def caught_up(self) -> tuple[Match, ...]:
        """To be asked while nothing is heard: what of the past is to be decided now."""
        if self.read.last < self.past.heard.last and self.past.heard.last_at is not None:
            await self.read_since(self.read.last_at or self.past.heard.last_at)
        return tuple(self.matches.values())


class Past:
    """Reads streams again, in the order of storage and at the time of storage."""

    def __init__(self, bus: Bus, clock: Clock, hearing: Hearing, settings: FlowSettings) -> None:
        """Nothing is read yet."""
        self._bus, self._clock, self._hearing, self._settings = bus, clock, hearing, settings
        self._beginnings = Beginnings(bus, clock)
        self.heard = _Reading()
        self._inventory = _Reading()

    async def inventory(self) -> None:
        """The latest word about every object."""
        async for record in self._bus.replay(subjects.ALL_INVENTORY, last_per_subject=True):
            self._inventory.last = record.sequence
            arrival = self.decoded(record)
            if arrival is not None:
                self._hearing.pictured(arrival)

    async def events(self, policies: tuple[Policy, ...]) -> tuple[Match, ...]:
        """Feed the past to the matcher at work; what of it is to be decided now."""
        begun = await self._beginnings.of(policies)
        matches: dict[str, Match] = {}
        async for record in self.records(await self.since(policies)):
            self.heard.last, self.heard.last_at = record.sequence, record.stored_at
            if self._hearing.is_poison("events", record.sequence):
                await self._bury(record)
                continue
            arrival = self.decoded(record)
            if arrival is not None:
                still_open(matches, self._hearing.heard("events", arrival), begun)
        still_open(matches, self._hearing.matcher.advance(self._clock.now()), begun)
        return tuple(matches.values())

    async def of(self, fresh: Matcher, policies: tuple[Policy, ...]) -> CatchingUp:
        """Feed the past to a matcher that is being built, as far as it is heard by now."""
        building = CatchingUp(self, fresh, await self._beginnings.of(policies))
        if fresh.names:
            await building.read_since(self._clock.now() - self._reach(policies))
        else:
            building.read.last = self.heard.last
        return building

    def again(self, fresh: Matcher, record: Record) -> tuple[Finding, ...]:
        """What a past record gives in a matcher that is being built; nothing if it cannot be read or is poison."""
        arrival = self.decoded(record)
        if arrival is None or self._hearing.is_poison("events", record.sequence):
            return ()
        return self._hearing.replayed(fresh, "events", arrival)

    def next(self, record: Record) -> tuple[Finding, ...]:
        """What a delivered record gives; nothing if it was heard before. Raises `Permanent` if it is unreadable."""
        is_event = not record.subject.startswith("inventory.")
        reading = self.heard if is_event else self._inventory
        if record.sequence <= reading.last:
            return ()
        reading.last, reading.last_at = record.sequence, record.stored_at
        return self._hearing.heard("events" if is_event else "inventory", codec.decode(record))

    async def remember(self) -> None:
        """Write down since when events have to be read again after a crash."""
        since = self._hearing.matcher.since()
        await self._bus.put(BUCKET, LOW_WATER, since.isoformat().encode() if since is not None else b"")

    def records(self, since: datetime) -> AsyncIterator[Record]:
        """Stored events since then."""
        return self._bus.replay(subjects.ALL_EVENTS, since=since)

    def decoded(self, record: Record) -> Arrival | None:
        """The event in a record; None, and a line in the log, if it cannot be read."""
        try:
            return codec.decode(record)
        except Permanent as error:
            log.warning("event.unreadable", sequence=record.sequence, error=str(error))
            return None

    def _reach(self, policies: tuple[Policy, ...]) -> timedelta:
        longest = max((max(pattern.reach(one.spec.when), one.spec.human) for one in policies), default=0.0)
        return timedelta(seconds=max(self._settings.replay, longest + 60.0))

    async def since(self, policies: tuple[Policy, ...]) -> datetime:
        """How far back the past has to be read for these policies."""
        now = self._clock.now()
        since = now - self._reach(policies)
        entry = await self._bus.get(BUCKET, LOW_WATER)
        if entry is None or not entry.value:
            return since
        try:
            marked = datetime.fromisoformat(entry.value.decode())
        except ValueError as error:
            log.warning("flow.low_water_unreadable", error=str(error))
            return since
        return min(since, max(marked, now - timedelta(seconds=self._settings.replay_most)))

    async def _bury(self, record: Record) -> None:
        story = "it was in hand each time when the process died, three times; it is not tried again"
        log.error("event.poison", sequence=record.sequence, subject=record.subject)
        dead = subjects.dead("EVENTS", record.sequence)
        try:
            await self._bus.append(dead, codec.letter(record, story), expected=0, nonce=dead)
        except Conflict:
            log.info("event.poison_known", sequence=record.sequence)
