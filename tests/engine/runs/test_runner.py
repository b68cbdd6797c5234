"""A run ends the same however often its process dies: nothing is done twice, nothing is left out."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from engine.clock import HandClock
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Conflict, InDoubt, Permanent, TobanError, Transient
from engine.model.plan import Unplaced
from engine.model.policy import After
from engine.model.run import Entry, Outcome, Phase, PlannedStep, RunPlan, fold
from engine.runs.commanding import Commander, EffectorSets, Patience
from engine.runs.runner import Runner


class Killed(BaseException):
    """The process died here."""


@dataclass
class PaperJournal:
    """A journal on paper that can kill its process before or after the n-th record is durable."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    kill_at: int | None = None
    durable_first: bool = True
    appended: int = 0

    async def read(self, run: str) -> tuple[tuple[Entry, ...], int]:
        found = self.entries.get(run, [])
        return tuple(found), len(found)

    async def append(self, entries: tuple[Entry, ...], position: int) -> int:
        found = self.entries.setdefault(entries[0].run, [])
        if len(found) != position:
            msg = "somebody else wrote"
            raise Conflict(msg)
        self.appended += 1
        die = self.kill_at == self.appended
        if die and not self.durable_first:
            raise Killed
        found.extend(entries)
        if die:
            raise Killed
        return len(found)

    async def unfinished(self) -> tuple[str, ...]:
        return tuple(run for run, entries in self.entries.items() if entries[-1].phase is not Phase.ENDED)


class OpenLeases:
    @asynccontextmanager
    async def hold(self, target: str) -> AsyncIterator["OpenLeases"]:
        yield self

    def guard(self) -> int:
        return 7


@dataclass
class Thing:
    """A machine or VM in a toy world: what was done to it, and what it answers."""

    reached: bool = False
    acts: int = 0
    fail_with: list[TobanError] = field(default_factory=list)
    works: bool = True
    looks: list[State] = field(default_factory=list)
    task: str | None = None
    """A task that the far side goes on with, whoever is alive to see it end."""

    async def look(self, command: Command, reference: str | None = None) -> Sighting:
        if self.looks:
            return Sighting(self.looks.pop(0), "scripted")
        if self.task is not None:
            return Sighting(State.BUSY, "a task runs", {"task": self.task})
        return Sighting(State.REACHED if self.reached else State.READY, "as it stands")

    async def act(self, command: Command, called: Called) -> None:
        self.acts += 1
        self.task = f"task-{self.acts}" if self.works and not self.fail_with else None
        await called(f"task-{self.acts}")
        if self.fail_with:
            raise self.fail_with.pop(0)
        await self.follow(command, f"task-{self.acts}")

    async def follow(self, command: Command, reference: str) -> None:
        self.reached, self.task = self.works, None


async def never(target: str) -> str | None:
    return None


def command(step: str, n: int, verb: str, needs: tuple[str, ...] = ()) -> Command:
    return Command(id=f"r1.{step}.{n}", step=step, verb=verb, target=f"vm:{verb}", needs=needs, deadline=600)


def plan() -> RunPlan:
    return RunPlan(
        run="r1",
        policy="host-down-failover",
        object="host:esx1",
        causes=("e1",),
        steps=(
            PlannedStep(id="fence", verb="fence", commands=(command("fence", 1, "off"),)),
            PlannedStep(
                id="move",
                verb="failover",
                after={"fence": After.SUCCESS},
                commands=(command("move", 1, "register"), command("move", 2, "start", ("r1.move.1",))),
            ),
            PlannedStep(
                id="page", verb="notify", after={"fence": After.COMPLETED}, commands=(command("page", 1, "tell"),)
            ),
        ),
    )


def things() -> dict[str, Thing]:
    return {verb: Thing() for verb in ("off", "register", "start", "tell")}


def runner(journal: PaperJournal, world: dict[str, Thing], stop=never) -> Runner:
    clock = HandClock(datetime(2026, 11, 24, tzinfo=UTC))
    return Runner(journal, OpenLeases(), Commander(EffectorSets(world, world), stop, clock, Patience(poll=5)), clock)


def phases(journal: PaperJournal, of: str) -> list[str]:
    return [entry.phase.value for entry in journal.entries["r1"] if entry.command == of]


def test_each_command_is_looked_at_started_called_verified_and_done() -> None:
    journal, world = PaperJournal(), things()
    assert asyncio.run(runner(journal, world).start(plan())) is Outcome.SUCCESS
    assert phases(journal, "r1.fence.1") == ["start", "called", "verified", "done"]
    assert all(thing.acts == 1 for thing in world.values())
    assert journal.entries["r1"][-1].outcome is Outcome.SUCCESS


def total_records() -> int:
    journal = PaperJournal()
    asyncio.run(runner(journal, things()).start(plan()))
    return journal.appended


@pytest.mark.parametrize("durable_first", [True, False])
@pytest.mark.parametrize("at", range(1, total_records() + 1))
def test_a_kill_at_any_journal_boundary_ends_in_the_same_state_with_nothing_done_twice(at, durable_first) -> None:
    journal, world = PaperJournal(kill_at=at, durable_first=durable_first), things()
    with pytest.raises(Killed):
        asyncio.run(runner(journal, world).start(plan()))
    outcome = asyncio.run(runner(journal, world).start(plan()))
    assert outcome is Outcome.SUCCESS
    assert {verb: thing.acts for verb, thing in world.items()} == dict.fromkeys(world, 1)
    assert fold(journal.entries["r1"]).outcome is Outcome.SUCCESS


@pytest.mark.parametrize("again", range(1, 14))
def test_a_second_kill_during_recovery_changes_nothing_either(again) -> None:
    for first in range(1, total_records()):
        journal, world = PaperJournal(kill_at=first), things()
        with pytest.raises(Killed):
            asyncio.run(runner(journal, world).start(plan()))
        journal.kill_at = first + again
        try:
            asyncio.run(runner(journal, world).resume("r1"))
        except Killed:
            asyncio.run(runner(journal, world).resume("r1"))
        assert fold(journal.entries["r1"]).outcome is Outcome.SUCCESS
        assert all(thing.acts == 1 for thing in world.values())


def test_an_end_state_that_holds_already_is_success_and_nothing_is_sent() -> None:
    journal, world = PaperJournal(), things()
    world["off"].reached = True
    assert asyncio.run(runner(journal, world).start(plan())) is Outcome.SUCCESS
    assert world["off"].acts == 0
    assert phases(journal, "r1.fence.1") == ["done"]


def test_a_fence_that_cannot_be_proven_holds_the_run_and_moves_no_vm() -> None:
    journal, world = PaperJournal(), things()
    world["off"].looks = [State.UNKNOWN] * 3
    assert asyncio.run(runner(journal, world).start(plan())) is Outcome.HELD
    assert world["off"].acts == world["register"].acts == world["start"].acts == 0
    assert world["tell"].acts == 1, "people are told all the same"


def test_a_fence_that_does_not_take_is_tried_three_times_and_then_given_up() -> None:
    journal, world = PaperJournal(), things()
    world["off"].works = False
    assert asyncio.run(runner(journal, world).start(plan())) is Outcome.FAILED
    assert world["off"].acts == 3
    assert world["register"].acts == 0


def test_an_act_in_doubt_is_looked_at_for_the_grace_before_it_is_repeated() -> None:
    journal, world = PaperJournal(), things()
    world["off"].fail_with = [InDoubt("no answer")]
    assert asyncio.run(runner(journal, world).start(plan())) is Outcome.SUCCESS
    starts = [entry.at for entry in journal.entries["r1"] if entry.phase is Phase.START and entry.step == "fence"]
    assert (starts[1] - starts[0]).total_seconds() >= 60


def test_a_transient_error_is_tried_again_and_a_permanent_one_is_not() -> None:
    journal, world = PaperJournal(), things()
    world["off"].fail_with = [Transient("busy")]
    world["register"].fail_with = [Permanent("no privilege")]
    assert asyncio.run(runner(journal, world).start(plan())) is Outcome.FAILED
    assert world["off"].acts == 2
    assert world["register"].acts == 1
    assert phases(journal, "r1.move.2") == ["skipped"], "what needs it is not tried"


@pytest.mark.parametrize(("attempts", "acts"), [(1, 1), (2, 2), (5, 5), (None, 3)])
def test_a_step_that_says_how_often_is_tried_that_often_and_never_more(attempts, acts) -> None:
    journal, world = PaperJournal(), things()
    world["off"].works = False
    asked = command("fence", 1, "off").model_copy(update={"attempts": attempts, "pause": 25.0})
    steps = (plan().steps[0].model_copy(update={"commands": (asked,)}), *plan().steps[1:])
    one = plan().model_copy(update={"steps": steps})
    assert asyncio.run(runner(journal, world).start(one)) is Outcome.FAILED
    assert world["off"].acts == acts
    starts = [e.at for e in journal.entries["r1"] if e.phase is Phase.START and e.step == "fence"]
    assert all((after - before).total_seconds() >= 25 for before, after in itertools.pairwise(starts))


def test_a_single_try_in_doubt_is_looked_at_and_not_tried_again() -> None:
    journal, world = PaperJournal(), things()
    world["off"].fail_with = [InDoubt("no answer")]
    asked = command("fence", 1, "off").model_copy(update={"attempts": 1})
    steps = (plan().steps[0].model_copy(update={"commands": (asked,)}), *plan().steps[1:])
    assert asyncio.run(runner(journal, world).start(plan().model_copy(update={"steps": steps}))) is Outcome.FAILED
    assert world["off"].acts == 1


@pytest.mark.parametrize("durable_first", [True, False])
def test_tries_are_counted_across_the_lives_of_a_process(durable_first) -> None:
    for at in range(2, 12):
        journal, world = PaperJournal(kill_at=at, durable_first=durable_first), things()
        world["off"].works = False
        asked = command("fence", 1, "off").model_copy(update={"attempts": 2})
        steps = (plan().steps[0].model_copy(update={"commands": (asked,)}), *plan().steps[1:])
        one = plan().model_copy(update={"steps": steps})
        try:
            asyncio.run(runner(journal, world).start(one))
        except Killed:
            asyncio.run(runner(journal, world).start(one))
        assert world["off"].acts <= 2


def test_the_stop_switch_is_read_before_each_act_and_holds_the_run() -> None:
    async def stopped(target: str) -> str | None:
        return "a person said stop" if target == "vm:register" else None

    journal, world = PaperJournal(), things()
    assert asyncio.run(runner(journal, world, stopped).start(plan())) is Outcome.HELD
    assert world["off"].acts == 1
    assert world["register"].acts == 0


def test_a_task_found_running_is_followed_and_not_started_again() -> None:
    journal, world = PaperJournal(), things()
    world["register"].looks = [State.BUSY]
    journal.entries["r1"] = []
    asyncio.run(runner(journal, world).start(plan()))
    assert world["register"].acts == 1, "busy without a task id is only waited for"


def test_a_deadline_ends_in_unknown_and_the_run_is_held() -> None:
    journal, world = PaperJournal(), things()
    world["register"].looks = [State.BUSY] * 10_000
    assert asyncio.run(runner(journal, world).start(plan())) is Outcome.HELD
    assert phases(journal, "r1.move.1") == ["unknown"]


def test_a_vm_without_a_place_makes_the_step_partial_and_is_named_in_the_journal() -> None:
    journal, world = PaperJournal(), things()
    lost = Unplaced(vm="VM-09", en="VM-09 is on local-esx1, which esx2 does not mount", ja="不可")
    steps = plan().steps
    partial = plan().model_copy(
        update={"steps": (steps[0], steps[1].model_copy(update={"unplaced": (lost,)}), steps[2])}
    )
    assert asyncio.run(runner(journal, world).start(partial)) is Outcome.PARTIAL
    assert any("VM-09 is on local-esx1" in entry.detail for entry in journal.entries["r1"])


def test_two_runners_on_one_run_cannot_both_go_on() -> None:
    journal, world = PaperJournal(), things()

    async def both() -> list[object]:
        results: list[object] = []

        async def one() -> None:
            try:
                results.append(await runner(journal, world).start(plan()))
            except Conflict as error:
                results.append(error)

        async with asyncio.TaskGroup() as group:
            group.create_task(one())
            group.create_task(one())
        return results

    results = asyncio.run(both())
    assert Outcome.SUCCESS in results or any(isinstance(r, Conflict) for r in results)
    assert all(thing.acts <= 1 for thing in world.values())


def test_a_finished_run_started_again_touches_nothing() -> None:
    journal, world = PaperJournal(), things()
    asyncio.run(runner(journal, world).start(plan()))
    assert asyncio.run(runner(journal, world).start(plan())) is Outcome.SUCCESS
    assert all(thing.acts == 1 for thing in world.values())
