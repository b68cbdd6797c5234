"""Schedules of policies -> `toban.schedule.due` events, each slot once for ever, told by the leader alone.

The leader holds a lease, and looks at it before every event. A slot is claimed before its event is published and marked
when it is stored; a claim without a mark is what a dead leader left, and the store is asked whether its event is there.
Triggers are APScheduler's, in UTC (`engine/cron.py`); its scheduler is not used, since it drops what it misses by a
second, asks the machine's clock itself, and tells twice what two processes run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from engine.bus import codec, subjects
from engine.bus.leases import BusLeases, Lease
from engine.bus.port import Bus, KvEntry
from engine.clock import Clock
from engine.cron import Cron
from engine.model import ids
from engine.model.errors import TobanError
from engine.model.event import Event
from engine.model.pattern import SchedulePattern, alternatives
from engine.model.policy import Policy
from engine.model.source import Source
from engine.steadiness import Steadiness

log = structlog.get_logger()
BUCKET = "CONTROL"
DUE = "toban.schedule.due"
LOOK_BACK = timedelta(days=1)
"""Slots that were missed longer ago are not made up for."""
LEASE = "schedule"
CLAIMED, STORED = b"claimed", b"stored"
REMEMBERED = 2 * 86_400.0
"""Seconds for which a told slot is kept in mind: longer than any slot is made up for."""
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
    """Publishes what has become due, while it leads."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        schedules: Iterable[Planned],
        every: float = 0.5,
        leases: BusLeases | None = None,
    ) -> None:
        """`every` is in seconds; without `leases` it leads alone. `ValueError`: `policy check` would refuse it."""
        self._bus, self._clock, self._every, self._leases = bus, clock, every, leases
        self._steadiness = Steadiness()
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
                await self._lead()
            except* TobanError as group:  # a lease ends with a group of what ended it
                log.warning("schedule.unpublished", error=[str(error) for error in group.exceptions])
            await self._clock.sleep(self._every)

    async def _lead(self) -> None:
        """Tick as long as the lease lasts; raises TobanError once it may have run out, or while the bus is away."""
        if self._leases is None:
            while True:
                await self.tick()
                await self._clock.sleep(self._every)
        async with self._leases.hold(LEASE) as lease:
            log.info("schedule.leads")
            self._seen.clear()  # another leader may have told what we do not know of
            while True:
                lease.guard()
                await self.tick(lease)
                await self._clock.sleep(self._every)

    async def tick(self, lease: Lease | None = None) -> tuple[Event, ...]:
        """Publish what became due since the last look; a schedule that was never seen begins now.

        While the clock is not to be relied on nothing is due: a clock that was set wrong is mostly set right soon.
        """
        now, told = self._clock.now(), list[Event]()
        if self._steadiness.look(now, self._clock.monotonic()).blind is not None:
            self._seen = {one: min(at, now) for one, at in self._seen.items()}  # from here on, once it is right
            self._last = self._clock.monotonic()
            return ()
        for one, cron in tuple(self._crons.items()):
            after = min(self._seen.get(one) or await self._cursor(one, now), now)
            event = due(one, cron.slots(max(after, now - LOOK_BACK), now))
            if event is not None and await self._once(one, event, lease):
                told.append(event)
            self._seen[one] = now
        self._last = self._clock.monotonic()
        return tuple(told)

    async def _once(self, one: Planned, event: Event, lease: Lease | None) -> bool:
        """Store the event of a slot unless it was stored, by whom ever; False if it was."""
        key = f"slot.{one.name}.{event.id}"
        entry = await self._bus.get(BUCKET, key)
        if entry is not None and entry.value == STORED:
            return False
        there = entry is not None and entry.value == CLAIMED and await self._is_stored(event, entry)
        revision = entry.revision if entry is not None else 0
        if entry is None or entry.value != CLAIMED:
            revision = await self._bus.swap(BUCKET, key, CLAIMED, expected=revision, life=REMEMBERED)
        if not there:
            if lease is not None:
                lease.guard()
            await self._bus.publish(event)
        await self._bus.swap(BUCKET, key, STORED, expected=revision, life=REMEMBERED)
        await self._bus.put(BUCKET, f"schedule.{one.name}", event.time.isoformat().encode())
        return not there

    async def _is_stored(self, event: Event, claim: KvEntry) -> bool:
        """Whether the event of a claim is in the store; it was stored after the claim, by the store's own clock."""
        async for record in self._bus.replay(subjects.events_about(event.subject), since=claim.stored_at):
            if codec.decode(record).event.id == event.id:
                return True
        return False

    async def _cursor(self, one: Planned, now: datetime) -> datetime:
        entry = await self._bus.get(BUCKET, f"schedule.{one.name}")
        if entry is not None and entry.value:
            try:
                return datetime.fromisoformat(entry.value.decode())
            except ValueError as error:
                log.warning("schedule.cursor_unreadable", policy=one.policy, error=str(error))
        await self._bus.put(BUCKET, f"schedule.{one.name}", now.isoformat().encode())
        return now
