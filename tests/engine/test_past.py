"""Read the past again: at a start, and for a policy that comes while Toban is on duty."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.bus import subjects
from engine.bus.memory import MemoryBus, Storage
from engine.clock import HandClock
from engine.hearing import Hearing
from engine.inhand import InHand
from engine.model.catalogue import shipped
from engine.model.event import Event
from engine.model.policy import Policy
from engine.past import FlowSettings, Past
from tests.engine.rules.patterns import policy
from tests.engine.worlds import site

START = datetime(2026, 11, 24, tzinfo=UTC)
HELD = policy({"event": "host.unreachable", "for": "60s", "by": "host"}, "held")
FACT = policy({"event": "host.crashed", "by": "host"}, "fact")


class Life:
    """One life of an engine on a storage that outlives it."""

    def __init__(self, folder: Path, storage: Storage, clock: HandClock, *policies: Policy) -> None:
        self.clock, self.policies = clock, policies
        self.bus = MemoryBus(clock, storage)
        self.hand = InHand(folder)
        self.hearing = Hearing(site(), policies, shipped(), self.hand)
        self.past = Past(self.bus, clock, self.hearing, FlowSettings(replay=600.0))

    async def start(self) -> list[str]:
        await self.past.inventory()
        return [f"{one.policy} {one.key}" for one in await self.past.events(self.policies)]

    async def happens(self, kind: str, subject: str = "host:esx1", after: float = 0.0) -> list[str]:
        self.clock.turn(after)
        event = Event(id=f"e{self.clock.monotonic():g}{kind[5:8]}", type=kind, source="t", subject=subject, time=START)
        await self.bus.publish(event)
        record = await self.bus.last(subjects.for_event(event))
        assert record is not None
        return [f"{type(one).__name__} {one.policy}" for one in self.past.next(record)]

    def due(self, after: float) -> list[str]:
        self.clock.turn(after)
        return [f"{type(one).__name__} {one.policy}" for one in self.hearing.matcher.advance(self.clock.now())]

    async def exchange(self, *policies: Policy) -> list[str]:
        matcher = self.hearing.matcher
        fresh = matcher.beside(matcher.unknown(policies))
        building = await self.past.of(fresh, policies)
        found = await building.caught_up()
        matcher.exchange(policies, fresh)
        return [one.policy for one in found]


def played(story: Callable[[Path, Storage, HandClock], Coroutine[Any, Any, None]], folder: Path) -> None:
    asyncio.run(story(folder, Storage(), HandClock(START)))


def test_a_restart_in_the_middle_of_a_hold_matches_at_the_same_moment(tmp_path: Path) -> None:
    async def story(folder: Path, storage: Storage, clock: HandClock) -> None:
        first = Life(folder, storage, clock, HELD)
        await first.start()
        await first.happens("host.unreachable")
        clock.turn(59)
        second = Life(folder, storage, clock, HELD)
        assert await second.start() == []
        assert second.due(1.0) == ["Match held"]

    played(story, tmp_path)


def test_a_match_of_the_past_is_decided_after_a_restart(tmp_path: Path) -> None:
    async def story(folder: Path, storage: Storage, clock: HandClock) -> None:
        first = Life(folder, storage, clock, HELD, FACT)
        await first.start()
        await first.happens("host.unreachable", after=5)
        await first.happens("host.crashed", "host:esx2", after=1)
        clock.turn(100)
        assert await Life(folder, storage, clock, HELD, FACT).start() == ["fact host:esx2", "held host:esx1"]

    played(story, tmp_path)


def test_an_open_condition_is_followed_further_back_than_the_usual_replay(tmp_path: Path) -> None:
    async def story(folder: Path, storage: Storage, clock: HandClock) -> None:
        first = Life(folder, storage, clock, HELD)
        await first.start()
        await first.happens("host.unreachable")
        first.due(3600)
        await first.past.remember()
        second = Life(folder, storage, clock, HELD)
        assert await second.start() == ["held host:esx1"]
        assert await second.happens("host.reachable", after=1) == ["Ended held"]
        await second.past.remember()
        assert await Life(folder, storage, clock, HELD).start() == []

    played(story, tmp_path)


def test_a_damaged_mark_only_means_the_usual_replay(tmp_path: Path) -> None:
    async def story(folder: Path, storage: Storage, clock: HandClock) -> None:
        life = Life(folder, storage, clock, HELD)
        await life.bus.put("CONTROL", "engine.low-water", b"yesterday")
        await life.happens("host.unreachable")
        clock.turn(60)
        assert await Life(folder, storage, clock, HELD).start() == ["held host:esx1"]

    played(story, tmp_path)


def test_a_policy_that_comes_while_on_duty_knows_what_is_open_but_does_not_act_on_what_is_over(tmp_path: Path) -> None:
    async def story(folder: Path, storage: Storage, clock: HandClock) -> None:
        life = Life(folder, storage, clock)
        await life.start()
        await life.happens("host.crashed", "host:esx2")
        await life.happens("host.unreachable", after=10)
        clock.turn(50)
        assert await life.exchange(HELD, FACT) == []
        assert life.due(10) == ["Match held"]
        assert await life.happens("host.crashed", "host:esx2", after=1) == ["Match fact"]
        clock.turn(100)
        restarted = Life(folder, storage, clock, HELD, FACT)
        assert await restarted.start() == ["held host:esx1", "fact host:esx2"]

    played(story, tmp_path)


def test_a_long_window_is_read_back_whole(tmp_path: Path) -> None:
    async def story(folder: Path, storage: Storage, clock: HandClock) -> None:
        slow = policy({"event": "host.unreachable", "for": "2h", "by": "host"}, "slow")
        await Life(folder, storage, clock, slow).happens("host.unreachable")
        clock.turn(7199)
        second = Life(folder, storage, clock, slow)
        assert await second.start() == []
        assert second.due(1) == ["Match slow"]

    played(story, tmp_path)


def test_a_record_that_is_handed_out_again_is_heard_once(tmp_path: Path) -> None:
    async def story(folder: Path, storage: Storage, clock: HandClock) -> None:
        counting = policy({"event": "host.crashed", "count": 2, "within": "5m", "by": "host"}, "counting")
        life = Life(folder, storage, clock, counting)
        await life.happens("host.crashed")
        (record,) = [one async for one in life.bus.replay(subjects.ALL_EVENTS)]
        assert life.past.next(record) == ()
        assert await life.happens("host.crashed", after=1) == ["Match counting"]

    played(story, tmp_path)


def test_poison_goes_to_the_dead_letters_and_the_rest_is_heard(tmp_path: Path) -> None:
    async def story(folder: Path, storage: Storage, clock: HandClock) -> None:
        first = Life(folder, storage, clock, FACT)
        await first.start()
        await first.happens("host.crashed")
        for _ in range(3):
            first.hand.take("events", 1)
            first = Life(folder, storage, clock, FACT)
        await first.happens("host.crashed", "host:esx2", after=1)
        for _ in range(2):
            life = Life(folder, storage, clock, FACT)
            assert await life.start() == ["fact host:esx2"]
        letters = [one.subject async for one in life.bus.replay(subjects.ALL_DEAD)]
        assert letters == ["dead.EVENTS.1"]

    played(story, tmp_path)


def test_an_event_that_the_picture_cannot_take_stops_nothing(tmp_path: Path, monkeypatch) -> None:
    def fail(*_: object) -> None:
        msg = "a mistake of ours"
        raise OverflowError(msg)

    async def story(folder: Path, storage: Storage, clock: HandClock) -> None:
        life = Life(folder, storage, clock, FACT)
        await life.start()
        with monkeypatch.context() as broken:
            broken.setattr("engine.estate.projecting.apply", fail)
            assert await life.happens("host.crashed") == ["Match fact"]
        assert await life.happens("host.crashed", after=1) == ["Match fact"]

    played(story, tmp_path)
