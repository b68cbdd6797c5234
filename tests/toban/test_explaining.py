"""Why a policy acted, or why not: whole stories over a bus, told in one sentence and clause by clause."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.bus.memory import MemoryBus
from engine.clock import HandClock
from engine.deciding import Decider, DeciderSettings
from engine.guard.control import Control
from engine.hearing import Hearing
from engine.inhand import InHand
from engine.model.catalogue import shipped
from engine.model.event import Event
from engine.model.match import Match
from engine.model.policy import Policy
from engine.past import FlowSettings, Past
from tests.engine.worlds import site
from toban import explaining, explaining_words
from toban.explaining import Explained, Question, _NoSight

START = datetime(2026, 11, 24, 3, tzinfo=UTC)
HOST = "host:esx1"


def policy(**spec: object) -> Policy:
    when = {"event": "host.unreachable", "for": "60s", "by": "host"}
    base: dict[str, object] = {"mode": "automatic", "when": when, "do": [{"id": "tell", "notify": {"channel": "x"}}]}
    return Policy.model_validate(
        {
            "apiVersion": "toban/v1",
            "kind": "Policy",
            "metadata": {"name": "held", "title": {"en": "t", "ja": "t"}},
            "spec": {**base, **spec},
        }
    )


class Night:
    """Events on a bus, an engine that decides them, and questions afterwards."""

    def __init__(self, tmp: Any, one: Policy) -> None:
        self.clock, self.policy, self.tmp = HandClock(START), one, tmp
        self.bus = MemoryBus(self.clock)

    async def happens(self, kind: str, after: float = 0.0, subject: str = HOST, **data: object) -> None:
        self.clock.turn(after)
        name = f"e{self.clock.monotonic():g}-{kind.replace('.', '_')}"
        event = Event(id=name, type=kind, source="t", subject=subject, time=START, data=data)
        await self.bus.publish(event)

    async def decided(self, after: float = 0.0) -> None:
        """The engine wakes up, reads the past and decides what is open."""
        self.clock.turn(after)
        hearing = Hearing(site(), (self.policy,), shipped(), InHand(self.tmp))
        past = Past(self.bus, self.clock, hearing, FlowSettings())
        await past.inventory()
        named = {self.policy.name: self.policy}
        decider = Decider(self.bus, self.clock, Control(self.bus), _NoSight(), named, DeciderSettings(armed=True))
        await decider.rebuild()
        matches: tuple[Match, ...] = await past.events((self.policy,))
        await decider.decide_all(matches, hearing.picture.estate, hearing.picture.seen, hearing.picture.people)

    async def asked(self, at: datetime | None = None) -> Explained:
        question = Question(self.policy, HOST, at or self.clock.now(), at is not None)
        return await explaining.explain(self.bus, site(), shipped(), question)


def told(one: Explained) -> tuple[str, dict[str, str]]:
    return explaining_words.answer(one), {line.clause: line.mark for line in explaining_words.clauses(one)}


def play(tmp: Any, one: Policy, story: Callable[[Night], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story(Night(tmp, one)))


def test_nothing_heard(tmp_path) -> None:
    async def story(night: Night) -> None:
        await night.happens("host.crashed")
        says, marks = told(await night.asked())
        assert (
            says == "held has not acted on host:esx1: none of its events about it was heard since 2026-11-24 01:00:00"
        )
        assert marks["when"] == "no"

    play(tmp_path, policy(), story)


def test_pending_with_the_moment_at_which_it_matches(tmp_path) -> None:
    async def story(night: Night) -> None:
        await night.happens("host.unreachable", after=5)
        night.clock.turn(10)
        says, marks = told(await night.asked())
        assert says == (
            "held has not acted on host:esx1: host.unreachable is open since 2026-11-24 03:00:05 "
            "and becomes a match at 2026-11-24 03:01:05 unless host.reachable comes"
        )
        assert "03:01:05 に成立" in explaining_words.answer(await night.asked(), "ja")
        assert marks["scope"] == "ok"

    play(tmp_path, policy(), story)


def test_recovered_in_time(tmp_path) -> None:
    async def story(night: Night) -> None:
        await night.happens("host.unreachable")
        await night.happens("host.reachable", after=30)
        says, _ = told(await night.asked())
        assert says.endswith("nothing is open; the last it heard of it was host.reachable at 2026-11-24 03:00:30")

    play(tmp_path, policy(), story)


def test_acted(tmp_path) -> None:
    async def story(night: Night) -> None:
        await night.happens("host.unreachable")
        await night.decided(after=60)
        one = await night.asked()
        says, marks = told(one)
        assert says.startswith("held: host:esx1: acted at 2026-11-24 03:01:00 (run ")
        assert marks["when"] == "ok"
        assert [recorded.decision.kind for recorded in one.recorded] == ["act"]

    play(tmp_path, policy(), story)


def test_left_alone_with_the_clause_that_did_it(tmp_path) -> None:
    async def story(night: Night) -> None:
        await Control(night.bus).flag_maintenance(HOST, "sato: new memory")
        await night.happens("host.unreachable")
        await night.decided(after=60)
        says, marks = told(await night.asked())
        assert "left alone at 2026-11-24 03:01:00: host:esx1 is in maintenance (sato: new memory)" in says
        assert marks["unless"] == "no"

    play(tmp_path, policy(unless=["maintenance"]), story)


def test_a_condition_that_failed_shows_each_part_with_its_value(tmp_path) -> None:
    async def story(night: Night) -> None:
        await night.happens("host.unreachable")
        await night.decided(after=60)
        one = await night.asked()
        parts = [(part.text, part.holds) for part in one.parts]
        assert parts == [("host.vms > 3", False), ('host.name == "esx1"', True)]
        lines = [line.says for line in explaining_words.clauses(one) if line.clause == "if"]
        assert lines[0] == "host.vms > 3   (host.vms = 0)"

    play(tmp_path, policy(**{"if": 'host.vms > 3 && host.name == "esx1"'}), story)


def test_a_past_moment_is_told_as_it_was(tmp_path) -> None:
    async def story(night: Night) -> None:
        await night.happens("host.unreachable")
        await night.decided(after=60)
        await night.happens("host.reachable", after=60)
        then, _ = told(await night.asked(START + timedelta(seconds=30)))
        later, _ = told(await night.asked(START + timedelta(seconds=90)))
        now, _ = told(await night.asked())
        assert "becomes a match at 2026-11-24 03:01:00" in then
        assert "acted at 2026-11-24 03:01:00" in later
        assert "nothing is open now; the last time it was acted" in now

    play(tmp_path, policy(), story)


def test_an_explanation_writes_nothing(tmp_path) -> None:
    async def story(night: Night) -> None:
        await night.happens("host.unreachable")
        await night.decided(after=60)
        before = {name: tuple(records) for name, records in night.bus._storage.records.items()}
        await night.asked()
        assert {name: tuple(records) for name, records in night.bus._storage.records.items()} == before

    play(tmp_path, policy(unless=["maintenance"]), story)


def test_an_object_outside_the_scope(tmp_path) -> None:
    async def story(night: Night) -> None:
        await night.happens("host.unreachable")
        says, marks = told(await night.asked())
        assert says == "held leaves host:esx1 alone: it is not in its scope"
        assert marks["scope"] == "no"

    play(tmp_path, policy(scope={"host": "esx2"}), story)
