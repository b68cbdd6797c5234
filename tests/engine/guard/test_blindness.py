"""A source that is blind holds what takes something away, from the event on until the event that ends it."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.guard import blindness
from engine.model.event import Event
from tests.engine.guard import situations
from tests.engine.guard.situations import NOW
from tests.engine.test_decider import Night


def told(kind: str, name: str, text: str = "silent") -> Event:
    return Event(id="x", type=kind, source="toban/sources", subject=f"source:{name}", time=NOW, data={"text": text})


def blind(*names: str, at=NOW) -> blindness.Blindness:
    known: blindness.Blindness = {}
    for name in names:
        known = blindness.follow(known, told("source.blind", name), at)
    return known


@pytest.mark.parametrize(
    ("names", "holds"),
    [
        ((), False),
        (("vcenter:vc1",), True),
        (("vcenter:vc2",), False),
        (("probe",), True),
        (("clock",), True),
        (("traps",), False),
        (("bmc",), False),
        (("traps", "bmc"), True),
        (("traps", "vcenter:vc2"), True),
        (("vcenter:vc2", "vcenter:vc3"), False),
        (("webhook:alertmanager", "schedule", "redfish:chassis1/1"), False),
    ],
)
def test_our_own_eyes_hold_and_two_classes_of_witnesses_at_once_are_no_coincidence(names, holds) -> None:
    why = blindness.against(blind(*names), "vc1")
    assert (why is not None) is holds
    if why is not None:
        assert "since 02:00:00" in why


def test_it_is_over_with_the_event_that_says_so_and_nothing_else_ends_it() -> None:
    known = blind("probe", "clock")
    known = blindness.follow(known, told("source.ok", "probe"), NOW)
    known = blindness.follow(known, told("source.seeing", "clock"), NOW)
    assert set(known) == {"probe"}
    assert blindness.follow(known, told("source.seeing", "probe"), NOW) == {}


def test_told_again_it_is_blind_since_the_first_time() -> None:
    known = blindness.follow(blind("probe"), told("source.blind", "probe"), NOW + timedelta(hours=1))
    assert known["probe"].since == NOW


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2000)), max_size=60))
def test_what_is_blind_is_what_was_last_said_about_each_source(words) -> None:
    known: blindness.Blindness = {}
    for is_blind, name in words:
        known = blindness.follow(known, told("source.blind" if is_blind else "source.seeing", f"n{name}"), NOW)
    last = {f"n{name}": is_blind for is_blind, name in words}
    assert set(known) == {name for name, is_blind in last.items() if is_blind}


def test_very_many_sources_stay_within_their_bound() -> None:
    assert len(blind(*(f"webhook:{n}" for n in range(blindness.LIMIT + 50)))) == blindness.LIMIT


@pytest.mark.parametrize(
    ("policy", "kind"), [(situations.policy(**{"if": None}), "hold"), (situations.gentle(), "act")]
)
def test_a_blind_engine_holds_a_fence_and_lets_a_move_that_can_be_taken_back_pass(policy, kind) -> None:
    night = Night(policy, down=("vcenter", "bmc"))
    match = night.match(policy.name, 1)
    decide = night.decider.decide_all([match], night.estate, night.seen, night.people, blind("probe"))
    (judged,) = asyncio.run(decide)
    assert judged.kind == kind
    codes = {reason.code for reason in judged.reasons}
    assert ("blind" in codes) is (kind == "hold")
