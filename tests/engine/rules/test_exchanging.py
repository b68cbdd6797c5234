"""Policies that change while something is open: what did not change goes on, what is new knows the past."""

from datetime import timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.model.catalogue import shipped
from engine.model.event import Arrival
from engine.model.match import Match
from engine.model.pattern import AbsencePattern
from engine.model.policy import Policy
from engine.rules import compiling
from engine.rules.matching import Matcher
from tests.engine.rules.patterns import arrival, at, by_subject, cases, policy

Told = tuple[str, str, str, object]
UNTIL = 3000


def _play(matcher: Matcher, arrivals: list[Arrival]) -> list[Told]:
    found = [f for one in arrivals for f in (*matcher.advance(one.stored_at), *matcher.feed(one))]
    return [(type(f).__name__, f.id, f.key, f.at) for f in found]


def _end(matcher: Matcher) -> list[Told]:
    return [(type(f).__name__, f.id, f.key, f.at) for f in matcher.advance(at(UNTIL))]


def _exchange(matcher: Matcher, policies: tuple[Policy, ...], past: list[Arrival]) -> None:
    fresh = matcher.beside(matcher.unknown(policies))
    _play(fresh, past)
    matcher.exchange(policies, fresh)


@given(cases(), st.integers(0, 30), cases())
@settings(max_examples=300, deadline=None)
def test_an_exchange_in_the_middle_of_a_night_changes_nothing_that_was_open(case, cut, other) -> None:
    when, night = case
    kept = policy(when)
    retitled = kept.model_copy(update={"spec": kept.spec.model_copy(update={"cooldown": 60.0})})
    changing = Matcher((kept, policy({"event": "host.crashed"}, "q")), shipped(), by_subject)
    told = _play(changing, night[:cut])
    _exchange(changing, (policy(other[0], "r"), retitled), night[:cut])
    told += _play(changing, night[cut:]) + _end(changing)

    both = Matcher((kept, policy({"event": "host.crashed"}, "q"), policy(other[0], "r")), shipped(), by_subject)
    whole = _play(both, night) + _end(both)
    mine = Matcher((kept,), shipped(), by_subject)
    expected = _play(mine, night) + _end(mine)
    ids = {one[1] for one in expected}
    assert [one for one in told if one[1] in ids] == expected
    after = {one for one in whole if one[1] not in ids and _since(one, night, cut)}
    new = {one for one in told if one[1] not in ids and _since(one, night, cut)}
    crashed = Matcher((policy({"event": "host.crashed"}, "q"),), shipped(), by_subject)
    gone = set(_play(crashed, night) + _end(crashed))
    assert new - gone == after - gone
    assert changing.counts.faults == 0


def _since(one: Told, night: list[Arrival], cut: int) -> bool:
    return cut < len(night) and one[3] > night[cut].stored_at


def test_an_unchanged_policy_keeps_its_timer_over_an_exchange() -> None:
    held = policy({"event": "host.unreachable", "for": "60s"})
    matcher = Matcher((held,), shipped(), by_subject)
    matcher.feed(arrival(0, "host.unreachable"))
    _exchange(matcher, (held.model_copy(update={"spec": held.spec.model_copy(update={"priority": 9})}),), [])
    assert [f.at for f in matcher.advance(at(60)) if isinstance(f, Match)] == [at(60)]


def test_a_policy_with_another_pattern_is_built_from_the_past() -> None:
    short, long = ({"event": "host.unreachable", "for": span} for span in ("60s", "90s"))
    matcher = Matcher((policy(short),), shipped(), by_subject)
    past = [arrival(0, "host.unreachable")]
    _play(matcher, past)
    _exchange(matcher, (policy(long),), past)
    assert matcher.advance(at(60)) == ()
    assert [f.at for f in matcher.advance(at(90))] == [at(90)]


def test_what_a_removed_policy_waited_for_is_forgotten() -> None:
    matcher = Matcher((policy({"event": "host.unreachable", "for": "60s"}),), shipped(), by_subject)
    matcher.feed(arrival(0, "host.unreachable"))
    matcher.exchange((), matcher.beside(()))
    assert matcher.advance(at(600)) == ()
    assert matcher.next_due() is None
    assert matcher.feed(arrival(700, "host.unreachable")) == ()


def _toggles(when: dict[str, object]) -> bool:
    """Whether one event may both begin and end something: then only the whole past says which it did."""
    found = compiling.compile_policy(policy(when), shipped()).alternatives
    ends = [one.closes | (one.chosen[1].types if isinstance(one.pattern, AbsencePattern) else set()) for one in found]
    begins = [{kind for part in one.chosen[: 1 if "absent" in when else None] for kind in part.types} for one in found]
    return any(end & begin for end, begin in zip(ends, begins, strict=True)) or "any" in when


@given(cases())
@settings(max_examples=300, deadline=None)
def test_a_replay_from_the_oldest_open_event_gives_what_the_whole_past_gives(case) -> None:
    when, drawn = case
    assume(not _toggles(when))
    night = [  # a mark is a moment, so moments differ
        one.model_copy(update={"stored_at": one.stored_at + timedelta(microseconds=number)})
        for number, one in enumerate(drawn)
    ]
    whole = Matcher((policy(when),), shipped(), by_subject)
    _play(whole, night)
    since = whole.since()
    part = Matcher((policy(when),), shipped(), by_subject)
    _play(part, [one for one in night if since is not None and one.stored_at >= since])
    assert {one for one in _end(whole) if one[0] == "Match"} <= {one for one in _end(part) if one[0] == "Match"}


def test_a_policy_that_fails_on_an_event_does_not_stop_the_others(monkeypatch) -> None:
    matcher = Matcher(
        (policy({"event": "host.crashed"}, "bad"), policy({"event": "host.crashed"}, "good")), shipped(), by_subject
    )
    broken = matcher._policies["bad"].watches[0]

    def fail(*_: object) -> None:
        msg = "a mistake of ours"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr(broken, "take", fail)
    assert [f.policy for f in matcher.feed(arrival(0, "host.crashed", name="e1"))] == ["good"]
    assert matcher.faulted() == {"bad": "event e1 about host:esx1: ZeroDivisionError: a mistake of ours"}
    assert matcher.faulted() == {}
