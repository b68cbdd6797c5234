"""A schedule's slots become events, each once, also over a restart."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus
from engine.bus.port import KvEntry
from engine.clock import HandClock
from engine.model.catalogue import shipped
from engine.model.errors import Transient
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
