"""Going blind and seeing again are events, each told once, also over lives of the process and outages of the bus."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from engine.bus import codec, subjects
from engine.bus.memory import Storage
from engine.clock import HandClock
from engine.model.errors import Transient
from engine.model.source import Source
from engine.steadiness import Steadiness
from tests.away import Away
from toban import sourcing
from toban.source_watch import SourceWatch

START = datetime(2026, 11, 25, 2, tzinfo=UTC)
SEES, BLIND = Source(name="probe", age=1.0), Source(name="probe", blind="nothing answers")


class Watched:
    """A watch of sources that a test sets; `again` is a new life."""

    def __init__(self) -> None:
        self.clock, self.storage = HandClock(START), Storage()
        self.again()

    def again(self) -> None:
        self.bus, self.found = Away(self.clock, self.storage), ()
        self.watch = SourceWatch(self.bus, self.clock, lambda: self.found)

    def look(self, *found: Source, after: float = 1.0) -> None:
        self.found = found
        self.clock.turn(after)
        asyncio.run(self.watch.look())

    def told(self) -> list[tuple[str, str]]:
        async def read():
            return [codec.decode(record).event async for record in self.bus.replay(subjects.ALL_EVENTS)]

        return [(event.type, event.subject) for event in asyncio.run(read())]


@pytest.fixture
def here() -> Watched:
    return Watched()


def test_blind_and_seeing_again_are_told_once_each(here) -> None:
    for one in (SEES, BLIND, BLIND.model_copy(update={"blind": "still nothing"}), SEES, SEES):
        here.look(one)
    assert here.told() == [("source.blind", "source:probe"), ("source.seeing", "source:probe")]


def test_a_source_that_always_saw_is_no_news(here) -> None:
    here.look(SEES)
    assert here.told() == []


def test_while_the_bus_is_away_nothing_is_forgotten(here) -> None:
    here.look(SEES)
    here.bus.away = 2
    for _ in range(2):
        with pytest.raises(Transient):
            here.look(BLIND)
    here.look(BLIND)
    here.look(BLIND)
    assert here.told() == [("source.blind", "source:probe")]


@pytest.mark.parametrize("found", [(SEES,), ()])
def test_what_an_earlier_life_called_blind_sees_again_in_the_next_also_if_it_is_configured_no_more(here, found) -> None:
    here.look(BLIND)
    here.again()
    here.look(*found, after=60)
    here.look(*found)
    assert here.told() == [("source.blind", "source:probe"), ("source.seeing", "source:probe")]


def test_a_new_life_tells_anew_what_is_still_blind_so_that_its_own_guard_hears_it(here) -> None:
    here.look(BLIND)
    here.again()
    here.look(BLIND)
    here.look(BLIND)
    assert here.told() == [("source.blind", "source:probe")] * 2


def test_whoever_hears_that_a_source_is_blind_reads_so_too_at_once(here) -> None:
    here.look(SEES)
    here.look(BLIND)
    probe, _ = asyncio.run(sourcing.read(here.bus, here.clock.now()))
    assert probe.blind == "nothing answers"


def test_readers_see_since_when(here) -> None:
    here.look(SEES)
    here.look(BLIND, after=9)

    probe, clock = asyncio.run(sourcing.read(here.bus, here.clock.now()))
    assert (probe.blind, probe.since) == ("nothing answers", START + timedelta(seconds=10))
    assert (clock.name, clock.blind) == ("clock", None)


@pytest.mark.parametrize(
    ("step", "said"),
    [(0.5, None), (-1.9, None), (3600, "forward by 3600 s"), (-3, "back by 3 s"), (-86400, "back by 86400 s")],
)
def test_a_clock_that_jumps_is_not_relied_on_for_two_minutes(step, said) -> None:
    steadiness = Steadiness()
    steadiness.look(START, 0.0)
    found = steadiness.look(START + timedelta(seconds=1 + step), 1.0)
    assert found.blind == (f"the clock was set {said}" if said else None)
    later = START + timedelta(seconds=step)
    assert (steadiness.look(later + timedelta(seconds=119), 119.0).blind is None) is (said is None)
    assert steadiness.look(later + timedelta(seconds=122), 122.0).blind is None
