"""What is told at detection, at the start and at the end of a run."""

import asyncio
from datetime import UTC, datetime

from actuators.notify.following import Reporter
from engine.bus import outbox, subjects
from engine.bus.memory import MemoryBus, Storage
from engine.clock import HandClock
from engine.model.decision import Act, DecisionRecord, Hold, Ignore, Reason
from engine.model.event import Severity
from engine.model.notice import Moment
from engine.model.run import Entry, Outcome, Phase, PlannedStep, RunPlan

NIGHT = datetime(2026, 11, 25, 2, tzinfo=UTC)
ALL = frozenset({Moment.DETECTION, Moment.START, Moment.END})
WHY = Reason(code="witnesses", en="two say so", ja="証人 2 種")
PLAN = RunPlan(
    run="m1", policy="down", object="host:esx1", causes=("e1",), steps=(PlannedStep(id="fence", verb="fence"),)
)


def decided(kind, match="m1", revision=0):
    words = {"policy": "down", "object": "host:esx1", "at": NIGHT, "reasons": (WHY,), "causes": ("e1",)}
    return kind(match=match, revision=revision, **words)


class Night:
    def __init__(self) -> None:
        self.clock, self.storage = HandClock(NIGHT), Storage()

    def told(self, wanted=ALL, *, decisions=(), entries=()):
        """What stands in the outbox after a reporter has read these."""

        async def go():
            bus = MemoryBus(self.clock, self.storage)
            for one in decisions:
                body = DecisionRecord(decision=one).model_dump_json().encode()
                await bus.append(subjects.decision(one.match, one.revision), body, expected=0, nonce=one.match)
            position = 0
            for entry in entries:
                position = await bus.append(
                    subjects.run(entry.run), entry.stored.encode(), expected=position, nonce=str(entry.number)
                )
            end = self.clock.monotonic() + 20
            async with asyncio.TaskGroup() as group:
                task = group.create_task(Reporter(bus, wanted).run())
                while wanted and self.clock.monotonic() < end:
                    await asyncio.sleep(0)
                task.cancel()
            return [outbox.read(record) async for record in bus.replay(subjects.ALL_NOTICES)]

        return asyncio.run(go())


def entry(number, phase, **more):
    return Entry(run="m1", number=number, phase=phase, at=NIGHT, **more)


def test_an_act_and_a_hold_are_told_when_they_are_first_decided_and_what_is_left_alone_is_not() -> None:
    decisions = [decided(Act), decided(Hold, "m2"), decided(Hold, "m2", 1), decided(Ignore, "m3")]
    first, second = Night().told(decisions=decisions)
    assert first.en == "down acts on host:esx1: two say so"
    assert second.ja == "down: host:esx1 を保留(証人 2 種)"


def test_the_beginning_and_the_end_of_a_run_are_told_once_also_after_a_restart() -> None:
    night = Night()
    entries = [
        entry(1, Phase.PLANNED, plan=PLAN),
        entry(2, Phase.STEP, step="fence", outcome=Outcome.FAILED),
        entry(3, Phase.ENDED, outcome=Outcome.FAILED),
    ]
    night.told(entries=entries)
    start, end = night.told()
    assert start.en == "down begins on host:esx1: fence (run m1)"
    assert (end.severity, end.about) == (Severity.CRITICAL, "host:esx1")
    assert end.ja == "down: host:esx1 の処理が終了: 失敗(実行 m1)"


def test_only_the_moments_that_the_site_wants_are_told() -> None:
    entries = [entry(1, Phase.PLANNED, plan=PLAN), entry(2, Phase.ENDED, outcome=Outcome.SUCCESS)]
    (one,) = Night().told(frozenset({Moment.END}), decisions=[decided(Act)], entries=entries)
    assert (one.moment, one.severity) == (Moment.END, Severity.INFO)
    assert Night().told(frozenset(), entries=entries) == []
