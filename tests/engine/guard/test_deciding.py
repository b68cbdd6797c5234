"""What lets an act through, and what holds it."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.estate.places import Places
from engine.guard import deciding, witnesses
from engine.guard.deeds import Deed
from engine.guard.limits import Limits
from engine.guard.situation import Situation
from engine.model.catalogue import shipped
from engine.model.decision import Act, Hold, Ignore
from engine.model.estate import Estate
from tests.engine.guard.situations import NOW, event, match, policy, saw, situation
from tests.engine.worlds import site


def test_two_witness_classes_let_a_fence_through_and_are_named_as_the_reason() -> None:
    decision = deciding.decide(match(), policy(), situation())
    assert isinstance(decision, Act)
    assert decision.reasons[0].en == "chassis and vcenter agree that it is down"
    assert decision.causes == ("e1",)


@pytest.mark.parametrize("seen", [(), (saw("vcenter"),), (saw("vcenter"), saw("vcenter", age=3))])
def test_a_lone_witness_holds_the_fence_and_pages(seen) -> None:
    decision = deciding.decide(match(), policy(), situation(observations=seen))
    assert isinstance(decision, Hold)
    assert decision.page
    assert decision.reasons[-1].code == "witnesses.missing"


def test_a_policy_cannot_ask_for_fewer_witnesses_than_the_site() -> None:
    lax = policy(witnesses={"need": 1, "of": ["vcenter", "chassis"], "within": "60s"})
    assert isinstance(deciding.decide(match(), lax, situation(observations=(saw("vcenter"),))), Hold)


def test_a_fence_without_a_witness_clause_still_needs_the_sites_two() -> None:
    assert isinstance(deciding.decide(match(), policy(witnesses=None), situation(observations=())), Hold)


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"maintenance": "vCenter says so"}, Ignore, "maintenance"),
        ({"condition": False}, Ignore, "condition.false"),
        ({"condition": None}, Hold, "condition.unknown"),
        ({"stopped": "a person said stop"}, Hold, "stopped"),
        ({"blind": "vCenter is not connected"}, Hold, "blind"),
        ({"hosts_down": frozenset({"host:esx1", "host:esx2"})}, Hold, "mass.failure"),
        (
            {"deeds": (Deed(NOW - timedelta(minutes=5), "host-down", "host:esx1", True, True),)},
            Hold,
            "cooldown",
        ),
        (
            {"deeds": (Deed(NOW - timedelta(minutes=5), "host-down", "host:esx2", True, False),)},
            Hold,
            "blast.radius",
        ),
    ],
)
def test_each_doubt_alone_is_enough(change, kind, code) -> None:
    decision = deciding.decide(match(), policy(), situation(**change))
    assert isinstance(decision, kind)
    assert decision.reasons[0].code == code


def test_a_planned_disconnection_is_ignored() -> None:
    decision = deciding.decide(match(event(planned=True)), policy(), situation())
    assert isinstance(decision, Ignore)


def test_a_switch_that_was_never_read_counts_as_stopped() -> None:
    unread = Situation(
        now=NOW, places=Places(Estate(site=site())), observations=(saw("vcenter"), saw("chassis")), condition=True
    )
    assert isinstance(deciding.decide(match(), policy(), unread), Hold)


def test_an_observing_policy_never_acts() -> None:
    assert isinstance(deciding.decide(match(), policy(mode="observe"), situation()), Ignore)
    assert isinstance(deciding.decide(match(), policy(mode="recommend"), situation()), Hold)
    assert isinstance(deciding.decide(match(), policy(mode="approve"), situation()), Hold)


def test_a_timer_that_ended_during_an_outage_is_skipped_where_the_policy_says_so() -> None:
    old = match(at=NOW - timedelta(minutes=10))
    assert isinstance(deciding.decide(old, policy(late="skip"), situation()), Ignore)
    assert isinstance(deciding.decide(old, policy(late="recheck"), situation()), Act)


def test_a_used_up_budget_holds() -> None:
    deeds = (Deed(NOW - timedelta(minutes=14), "host-down", "host:esx2", False, True),)
    tight = policy(budget={"rate": "1 per 15m", "per": "group"}, cooldown="0s")
    decision = deciding.decide(match(), tight, situation(deeds=deeds))
    assert isinstance(decision, Hold)
    assert decision.reasons[0].code == "budget"


@given(
    fences=st.lists(st.tuples(st.integers(0, 7200), st.integers(1, 8), st.booleans()), max_size=12),
    hosts=st.integers(2, 8),
)
def test_the_blast_radius_is_never_exceeded_by_one(fences, hosts) -> None:
    """Whatever happened before, a fence let through keeps S9: two in 15 minutes, a tenth (at least one) an hour."""
    deeds = tuple(
        Deed(NOW - timedelta(seconds=age), "other", f"host:esx{(n - 1) % hosts + 1}", True, done)
        for age, n, done in fences
    )
    decision = deciding.decide(match(), policy(), situation(site=site(hosts), deeds=deeds))
    if isinstance(decision, Act):
        recent = [d for d in deeds if d.at > NOW - timedelta(minutes=15)]
        lately = {d.object for d in deeds if d.at > NOW - timedelta(hours=1)}
        assert len(recent) + 1 <= 2
        assert len(lately | {"host:esx1"}) <= max(1, hosts // 10)
        assert all(d.finished for d in deeds)


def test_every_combination_of_doubts_never_acts() -> None:
    doubts = [
        {"maintenance": "m"},
        {"condition": False},
        {"stopped": "s"},
        {"blind": "b"},
        {"observations": ()},
    ]
    for picks in product([False, True], repeat=len(doubts)):
        changes: dict[str, object] = {}
        for pick, doubt in zip(picks, doubts, strict=True):
            changes |= doubt if pick else {}
        decision = deciding.decide(match(), policy(), situation(**changes))
        assert isinstance(decision, Act) is (not any(picks))


def test_old_observations_do_not_count_and_the_newest_word_of_a_class_stands() -> None:
    seen: witnesses.Seen = {}
    for word in (saw("chassis", age=61), saw("vcenter", age=30), saw("vcenter", down=False, age=10)):
        seen = witnesses.remember(seen, word)
    about = witnesses.about(seen, "host:esx1", NOW, 60)
    assert [(o.witness, o.down) for o in about] == [("vcenter", False)]
    assert witnesses.down(about, ("vcenter", "chassis")) == ()


def test_a_late_report_of_an_older_moment_does_not_displace_a_newer_word() -> None:
    seen = witnesses.remember({}, saw("vcenter", down=False, age=1))
    assert witnesses.remember(seen, saw("vcenter", age=5)) is seen


def test_only_witness_events_of_the_catalogue_testify() -> None:
    catalogue = shipped()
    down = witnesses.observe(catalogue, event(), "host:esx1", NOW)
    assert down is not None
    assert (down.witness, down.down) == ("vcenter", True)
    load = event().model_copy(update={"type": "host.load"})
    assert witnesses.observe(catalogue, load, "host:esx1", NOW) is None


def test_one_of_two_hosts_is_no_mass_failure_but_three_are() -> None:
    assert isinstance(deciding.decide(match(), policy(), situation()), Act)
    three = frozenset({"host:esx1", "host:esx2", "host:esx3"})
    wide = situation(site=site(20), hosts_down=three, limits=Limits())
    assert isinstance(deciding.decide(match(), policy(), wide), Hold)
