"""A schedule's slots become events, each once, also over a restart."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus, Storage
from engine.bus.port import KvEntry
from engine.clock import HandClock
from engine.model.catalogue import shipped
from engine.model.errors import Permanent, Transient
from engine.model.event import Event
from engine.model.match import Match
from engine.rules.matching import Matcher
from engine.schedule.ticking import Ticking, planned
from tests.engine.rules.patterns import policy

START = datetime(2026, 11, 24, 21, 59, tzinfo=UTC)
NIGHTLY = policy({"schedule": "0 22 * * *", "about": "group:esx"}, "nightly")
OFTEN = policy({"schedule": "*/10 * * * *"}, "often")


@pytest.fixture
def clock() -> HandClock:
    return HandClock(START)


def ticks(bus: MemoryBus, clock: HandClock, one, *seconds: float) -> list[tuple[Event, ...]]:
    """What processes tell, each started anew after so many seconds."""
    found = []
    for pause in seconds:
        clock.turn(pause)
        found.append(asyncio.run(Ticking(bus, clock, planned([one])).tick()))
    return found


def test_a_slot_is_told_once_also_by_another_process(clock) -> None:
    told = ticks(MemoryBus(clock), clock, NIGHTLY, 0, 61, 61)
    assert [[event.data["slot"] for event in one] for one in told] == [[], ["2026-11-24T22:00:00+00:00"], []]


def test_a_schedule_that_is_new_does_not_make_up_for_the_past(clock) -> None:
    assert ticks(MemoryBus(clock), clock, NIGHTLY, 3600) == [()]


def test_after_an_outage_the_newest_slot_is_told_with_the_number_of_missed_ones(clock) -> None:
    ((), (event,)) = ticks(MemoryBus(clock), clock, OFTEN, 0, 3600)
    assert (event.data["slot"], event.data["missed"]) == ("2026-11-24T22:50:00+00:00", 5)


def test_the_event_is_a_match_of_its_policy_alone_and_says_how_late_it_is(clock) -> None:
    bus = MemoryBus(clock)
    ticks(bus, clock, NIGHTLY, 0, 90)

    async def stored():
        return [codec.decode(record) async for record in bus.replay(subjects.ALL_EVENTS)]

    (arrival,) = asyncio.run(stored())
    other = policy({"schedule": "0 22 * * *"}, "other")
    matcher = Matcher((NIGHTLY, other), shipped(), lambda event, _: event.subject)
    (match,) = matcher.feed(arrival)
    assert isinstance(match, Match)
    assert (match.policy, match.key, match.at) == ("nightly", "group:esx", START + timedelta(seconds=60))
    assert match.late_by == 30


def test_the_source_counts_from_the_last_complete_tick_and_is_blind_when_ticks_stay_away(clock) -> None:
    ticking = Ticking(MemoryBus(clock), clock, planned([OFTEN]))
    clock.turn(20)
    asyncio.run(ticking.tick())
    clock.turn(30)
    assert (ticking.source().age, ticking.source().blind) == (30.0, None)
    clock.turn(1)
    assert ticking.source().blind == "no schedule has been looked at for 31 s"


def test_a_tick_that_the_bus_refuses_is_not_complete(clock) -> None:
    class Away(MemoryBus):
        async def get(self, bucket: str, key: str) -> KvEntry | None:
            raise Transient("no broker")

    ticking = Ticking(Away(clock), clock, planned([OFTEN]))
    clock.turn(31)
    with pytest.raises(Transient):
        asyncio.run(ticking.tick())
    assert ticking.source().blind is not None


def stored(bus: MemoryBus) -> list[str]:
    async def read():
        return [codec.decode(record).event.data["slot"] async for record in bus.replay(subjects.ALL_EVENTS)]

    return asyncio.run(read())


class Dying(MemoryBus):
    """The process dies at its n-th write."""

    left = 0

    def _store(self, subject: str, body: bytes, nonce: str | None) -> int:
        self.left -= 1
        if self.left == 0:
            raise Transient("killed here")
        return super()._store(subject, body, nonce)


@pytest.mark.parametrize("at", range(1, 6))
def test_killed_at_any_write_the_next_leader_tells_the_slot_once_also_long_after_the_brokers_own_memory(
    clock, at
) -> None:
    storage = Storage()
    ticks(MemoryBus(clock, storage), clock, NIGHTLY, 0)
    first = Dying(clock, storage)
    first.left = at
    try:
        ticks(first, clock, NIGHTLY, 61)
    except Transient:
        assert at <= 4
    storage.ids.clear()  # the broker knows an id for an hour; a leader may be away for longer
    bus = MemoryBus(clock, storage)
    ticks(bus, clock, NIGHTLY, 7200, 1)
    assert stored(bus) == ["2026-11-24T22:00:00+00:00"]


def test_without_its_lease_a_leader_tells_nothing_more(clock) -> None:
    class Over:
        def guard(self) -> int:
            raise Permanent("the lease ran out")

    bus = MemoryBus(clock)
    ticking = Ticking(bus, clock, planned([NIGHTLY]))
    asyncio.run(ticking.tick())
    clock.turn(61)
    with pytest.raises(Permanent):
        asyncio.run(ticking.tick(Over()))  # type: ignore[arg-type]
    assert stored(bus) == []


class SetClock(HandClock):
    """A clock whose calendar can be set."""

    ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead)


def test_while_the_clock_was_just_set_nothing_is_due_and_what_was_told_is_not_told_again() -> None:
    clock = SetClock(START)
    bus = MemoryBus(clock)
    ticking = Ticking(bus, clock, planned([OFTEN]))

    def after(seconds: float, ahead: float) -> None:
        clock.ahead = ahead
        clock.turn(seconds)
        asyncio.run(ticking.tick())

    after(0, 0)
    after(1, 86_400)  # set a day ahead, and right again within two minutes
    after(60, 86_400)
    after(1, 0)
    assert stored(bus) == []
    after(121, 0)
    assert stored(bus) == ["2026-11-24T22:00:00+00:00"]
    after(1, 3600)  # set an hour ahead, and left so for longer
    after(200, 3600)
    assert stored(bus)[-1] == "2026-11-24T23:00:00+00:00"
    after(1, 0)
    after(600, 0)
    assert stored(bus)[2:] == ["2026-11-24T22:10:00+00:00"], "the right time goes on where it stands"
    after(3600, 0)
    assert sorted(set(stored(bus))) == sorted(stored(bus))
