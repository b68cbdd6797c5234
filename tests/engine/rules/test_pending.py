"""What is pending, and when it ends: the matcher's own states as people are told of them."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.model.catalogue import shipped
from engine.model.match import Match
from engine.rules import compiling, tracing
from engine.rules.matching import Matcher
from tests.engine.rules.patterns import arrival, at, by_subject, cases, policy

DOWN, UP = "host.unreachable", "host.reachable"
HOST = "host:esx1"


def after(when: dict[str, object], *kinds: tuple[float, str]) -> Matcher:
    matcher = Matcher((policy(when),), shipped(), by_subject)
    for seconds, kind in kinds:
        data = {"cpu_percent": 90} if kind == "host.load" else {}
        matcher.advance(at(seconds))
        matcher.feed(arrival(seconds, kind, **data))
    return matcher


@pytest.mark.parametrize(
    ("when", "kinds", "due", "lapses", "wanted", "ends", "have"),
    [
        ({"event": DOWN, "for": "45s"}, [(1, DOWN)], 46, None, (), (UP,), 1),
        ({"metric": "host.load.cpu_percent", "above": 80, "for": "60s"}, [(2, "host.load")], 62, None, (), (), 1),
        ({"event": "host.rebooting", "absent": {"event": "host.booted"}, "within": "5m"}, [(0, "host.rebooting")],
         300, None, (), ("host.booted",), 1),
        ({"missing": "host.load", "for": "3m"}, [(5, "host.load")], 185, None, (), ("host.load",), 1),
        ({"all": [{"event": DOWN}, {"event": "host.crashed"}], "within": "60s"}, [(3, DOWN)], None, 63,
         ("host.crashed",), (UP,), 1),
        ({"sequence": [{"event": DOWN}, {"event": UP}, {"event": DOWN}], "within": "10m"}, [(0, DOWN), (9, UP)],
         None, 600, (DOWN,), (), 2),
        ({"event": "host.crashed", "count": 3, "within": "5m"}, [(0, "host.crashed"), (9, "host.crashed")], None, 300,
         ("host.crashed",), (), 2),
    ],
)  # fmt: skip
def test_what_is_open_says_when_it_matches_or_lapses_and_what_it_waits_for(
    when, kinds, due, lapses, wanted, ends, have
) -> None:
    (one,) = after(when, *kinds).pending("p", HOST)
    assert one.matched is False
    assert one.due == (at(due) if due is not None else None)
    assert one.lapses == (at(lapses) if lapses is not None else None)
    assert (one.wanted, one.ends, len(one.events)) == (wanted, ends, have)
    assert one.events[0][1] == at(kinds[0][0])


def test_a_match_that_stays_says_so_and_nothing_is_said_of_other_objects() -> None:
    matcher = after({"event": DOWN}, (0, DOWN))
    assert [one.matched for one in matcher.pending("p", HOST)] == [True]
    assert matcher.pending("p", "host:esx2") == ()
    assert matcher.pending("other", HOST) == ()


@given(cases(), st.integers(1, 30))
@settings(max_examples=400, deadline=None)
def test_what_is_said_to_become_a_match_does_so_at_that_moment_and_nothing_else_does(case, cut) -> None:
    when, night = case
    assume(len(compiling.compile_policy(policy(when), shipped()).alternatives) == 1)  # of several the first is told
    matcher = Matcher((policy(when),), shipped(), by_subject)
    for one in night[:cut]:
        matcher.advance(one.stored_at)
        matcher.feed(one)
    keys = {key for name in ("host:a", "host:b") for key in [name]}
    said = sorted((one.due, key) for key in keys for one in matcher.pending("p", key) if one.due is not None)
    came = sorted((found.at, found.key) for found in matcher.advance(at(90_000)) if isinstance(found, Match))
    assert came == said


@pytest.mark.parametrize(
    ("text", "values", "parts"),
    [
        ("host.vms > 0 && !host.ha", {"host.vms": 2, "host.ha": True},
         [("host.vms > 0", True), ("!host.ha", False)]),
        ('host.name in ["a", "b"] || size(host.name) == 4', {"host.name": "esx1"},
         [('host.name in ["a", "b"]', False), ("size(host.name) == 4", True)]),
        ('has(event.user) && event.user.startsWith("x")', {},
         [("has(event.user)", False), ('event.user.startsWith("x")', None)]),
        ('duration("90s") > duration("1m")', {}, [('duration("90s") > duration("1m")', True)]),
        ("!(host.vms == 1 && host.ha)", {"host.vms": 1}, [("host.vms == 1", True), ("host.ha", None)]),
    ],
)  # fmt: skip
def test_a_condition_is_told_part_by_part_with_what_it_read(text, values, parts) -> None:
    told = tracing.trace(text, values)
    assert [(part.text, part.holds) for part in told] == parts
    assert all(name in values for part in told for name, _ in part.values)
