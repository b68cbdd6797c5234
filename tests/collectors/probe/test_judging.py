"""A round of questions, judged: silence three times is a death, one answer is life, and darkness everywhere is ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.probe.asking import Outcome
from collectors.probe.judging import Health, judge

A, S, U = Outcome.ANSWERED, Outcome.SILENT, Outcome.UNKNOWN
WORDS = st.sampled_from([A, S, U])
NAMES = ("esx1", "esx2", "esx3")


def after(*rounds: dict[str, Outcome], anchors: dict[str, Outcome] | None = None) -> dict[str, Health]:
    healths: dict[str, Health] = {}
    for one in rounds:
        healths = dict(judge(healths, one, anchors or {}, 3).healths)
    return healths


@pytest.mark.parametrize(
    ("rounds", "down"),
    [("SS", False), ("SSS", True), ("SSAS", False), ("SSASSS", True), ("SSUS", True), ("SSU", False), ("SSSU", True)],
)
def test_only_silence_in_a_row_is_a_death_and_a_question_that_could_not_be_asked_says_nothing(rounds, down) -> None:
    words = {"S": S, "A": A, "U": U}
    found = after(*({"esx1": words[letter], "esx2": A} for letter in rounds))
    assert found["esx1"].down is down


@pytest.mark.parametrize(
    ("outcomes", "anchors", "blind"),
    [
        ({"esx1": S, "esx2": S}, {}, True),
        ({"esx1": S, "esx2": U}, {}, False),
        ({"esx1": S}, {}, False),
        ({"esx1": U, "esx2": U}, {}, True),
        ({"esx1": S, "esx2": S}, {"router": A}, False),
        ({"esx1": A, "esx2": S}, {"router": S, "other": S}, True),
        ({"esx1": A, "esx2": S}, {"router": S, "other": A}, False),
        ({"esx1": A, "esx2": S}, {"router": U}, True),
        ({}, {}, False),
    ],
)
def test_where_nothing_answers_it_is_us_and_anchors_decide_where_there_are_some(outcomes, anchors, blind) -> None:
    assert (judge({}, outcomes, anchors, 3).blind is not None) is blind


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, WORDS)), max_size=30), st.booleans())
def test_nobody_is_called_down_by_rounds_in_which_we_were_blind(rounds, anchored) -> None:
    healths: dict[str, Health] = {}
    silent_in_sight = dict.fromkeys(NAMES, 0)
    for outcomes in rounds:
        verdict = judge(healths, outcomes, {"router": outcomes["esx1"]} if anchored else {}, 3)
        for name, word in outcomes.items():
            if word is A:
                silent_in_sight[name] = 0
                assert not verdict.healths[name].down
            elif word is S and verdict.blind is None:
                silent_in_sight[name] += 1
            assert verdict.healths[name].down is (silent_in_sight[name] >= 3)
        healths = dict(verdict.healths)
