"""Scenarios of windows, people, answers, orders, breakers, outages and several policies, and what they exercise."""

import pytest

from engine.model.catalogue import shipped
from engine.model.errors import ConfigurationError
from engine.rehearsing import covering, playing
from engine.rehearsing.places import TUTORIAL, Place
from engine.rehearsing.scenarios import Scenario
from tests.engine.guard.situations import gentle

TELL = [{"id": "tell", "notify": {"channel": "oncall"}}]
DOWN = {"event": "host.unreachable", "for": "45s", "by": "host"}
SIX = Place.model_validate({"hosts": {f"esx{n}": {} for n in range(1, 7)}})


def telling(name: str = "teller", **spec: object):
    return gentle(name, **{"unless": [], "when": DOWN, "do": TELL, **spec})


def play(policy, *inputs: str, known=None, place=TUTORIAL, **more: object) -> playing.Played:
    one = Scenario.model_validate({"name": "s", "inputs": list(inputs), "until": "1h", "expect": [], **more})
    return playing.play(one, place, policy, shipped(), known)


def said(played: playing.Played) -> list[tuple[float, str, str]]:
    return [(told.at, told.decision.kind, told.why) for told in played.told]


def missing(policy, *played: playing.Played) -> set[str]:
    return set(covering.coverage(policy, played, shipped()).missing)


FELL = "0s host:esx1 host.unreachable"
NIGHT = {"days": "mon-sun", "from": "22:00", "to": "06:00", "timezone": "Asia/Tokyo"}


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ("2026-01-01T12:59:00Z", ("ignore", "outside.window")),
        ("2026-01-01T12:59:30Z", ("act", "held")),
        ("2026-01-02 05:59:00+09:00", ("act", "held")),
        ("2026-01-02T05:59:30+09:00", ("ignore", "outside.window")),
    ],
)
def test_a_scenario_says_what_the_clocks_show(starts, expected) -> None:
    policy = telling(during=[NIGHT])
    played = play(policy, FELL, starts=starts)
    assert [one[1:] for one in said(played)] == [expected]
    assert ("during" in missing(policy, played)) is (expected[0] == "act")


def test_a_start_that_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="is no time"):
        Scenario.model_validate({"name": "s", "until": "1h", "expect": [], "starts": "yesterday"})


def test_each_exception_is_a_clause_of_its_own() -> None:
    noon = {**NIGHT, "from": "12:00", "to": "13:00"}
    policy = telling(unless=["maintenance", NIGHT, noon, {"human": "20m"}])
    night = play(policy, FELL, starts="2026-01-01T23:00:00+09:00")
    person = play(policy, FELL, "40s host:esx1 host.sync.failed user=sato", starts="2026-01-01T10:00:00+09:00")
    assert said(night) == [(45, "ignore", "window")]
    assert said(person) == [(45, "ignore", "human")]
    ours = play(policy, FELL, "40s host:esx1 host.sync.failed user=toban", starts="2026-01-01T10:00:00+09:00")
    assert said(ours) == [(45, "act", "held")]
    left = {one for one in missing(policy, night, person) if one.startswith("unless")}
    assert left == {"unless: maintenance", "unless: window mon-sun 12:00-13:00 Asia/Tokyo"}


ASKING = telling(mode="approve", approval={"deadline": "10m", "otherwise": "ignore"})


def test_a_person_says_yes_no_or_nothing() -> None:
    yes = play(ASKING, FELL, approvals=[{"at": "100s", "answer": "yes", "by": "sato"}])
    assert said(yes) == [(45, "hold", "mode.approve"), (100, "act", "held")]
    assert yes.told[1].decision.reasons[1].code == "approved"
    no = play(ASKING, FELL, approvals=[{"at": "100s", "answer": "no", "about": "host:esx1"}])
    assert said(no) == [(45, "hold", "mode.approve"), (100, "ignore", "rejected")]
    other = play(ASKING, FELL, approvals=[{"at": "105s", "answer": "no", "about": "host:esx2"}])
    assert said(other) == [(45, "hold", "mode.approve"), (645, "ignore", "approval.deadline")]
    assert {"approval", "approval: deadline"} & missing(ASKING, yes) == {"approval: deadline"}
    assert {"approval", "approval: deadline"} & missing(ASKING, yes, other) == set()


def test_a_policy_out_of_service_holds() -> None:
    assert said(play(telling(), FELL, disarmed="it told too much")) == [(45, "hold", "disarmed")]


def test_a_breaker_opens_by_the_match_that_is_one_too_many_and_stays_open() -> None:
    policy = telling(budget={"rate": "1 per 5m", "breaker": "manual"})
    played = play(policy, FELL, "60s host:esx2 host.unreachable", "20m host:esx3 host.unreachable", place=SIX)
    assert said(played) == [(45, "act", "held"), (105, "hold", "breaker"), (1245, "hold", "breaker")]
    assert "budget: breaker" not in missing(policy, played)
    assert "budget: breaker" in missing(policy, play(policy, FELL))


def test_a_share_holds_the_host_that_is_one_too_many() -> None:
    policy = telling(budget={"rate": "9 per 1h", "per": "group", "share": "20%", "concurrent": 9})
    played = play(policy, FELL, "60s host:esx2 host.unreachable", place=SIX)
    assert said(played) == [(45, "act", "held"), (105, "hold", "budget.share")]
    assert "budget: share" not in missing(policy, played)


def test_too_few_hosts_left_is_a_clause() -> None:
    policy = telling(minimum_running=2, do=[{"id": "off", "shutdown-host": {"host": "$host"}}])
    played = play(policy, "0s host:esx1 host.unreachable")
    assert said(played) == [(45, "ignore", "minimum.running")]
    assert "minimum_running" not in missing(policy, played)


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ("fire", [(600, "act", "held")]),
        ("skip", [(600, "ignore", "late")]),
        ("recheck", [(600, "hold", "late.recheck"), (630, "act", "held")]),
    ],
)
def test_a_timer_that_ends_while_nobody_is_on_duty_goes_as_the_policy_says(late, expected) -> None:
    policy = telling(late=late)
    played = play(policy, FELL, away={"from": "30s", "to": "10m"})
    assert said(played) == expected
    assert ("late" in missing(policy, played)) is False


def test_what_came_and_went_while_nobody_was_on_duty_is_not_decided() -> None:
    policy, away = telling(), {"from": "30s", "to": "10m"}
    back = ["60s host:esx2 host.unreachable", "2m host:esx1 host.reachable", "3m host:esx2 host.reachable"]
    played = play(policy, FELL, *back, away=away)
    assert said(played) == []
    held = play(policy, FELL, "2m host:esx1 host.reachable", stop="tea", away={"from": "50s", "to": "10m"})
    assert said(held) == [(45, "hold", "stopped")]
    assert len(held.ended) == 1


def test_somebody_who_never_comes_back_decides_nothing_more() -> None:
    assert said(play(telling(), FELL, away={"from": "30s", "to": "2h"})) == []
    with pytest.raises(ValueError, match="lies behind"):
        play(telling(), FELL, away={"from": "30s", "to": "30s"})


def test_a_policy_of_higher_priority_beside_it_goes_first() -> None:
    first = telling("first", priority=90)
    policy = telling("second", priority=10)
    played = play(policy, FELL, beside=["first"], known={"first": first}, runs_take="2m")
    assert said(played) == [(45, "hold", "priority"), (165, "act", "held")]
    assert "priority" in covering.coverage(policy, [played], shipped()).clauses
    assert "priority" not in covering.clauses(policy)


def test_an_unknown_policy_beside_it_is_said() -> None:
    with pytest.raises(ConfigurationError, match="no other policy third; known: first"):
        play(telling(), FELL, beside=["third"], known={"first": telling("first")})


def test_a_condition_that_ends_lets_the_lower_policy_go() -> None:
    """The claim of a held match is released when its condition ends, also in a scenario."""
    first = telling("first", priority=90, mode="approve", when={**DOWN, "until": "host.booted"})
    policy = telling("second", priority=10)
    played = play(policy, FELL, "5m host:esx1 host.booted", beside=["first"], known={"first": first})
    assert said(played) == [(45, "hold", "priority"), (300, "act", "held")]
