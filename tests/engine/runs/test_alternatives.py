"""Several ways to one end: the next is tried only when it is certain that nothing came of the ones before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.command import Command, Undo
from engine.model.run import Outcome, Phase
from engine.runs import alternatives, compensating
from engine.runs.alternatives import Turn
from tests.engine.runs.test_side_by_side import Slow, carried

ENDS = [Phase.DONE, Phase.FAILED, Phase.SKIPPED, Phase.HELD, Phase.UNKNOWN]


def one(name: str, *needs: str, instead_of: tuple[str, ...] = (), target: str = "vm:a", behind=()) -> Command:
    known = {"step": "move", "verb": "vm.migrate", "target": target}
    ids = {key: tuple(f"r1.move.{n}" for n in names) for key, names in (("needs", needs), ("instead_of", instead_of))}
    return Command.model_validate(
        {"id": f"r1.move.{name}", **known, **ids, "behind": tuple(f"r1.move.{n}" for n in behind)}
    )


WAYS = (
    one("hot"),
    one("sleep", instead_of=("hot",)),
    one("cold", "sleep"),
    one("wake", "cold"),
    one("back", instead_of=("hot", "cold")),
    one("off", "back"),
    one("move", "off"),
    one("start", "move"),
)


@pytest.mark.parametrize(
    ("fails", "done", "outcome"),
    [
        ((), ["hot"], Outcome.SUCCESS),
        (("hot",), ["sleep", "cold", "wake"], Outcome.SUCCESS),
        (("hot", "sleep"), ["back", "off", "move", "start"], Outcome.SUCCESS),
        (("hot", "cold"), ["sleep", "back", "off", "move", "start"], Outcome.SUCCESS),
        (("hot", "wake"), ["sleep", "cold"], Outcome.FAILED),
        (("hot", "cold", "move"), ["sleep", "back", "off"], Outcome.FAILED),
        (("hot", "cold", "back"), ["sleep"], Outcome.FAILED),
    ],
)
def test_the_next_way_is_tried_when_the_one_before_came_to_nothing_and_only_it_counts(fails, done, outcome) -> None:
    world = Slow(fails=set(fails))
    ended, _, ends = carried(world, *WAYS)
    assert (ended, [name.removeprefix("r1.move.") for name in world.done]) == (outcome, done)
    assert set(ends) == {command.id.removeprefix("r1.move.") for command in WAYS}


@pytest.mark.parametrize("end", [Phase.HELD, Phase.UNKNOWN, Phase.DONE])
def test_in_doubt_nothing_else_is_tried(end) -> None:
    assert alternatives.turn(WAYS[1], {"r1.move.hot": end}) is Turn.SPARED


def test_a_way_waits_until_those_before_it_have_ended() -> None:
    assert alternatives.turn(WAYS[1], {}) is Turn.WAITS
    assert alternatives.turn(WAYS[4], {"r1.move.hot": Phase.FAILED}) is Turn.WAITS
    both = {"r1.move.hot": Phase.FAILED, "r1.move.cold": Phase.SKIPPED}
    assert alternatives.turn(WAYS[4], both) is Turn.NOW
    assert alternatives.turn(WAYS[0], {}) is Turn.NOW


def test_a_doubt_in_the_first_way_decides_the_step() -> None:
    phases = {command.id: Phase.SKIPPED for command in WAYS} | {"r1.move.hot": Phase.HELD}
    assert alternatives.counted(WAYS, phases) == {"r1.move.hot": Phase.HELD}


def test_the_ways_of_one_object_say_nothing_about_another() -> None:
    other = one("other", "hot", target="vm:b")
    phases = {command.id: Phase.SKIPPED for command in (*WAYS, other)}
    phases |= {"r1.move.hot": Phase.FAILED, "r1.move.sleep": Phase.DONE, "r1.move.cold": Phase.DONE}
    counted = alternatives.counted((*WAYS, other), phases | {"r1.move.wake": Phase.DONE})
    assert set(counted) == {f"r1.move.{name}" for name in ("sleep", "cold", "wake", "other")}


@given(st.lists(st.sampled_from(ENDS), min_size=len(WAYS), max_size=len(WAYS)))
def test_exactly_one_way_counts_whatever_happened(ends) -> None:
    phases = {command.id: end for command, end in zip(WAYS, ends, strict=True)}
    counted = {name.removeprefix("r1.move.") for name in alternatives.counted(WAYS, phases)}
    assert counted in ({"hot"}, {"sleep", "cold", "wake"}, {"back", "off", "move", "start"})


def test_what_an_alternative_took_up_is_not_taken_back() -> None:
    phases = dict.fromkeys((command.id for command in WAYS), Phase.DONE)
    phases |= {"r1.move.hot": Phase.FAILED, "r1.move.cold": Phase.FAILED, "r1.move.wake": Phase.SKIPPED}
    back = {"undo": Undo(verb="vm.power_on")}
    rests = [command.model_copy(update=back) if command.id.endswith("sleep") else command for command in WAYS]
    assert compensating.undoing(rests, phases, cancelled=False) == ()
    lost = phases | {f"r1.move.{name}": Phase.FAILED for name in ("back", "off", "move", "start")}
    (undo,) = compensating.undoing(rests, lost, cancelled=False)
    assert (undo.verb, undo.id) == ("vm.power_on", "r1.move.sleep.undo")


def test_what_goes_behind_another_waits_for_its_end_and_goes_also_if_it_failed() -> None:
    world = Slow(takes={"first": 7, "then": 3}, fails={"first"})
    outcome, seconds, ends = carried(world, one("first"), one("then", target="vm:b", behind=("first",)))
    assert (ends["first"], ends["then"], outcome) == (Phase.FAILED, Phase.DONE, Outcome.FAILED)
    assert seconds == pytest.approx(10, abs=0.1)
