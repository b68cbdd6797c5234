"""The four degrees of autonomy, and what a person's word does."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.guard import approval, deciding
from engine.guard.approval import Answer
from engine.guard.control import Order
from engine.model.decision import Act, Hold, Ignore, would_act
from engine.model.policy import Approval
from tests.engine.guard.situations import NOW, codes, gentle, match, policy, saw, situation

YES = Answer(yes=True, by="sato", at=NOW - timedelta(seconds=5), why="the blade is dead")
NO = Answer(yes=False, by="ito", at=NOW - timedelta(seconds=5), why="we are looking at it")


def decided(one, **changes):
    return deciding.decide(match(), one, situation(**changes))


def test_an_observing_policy_says_whether_it_would_have_acted() -> None:
    decision = decided(policy(mode="observe"))
    assert isinstance(decision, Ignore)
    assert codes(decision) == ["mode.observe", "witnesses"]
    assert decision.reasons[0].en == "the policy only observes; it would have acted"
    assert would_act(decision)


def test_an_observing_policy_says_what_would_have_held_it() -> None:
    decision = decided(policy(mode="observe"), observations=(), stopped="tea")
    assert isinstance(decision, Ignore)
    assert codes(decision) == ["mode.observe", "stopped", "witnesses.missing"]
    assert decision.reasons[0].en.endswith("it would have been held: stopped, witnesses.missing")
    assert not would_act(decision)


def test_an_observing_policy_says_why_it_would_have_left_alone() -> None:
    decision = decided(policy(mode="observe"), condition=False)
    assert decision.reasons[0].en.endswith("it would have been left alone: condition.false")


def test_a_recommendation_is_shown_and_nothing_is_done() -> None:
    decision = decided(policy(mode="recommend"))
    assert isinstance(decision, Hold)
    assert codes(decision) == ["mode.recommend", "witnesses"]
    assert would_act(decision)
    assert not would_act(decided(policy(mode="recommend"), observations=()))
    assert isinstance(decided(policy(mode="recommend"), maintenance="vCenter says so"), Ignore)


def test_approval_is_asked_for_when_nothing_else_is_missing() -> None:
    decision = decided(policy(mode="approve"))
    assert isinstance(decision, Hold)
    assert decision.page
    assert codes(decision) == ["mode.approve"]
    assert "until 2026-11-24 02:15:00: toban approve m1" in decision.reasons[0].en
    other = decided(policy(mode="approve"), disarmed=Order(by="sato"))
    assert not other.page
    assert codes(other) == ["disarmed", "mode.approve"]


def test_a_yes_lets_it_act_and_is_recorded() -> None:
    decision = decided(policy(mode="approve"), answer=YES)
    assert isinstance(decision, Act)
    assert codes(decision) == ["witnesses", "approved"]
    assert decision.reasons[1].en == "sato approved it at 2026-11-24 01:59:55: the blade is dead"


@pytest.mark.parametrize(
    "doubt", [{"observations": (saw("vcenter"),)}, {"stopped": "tea"}, {"blind": "vCenter"}, {"mass": "9 hosts"}]
)
def test_a_yes_is_no_way_round_the_other_guards(doubt) -> None:
    assert isinstance(decided(policy(mode="approve"), answer=YES, **doubt), Hold)
    after = Approval.model_validate({"deadline": "1m", "otherwise": "act"})
    one = policy(mode="approve", approval=after.model_dump(mode="python") | {"deadline": "1m"})
    assert isinstance(decided(one, waiting_since=NOW - timedelta(minutes=9), **doubt), Hold)


def test_a_no_is_the_end_of_it() -> None:
    decision = decided(policy(mode="approve"), answer=NO, stopped="tea")
    assert isinstance(decision, Ignore)
    assert codes(decision) == ["rejected", "stopped"]
    assert "ito said no at 01:59:55: we are looking at it" in decision.reasons[0].en


def test_a_word_counts_only_where_it_was_asked_for() -> None:
    assert isinstance(decided(policy(), answer=NO), Act)
    assert isinstance(decided(policy(mode="observe"), answer=YES), Ignore)


@pytest.mark.parametrize(
    ("otherwise", "kind", "code"),
    [("ignore", Ignore, "approval.deadline"), ("hold", Hold, "approval.deadline"), ("act", Act, "held")],
)
def test_at_the_deadline_it_goes_as_the_policy_says(otherwise, kind, code) -> None:
    one = gentle(mode="approve", approval={"deadline": "10m", "otherwise": otherwise})
    before = decided(one, waiting_since=NOW - timedelta(minutes=9, seconds=59))
    assert codes(before) == ["mode.approve"]
    decision = decided(one, waiting_since=NOW - timedelta(minutes=10))
    assert isinstance(decision, kind)
    assert decision.reasons[0].code == code
    assert ("approval.deadline" in codes(decision)) is True


@given(
    deadline=st.integers(1, 100),
    otherwise=st.sampled_from(["ignore", "hold", "act"]),
    since=st.none() | st.integers(0, 200),
    answered=st.none() | st.tuples(st.booleans(), st.integers(0, 200)),
)
def test_a_person_is_never_overruled_in_time(deadline, otherwise, since, answered) -> None:
    rule = Approval.model_validate({"deadline": f"{deadline}s", "otherwise": otherwise})
    begun = NOW - timedelta(seconds=since) if since is not None else None
    answer = Answer(answered[0], "sato", NOW - timedelta(seconds=answered[1])) if answered is not None else None
    how = approval.standing(rule, begun, answer, NOW)
    passed = since is not None and since >= deadline
    if answer is not None and not answer.yes:
        assert how == "rejected"
    elif answer is not None and (since is None or answered[1] >= since - deadline):
        assert how == "approved"
    else:
        assert how in ((otherwise, "approved") if passed else ("waiting",))
    if answer is None:
        assert how == (otherwise if passed else "waiting")
