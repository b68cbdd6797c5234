"""Conditions that can never hold, or never fail, are found; nothing is said where it cannot be known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules import evaluating, expressions, satisfying
from engine.rules.literals import Unusable


@pytest.mark.parametrize(
    "text",
    [
        "event.x == 1 && event.x == 2",
        "event.x > 5 && event.x < 3",
        "event.x > 5 && event.x <= 5",
        "event.x >= 5 && event.x <= 5 && event.x != 5",
        "event.x == 1 && event.x != 1",
        "event.x == 7 && event.x < 3",
        "event.b && !event.b",
        "event.s == 'a' && event.s in ['b', 'c']",
        "event.s < 'a' && event.s > 'b'",
        "event.x in []",
        "1 > 2",
        "false",
        "(event.x == 1 || event.x == 2) && event.x == 3",
        "event.s.startsWith('a') && !event.s.startsWith('a')",
        "event.b != true && event.b != false",
    ],
)
def test_a_condition_that_can_never_hold_is_found(text) -> None:
    assert satisfying.never(expressions.parse(text))
    assert satisfying.always(expressions.parse(f"!({text})"))


@pytest.mark.parametrize(
    "text",
    [
        "event.x == 1 && event.y == 2",
        "event.x >= 5 && event.x <= 5",
        "event.x > 5 || event.x < 3",
        "event.s.startsWith('a') && event.s.endsWith('b')",
        "event.x == event.y && event.x != 1",
        "event.b",
        " || ".join(f"event.a{n} == {n}" for n in range(8)) + " || event.x == 1",
        " && ".join(f"(event.a{n} == 1 || event.b{n} == 1)" for n in range(12)),
    ],
)
def test_a_condition_that_may_go_either_way_is_left_alone(text) -> None:
    assert not satisfying.never(expressions.parse(text))
    assert not satisfying.always(expressions.parse(text))


numbers = st.integers(0, 4)
comparisons = st.builds(
    "event.{} {} {}".format, st.sampled_from("xy"), st.sampled_from(["==", "!=", "<", ">="]), numbers
)
conditions = st.recursive(
    comparisons,
    lambda one: st.one_of(
        st.builds("({} && {})".format, one, one), st.builds("({} || {})".format, one, one), one.map("!({})".format)
    ),
    max_leaves=6,
)


@given(conditions)
@settings(max_examples=500, deadline=None)
def test_what_is_called_impossible_holds_for_no_values(text) -> None:
    node = expressions.parse(text)
    results = set()
    for x in range(-1, 6):
        for y in range(-1, 6):
            try:
                results.add(evaluating.holds(node, {"event.x": x, "event.y": y}))
            except Unusable:
                results |= {True, False}
    assert not (satisfying.never(node) and True in results)
    assert not (satisfying.always(node) and False in results)
