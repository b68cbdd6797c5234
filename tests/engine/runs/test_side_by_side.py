"""Commands of a step go side by side as far as they may, and never further."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.command import Called, Command, Sighting, State, Undo
from engine.model.errors import Permanent
from engine.model.run import Outcome, Phase, PlannedStep, RunPlan
from engine.runs import scheduling
from engine.runs.commanding import Commander, EffectorSets, Patience
from engine.runs.runner import Runner
from engine.runs.scheduling import Bounds
from tests import virtual
from tests.engine.runs.test_runner import OpenLeases, PaperJournal


def command(name, verb="vm.migrate", target=None, needs=(), undo=None, where=None) -> Command:
    return Command(
        id=f"r1.move.{name}",
        step="move",
        verb=verb,
        target=target or f"vm:{name}",
        needs=tuple(f"r1.move.{need}" for need in needs),
        parameters=where or {},
        undo=undo,
    )


def move(name, source="esx1", target="esx2", **more) -> Command:
    where = {"source": source, "target": target, "vcenter": "vc1", "path": f"[san1] {name}/{name}.vmx"}
    return command(name, where=where, **more)


@dataclass
class Slow:
    """A world where each act takes its time; it remembers who was at it together, and for how long."""

    clock: virtual.LoopClock = field(default_factory=virtual.LoopClock)
    takes: dict[str, float] = field(default_factory=dict)
    fails: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    going: set[str] = field(default_factory=set)
    most: int = 0
    ended: float = 0.0

    async def look(self, one: Command, reference: str | None = None) -> Sighting:
        return Sighting(State.REACHED if one.id in self.done else State.READY, "as it stands")

    async def act(self, one: Command, called: Called) -> None:
        self.going.add(one.target)
        self.most = max(self.most, len(self.going))
        await called(f"task of {one.id}")
        await self.clock.sleep(self.takes.get(one.id.removeprefix("r1.move."), 10.0))
        self.going.discard(one.target)
        if one.id.removeprefix("r1.move.") in self.fails:
            msg = "the far side says no"
            raise Permanent(msg)
        self.done.append(one.id)

    async def follow(self, one: Command, reference: str) -> None:
        """Never needed: no life ends here."""


class Verbs(dict):
    """The same hands for every verb."""

    def __init__(self, hands) -> None:
        super().__init__()
        self.hands = hands

    def get(self, verb, default=None):
        return self.hands


def carried(world: Slow, *commands: Command, stop=None, bounds=None, journal=None, rehearsal=False):
    """The outcome, the seconds it took, and how each command ended."""
    journal = journal or PaperJournal()
    plan = RunPlan(
        run="r1",
        policy="p",
        object="host:esx1",
        causes=("e",),
        rehearsal=rehearsal,
        steps=(PlannedStep(id="move", verb="evacuate", commands=commands),),
    )

    async def nobody(target):
        return None

    async def go():
        commander = Commander(EffectorSets(Verbs(world), Verbs(world)), stop or nobody, world.clock, Patience())
        outcome = await Runner(journal, OpenLeases(), commander, world.clock, bounds).start(plan)
        return outcome, world.clock.monotonic()

    outcome, seconds = virtual.run(go())
    ends = {}
    for entry in journal.entries["r1"]:
        if entry.command is not None:
            ends[entry.command.removeprefix("r1.move.")] = entry.phase
    return outcome, seconds, ends


def test_what_does_not_depend_on_each_other_goes_side_by_side() -> None:
    outcome, seconds, _ = carried(Slow(), *(move(str(n), target=f"esx{n}") for n in range(2, 7)))
    assert outcome is Outcome.SUCCESS
    assert seconds == pytest.approx(10, abs=0.1)


def test_at_most_eight_moves_go_between_two_hosts() -> None:
    world = Slow()
    _, seconds, _ = carried(world, *(move(str(n)) for n in range(20)))
    assert world.most == 8
    assert seconds == pytest.approx(30, abs=0.1)


def test_a_chain_keeps_its_order_and_its_neighbours_do_not_wait_for_it() -> None:
    world = Slow(takes={"a": 5, "b": 5, "c": 7})
    _, seconds, _ = carried(world, move("a"), move("b", needs=("a",)), move("c"))
    assert world.done == ["r1.move.a", "r1.move.c", "r1.move.b"]
    assert seconds == pytest.approx(10, abs=0.1)


def test_two_acts_on_one_object_never_overlap() -> None:
    world = Slow()
    _, seconds, _ = carried(world, command("1", target="vm:a"), command("2", target="vm:a"))
    assert seconds == pytest.approx(20, abs=0.1)


def test_a_notice_waits_for_nobody() -> None:
    _, seconds, _ = carried(Slow(), command("1", target="vm:a"), command("2", "notify.log", target="vm:a"))
    assert seconds == pytest.approx(10, abs=0.1)


def test_what_needs_a_failed_command_is_skipped_and_the_others_go_on() -> None:
    outcome, _, ends = carried(
        Slow(fails={"a"}), move("a"), move("b", needs=("a",)), move("c", needs=("b",)), move("d")
    )
    assert outcome is Outcome.FAILED
    assert ends == {"a": Phase.FAILED, "b": Phase.SKIPPED, "c": Phase.SKIPPED, "d": Phase.DONE}


BACK = Undo(verb="host.exit_maintenance")


def maintenance(needs=()):
    return command("enter", "host.enter_maintenance", "host:esx1", needs, BACK)


def test_what_was_done_for_nothing_is_taken_back() -> None:
    world = Slow(fails={"off"})
    outcome, _, ends = carried(world, maintenance(), command("off", "host.shutdown", "host:esx1", ("enter",)))
    assert outcome is Outcome.FAILED
    assert ends["enter"] is Phase.COMPENSATED
    assert world.done[-1] == "r1.move.enter.undo"


def test_what_came_to_something_is_not_taken_back() -> None:
    world = Slow()
    outcome, _, ends = carried(world, maintenance(), command("off", "host.shutdown", "host:esx1", ("enter",)))
    assert outcome is Outcome.SUCCESS
    assert ends["enter"] is Phase.DONE


def test_an_undo_that_fails_leaves_what_was_done_and_says_so() -> None:
    world = Slow(fails={"off", "enter.undo"})
    _, _, ends = carried(world, maintenance(), command("off", "host.shutdown", "host:esx1", ("enter",)))
    assert (ends["enter"], ends["enter.undo"]) == (Phase.DONE, Phase.FAILED)


def test_a_run_that_a_person_cancels_ends_what_it_is_at_begins_nothing_more_and_takes_back_what_it_can() -> None:
    world = Slow()

    async def stop(target):
        return "tanaka: wrong host" if target == "run:r1" and "r1.move.enter" in world.done else None

    off = command("off", "host.shutdown", "host:esx1", ("enter",))
    outcome, _, ends = carried(world, maintenance(), off, stop=stop)
    assert outcome is Outcome.HELD
    assert ends == {"enter": Phase.COMPENSATED, "off": Phase.HELD, "enter.undo": Phase.DONE}


def test_a_rehearsal_is_played_to_its_end_by_an_engine_that_is_not_armed() -> None:
    async def unarmed(target):
        return "this engine is not armed"

    world = Slow()
    outcome, _, _ = carried(world, move("a"), stop=unarmed, rehearsal=True)
    assert outcome is Outcome.HELD, "in this world the hands of a rehearsal are the real ones"
    seen = Slow(done=["r1.move.a"])
    outcome, _, _ = carried(seen, move("a"), stop=unarmed, rehearsal=True)
    assert outcome is Outcome.SUCCESS


@pytest.mark.parametrize("durable_first", [True, False])
def test_a_kill_at_any_record_of_commands_that_go_side_by_side_does_nothing_twice(durable_first) -> None:
    commands = (move("a"), move("b"), move("c", needs=("a",)), maintenance(("c",)))
    off = command("off", "host.shutdown", "host:esx1", ("enter",))
    count = PaperJournal()
    carried(Slow(fails={"off"}), *commands, off, journal=count)
    assert count.appended > 20
    for at in range(1, count.appended + 1):
        world, journal = Slow(fails={"off"}), PaperJournal(kill_at=at, durable_first=durable_first)
        try:
            carried(world, *commands, off, journal=journal)
        except BaseException as error:  # noqa: BLE001  the process died here
            assert type(error).__name__ == "Killed"
        outcome, _, ends = carried(world, *commands, off, journal=journal)
        assert outcome is Outcome.FAILED
        assert ends["enter"] is Phase.COMPENSATED
        assert sorted(world.done) == sorted(set(world.done)), at


names = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(names, st.sampled_from(["esx1", "esx2", "esx3"]), st.sets(names, max_size=2)), max_size=8),
       st.sets(names))  # fmt: skip
def test_whatever_the_step_the_bounds_hold_and_every_command_comes_to_an_end(drawn, failing) -> None:
    seen: list[Command] = []
    for name, target, needs in drawn:
        known = {one.target.removeprefix("vm:") for one in seen}
        if name not in known:
            seen.append(move(name, target=target, needs=tuple(needs & known)))
    tight = Bounds(host_pair=2, host=3, vcenter=4)
    world = Slow(fails=failing)
    _, _, ends = carried(world, *seen, bounds=tight)
    assert set(ends) == {one.target.removeprefix("vm:") for one in seen}
    assert set(ends.values()) <= {Phase.DONE, Phase.FAILED, Phase.SKIPPED}
    assert world.most <= 3


def test_a_run_keeps_what_it_acts_on_to_itself_in_one_order_and_one_that_only_tells_keeps_nothing() -> None:
    acts = [command("1", "machine.power_off", "machine:c1/1"), move("2"), command("3", "host.remove", "host:esx1")]
    assert scheduling.exclusive(acts, "host:esx1") == ("host:esx1", "machine:c1/1")
    assert scheduling.exclusive([command("1", "notify.log", "group:esx")], "host:esx1") == ()


def test_leases_stand_together_and_the_newest_token_speaks_for_them() -> None:
    from engine.runs.ledger import Together

    class One:
        def __init__(self, token) -> None:
            self.token = token

        def guard(self):
            if self.token is None:
                msg = "ran out"
                raise Permanent(msg)
            return self.token

    assert Together([One(3), One(9), One(5)]).guard() == 9
    assert Together([]).guard() == 0
    with pytest.raises(Permanent):
        Together([One(3), One(None)]).guard()
