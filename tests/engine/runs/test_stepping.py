"""Flow control and result folding, held to a plain re-statement of the original system's table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import following
from engine.model.actions import shipped
from engine.model.plan import Unplaced
from engine.model.policy import After, Step
from engine.model.run import Outcome, Phase, PlannedStep
from engine.runs import stepping

RAN = [Outcome.SUCCESS, Outcome.PARTIAL, Outcome.FAILED, Outcome.HELD]
NOWHERE = Unplaced(vm="VM-09", en="no room", ja="空きなし")


@pytest.mark.parametrize(
    ("after", "outcome", "runs"),
    [
        (After.SUCCESS, Outcome.SUCCESS, True),
        (After.SUCCESS, Outcome.PARTIAL, False),
        (After.SUCCESS, Outcome.FAILED, False),
        (After.SUCCESS, Outcome.HELD, False),
        (After.SUCCESS, Outcome.SKIPPED, False),
        (After.FAILED, Outcome.SUCCESS, False),
        (After.FAILED, Outcome.PARTIAL, True),
        (After.FAILED, Outcome.FAILED, True),
        (After.FAILED, Outcome.HELD, True),
        (After.FAILED, Outcome.SKIPPED, False),
        (After.COMPLETED, Outcome.SUCCESS, True),
        (After.COMPLETED, Outcome.PARTIAL, True),
        (After.COMPLETED, Outcome.FAILED, True),
        (After.COMPLETED, Outcome.HELD, True),
        (After.COMPLETED, Outcome.SKIPPED, False),
    ],
)
def test_a_step_runs_by_how_its_reference_ended_and_not_where_that_did_not_run(after, outcome, runs) -> None:
    assert following.allowed({"one": after}, {"one": outcome}) is runs


@pytest.mark.parametrize("after", list(After))
def test_a_reference_that_has_not_come_yet_lets_nothing_run(after) -> None:
    assert following.allowed({"one": after}, {}) is False


def step(name: str, verb: str = "notify", *unplaced: Unplaced) -> PlannedStep:
    return PlannedStep(id=name, verb=verb, unplaced=unplaced)


VERBS = ["fence", "failover", "evacuate", "notify", "mark", "reset-result"]


@st.composite
def ended_runs(draw: st.DrawFn) -> list[tuple[str, Outcome]]:
    verbs = draw(st.lists(st.sampled_from(VERBS), min_size=1, max_size=8))
    end = st.sampled_from([*RAN, Outcome.SKIPPED])
    resets = st.sampled_from([Outcome.SUCCESS, Outcome.SKIPPED])
    return [(verb, draw(resets if verb == "reset-result" else end)) for verb in verbs]


def told_plainly(run: list[tuple[str, Outcome]]) -> Outcome:
    """The table in words: normal only if every executed action ended normally, counted from the last reset on."""
    ran = [(verb, end) for verb, end in run if end is not Outcome.SKIPPED]
    if not ran:
        return Outcome.SKIPPED
    resets = [index for index, (verb, _) in enumerate(ran) if verb == "reset-result"]
    begin = resets[-1] if resets else 0
    bad = [end for index, (verb, end) in enumerate(ran) if verb != "mark" and (index >= begin or end is Outcome.HELD)]
    return next((worst for worst in (Outcome.HELD, Outcome.FAILED, Outcome.PARTIAL) if worst in bad), Outcome.SUCCESS)


@given(ended_runs())
def test_the_fold_of_a_run_is_the_table_of_the_original(run) -> None:
    steps = [step(f"s{index}", verb) for index, (verb, _) in enumerate(run)]
    ended = {f"s{index}": end for index, (_, end) in enumerate(run)}
    assert stepping.outcome_of_run(steps, ended) is told_plainly(run)


def test_a_failure_that_was_handled_and_reset_leaves_the_run_normal() -> None:
    steps = [step("move", "evacuate"), step("again", "evacuate"), step("handled", "reset-result"), step("tell")]
    ended = dict(zip(("move", "again", "handled", "tell"), (Outcome.FAILED, *[Outcome.SUCCESS] * 3), strict=True))
    assert stepping.outcome_of_run(steps, ended) is Outcome.SUCCESS
    assert stepping.outcome_of_run(steps, {**ended, "tell": Outcome.FAILED}) is Outcome.FAILED
    assert stepping.outcome_of_run(steps, {**ended, "handled": Outcome.SKIPPED}) is Outcome.FAILED


def test_what_is_in_doubt_is_never_reset() -> None:
    steps = [step("move", "evacuate"), step("handled", "reset-result")]
    assert stepping.outcome_of_run(steps, {"move": Outcome.HELD, "handled": Outcome.SUCCESS}) is Outcome.HELD


def test_a_mark_that_failed_steers_what_follows_but_does_not_spoil_the_run() -> None:
    assert shipped()["mark"].counts_as_normal
    steps, ended = [step("mark", "mark"), step("tell")], {"mark": Outcome.FAILED, "tell": Outcome.SUCCESS}
    assert stepping.outcome_of_run(steps, ended) is Outcome.SUCCESS
    assert following.allowed({"mark": After.FAILED}, ended)
    assert not following.allowed({"mark": After.SUCCESS}, ended)


@pytest.mark.parametrize("verb", ["fence", "diagnose-and-power-off", "a-verb-of-tomorrow"])
def test_a_fence_that_came_to_nothing_has_failed_and_lets_no_vm_start_elsewhere(verb) -> None:
    outcome = stepping.outcome_of_step(step("fence", verb, NOWHERE), [])
    assert outcome is Outcome.FAILED
    assert not following.allowed({"fence": After.SUCCESS}, {"fence": outcome})


@pytest.mark.parametrize(
    ("phases", "unplaced", "outcome"),
    [
        ([], 0, Outcome.SUCCESS),
        ([], 1, Outcome.PARTIAL),
        ([Phase.DONE], 0, Outcome.SUCCESS),
        ([Phase.DONE], 1, Outcome.PARTIAL),
        ([Phase.DONE, Phase.SKIPPED], 0, Outcome.PARTIAL),
        ([Phase.DONE, Phase.FAILED], 1, Outcome.FAILED),
        ([Phase.FAILED, Phase.UNKNOWN], 0, Outcome.HELD),
        ([Phase.HELD, Phase.DONE], 0, Outcome.HELD),
    ],
)
def test_a_step_is_as_good_as_its_worst_command(phases, unplaced, outcome) -> None:
    assert stepping.outcome_of_step(step("move", "evacuate", *[NOWHERE] * unplaced), phases) is outcome


def steps(*written: dict[str, object]) -> tuple[Step, ...]:
    return tuple(Step.model_validate(one) for one in written)


def test_a_step_without_after_needs_the_success_of_the_one_above() -> None:
    chain = steps(
        {"id": "one", "notify": {"channel": "a"}},
        {"id": "two", "notify": {"channel": "a"}},
        {"id": "three", "notify": {"channel": "a"}, "after": "completed"},
        {"id": "four", "notify": {"channel": "a"}, "after": {"one": "failed", "three": "success"}},
    )
    wanted = [
        {},
        {"one": After.SUCCESS},
        {"two": After.COMPLETED},
        {"one": After.FAILED, "three": After.SUCCESS},
    ]
    assert [following.requirements(chain, index) for index in range(4)] == wanted
