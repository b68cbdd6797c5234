"""Windows, people, lateness: what is left alone, and what has to be seen again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.guard import deciding
from engine.guard.limits import Limits
from engine.guard.people import HumanAct
from engine.model.decision import Act, Hold, Ignore
from tests.engine.guard.situations import NOW, codes, event, gentle, match, policy, saw, situation

NIGHT = {"days": "mon-sun", "from": "22:00", "to": "06:00", "timezone": "UTC"}  # 02:00 lies in it
DAY = {"days": "mon-sun", "from": "08:00", "to": "18:00", "timezone": "UTC"}


def sato(minutes: float, on: str = "vm:VM-01") -> HumanAct:
    return HumanAct("LOCAL\\sato", "vm.migrated", on, NOW - timedelta(minutes=minutes))


def decided(one, **changes):
    return deciding.decide(match(), one, situation(**changes))


def test_outside_its_windows_a_policy_leaves_alone() -> None:
    assert isinstance(decided(gentle(during=[NIGHT])), Act)
    assert isinstance(decided(gentle(during=[DAY, NIGHT])), Act)
    decision = decided(gentle(during=[DAY]))
    assert isinstance(decision, Ignore)
    assert codes(decision) == ["outside.window"]
    assert "mon-sun 08:00-18:00 UTC" in decision.reasons[0].en


def test_in_a_window_that_is_excepted_it_leaves_alone() -> None:
    assert isinstance(decided(gentle(unless=[DAY])), Act)
    decision = decided(gentle(unless=["maintenance", DAY, NIGHT]))
    assert isinstance(decision, Ignore)
    assert codes(decision) == ["window"]
    assert "mon-sun 22:00-06:00 UTC" in decision.reasons[0].en


def test_what_a_person_is_busy_with_is_left_to_them_where_the_policy_says_so() -> None:
    one = gentle(unless=[{"human": "30m"}])
    assert isinstance(decided(one, human=sato(30)), Act)
    decision = decided(one, human=sato(29))
    assert isinstance(decision, Ignore)
    assert codes(decision) == ["human"]
    said = decision.reasons[0]
    assert "LOCAL\\sato did vm.migrated on vm:VM-01 at 01:31:00" in said.en
    assert "LOCAL\\sato" in said.ja


@pytest.mark.parametrize(("one", "page"), [(policy(), True), (gentle(), False)])
def test_every_act_waits_a_quarter_of_an_hour_behind_a_person(one, page) -> None:
    """Safety rule S17. It is a hold: a host that is still down then is not forgotten."""
    decision = decided(one, on_target=sato(14, "host:esx1"))
    assert isinstance(decision, Hold)
    assert decision.page is page
    assert codes(decision) == ["human"]
    assert decision.reasons[0].en.endswith("held until 02:01:00")
    assert isinstance(decided(one, on_target=sato(15, "host:esx1")), Act)
    assert isinstance(decided(one, on_target=sato(14, "host:esx1"), limits=Limits(human=0.0)), Act)


def test_who_moved_a_vm_does_not_keep_its_host_from_being_failed_over() -> None:
    assert isinstance(decided(policy(), human=sato(1)), Act)
    both = decided(gentle(unless=[{"human": "5m"}]), human=sato(1), on_target=sato(1, "host:esx1"))
    assert (both.kind, codes(both)) == ("ignore", ["human"])


def test_who_only_tells_people_need_not_wait_for_them() -> None:
    telling = gentle(do=[{"id": "tell", "notify": {"channel": "oncall"}}], unless=[])
    assert isinstance(decided(telling, human=sato(1), on_target=sato(1)), Act)
    assert isinstance(decided(telling, maintenance="vCenter says so"), Act)
    assert isinstance(decided(gentle(unless=[]), maintenance="vCenter says so"), Ignore)


@pytest.mark.parametrize(
    ("late", "overdue", "kind", "code"),
    [
        ("skip", 59, Act, "held"),
        ("skip", 60, Ignore, "late"),
        ("fire", 3600, Act, "held"),
        ("recheck", 59, Act, "held"),
        ("recheck", 60, Hold, "late.recheck"),
    ],
)
def test_a_timer_that_ended_while_nobody_was_on_duty(late, overdue, kind, code) -> None:
    decision = decided(gentle(late=late), overdue=overdue, noticed=NOW)
    assert isinstance(decision, kind)
    assert codes(decision) == [code]


def test_a_condition_without_witnesses_is_seen_again_once_the_collectors_have_told_what_changed() -> None:
    for seconds, kind in ((29, Hold), (30, Act)):
        decision = decided(gentle(late="recheck"), overdue=600, noticed=NOW - timedelta(seconds=seconds))
        assert isinstance(decision, kind)


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        ((saw("vcenter", age=8), saw("chassis", age=9)), Hold),  # heard before anybody was on duty again
        ((saw("vcenter", age=8), saw("chassis", age=5)), Act),
        ((saw("vcenter", age=0), saw("chassis", age=9)), Act),
    ],
)
def test_a_dead_host_is_seen_again_by_a_witness_that_speaks_now(seen, kind) -> None:
    decision = decided(policy(late="recheck"), overdue=600, noticed=NOW - timedelta(seconds=5), observations=seen)
    assert isinstance(decision, kind)


def test_what_was_noticed_in_time_and_held_since_is_not_late() -> None:
    old = match(event(), at=NOW - timedelta(minutes=10))
    assert isinstance(deciding.decide(old, policy(late="skip"), situation(overdue=0.2)), Act)


def test_news_that_nothing_can_take_back_is_held_for_an_hour_and_then_left_alone() -> None:
    once = replace(match(), stays=False)
    held = {"stopped": "by hand"}
    fresh = deciding.decide(once, gentle(), situation(noticed=NOW - timedelta(minutes=60), **held))
    old = deciding.decide(once, gentle(), situation(noticed=NOW - timedelta(minutes=61), **held))
    lasting = deciding.decide(match(), gentle(), situation(noticed=NOW - timedelta(days=1), **held))
    asked = gentle(mode="approve", approval={"deadline": "2h"})
    waiting = deciding.decide(once, asked, situation(noticed=NOW - timedelta(minutes=61), **held))
    assert [type(one) for one in (fresh, old, lasting, waiting)] == [Hold, Ignore, Hold, Hold]
    assert codes(old)[0] == "stale"
