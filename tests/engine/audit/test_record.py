"""What a policy has to show before it is promoted."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.audit import record as auditing
from engine.audit.record import Record
from engine.model.decision import Act, Decision, Hold, Ignore, Reason
from engine.model.event import Arrival, Event
from tests.engine.guard.situations import gentle, policy

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
NOW = BEGIN + timedelta(days=3)
KINDS = {"act": Act, "hold": Hold, "ignore": Ignore}


def decided(match: str, kind: str, *codes: str, hours: float = 1, by: str = "host-down", on: str = "host:esx1"):
    reasons = tuple(Reason(code=code, en=code, ja=code) for code in codes)
    at = BEGIN + timedelta(hours=hours)
    return KINDS[kind](match=match, policy=by, object=on, at=at, reasons=reasons, causes=())


def did(user: str, kind: str, on: str = "host:esx1", hours: float = 1.5) -> Arrival:
    at = BEGIN + timedelta(hours=hours)
    event = Event(id="e", type=kind, source="vcenter/vc1", subject=on, time=at, data={"user": user})
    return Arrival(event=event, sequence=1, stored_at=at)


def over(match: str) -> Arrival:
    event = Event(
        id="o", type="toban.condition.ended", source="t", subject="host:esx1", time=NOW, causationid=match
    )  # fmt: skip
    return Arrival(event=event, sequence=1, stored_at=NOW)


def made(decisions: list[Decision], *arrivals: Arrival, one=None, since=BEGIN, hosts=None) -> Record:
    story = auditing.told(arrivals, frozenset({"toban@vsphere.local"}), hosts or {})
    return auditing.record(one or policy(), since, NOW, decisions, story)


@pytest.mark.parametrize(
    ("decisions", "would", "acted"),
    [
        ([decided("a", "ignore", "mode.observe", "witnesses")], 1, 0),
        ([decided("a", "ignore", "mode.observe", "witnesses.missing")], 0, 0),
        ([decided("a", "hold", "mode.recommend", "held")], 1, 0),
        ([decided("a", "hold", "mode.approve")], 1, 0),
        ([decided("a", "hold", "stopped", "mode.approve")], 0, 0),
        ([decided("a", "hold", "stopped"), decided("a", "act", "held")], 1, 1),
        ([decided("a", "ignore", "maintenance")], 0, 0),
    ],
)
def test_it_counts_what_was_done_and_what_would_have_been(decisions, would, acted) -> None:
    found = made(decisions)
    assert (found.matches, found.would_have_acted, found.acted) == (1, would, acted)


def test_only_its_own_matches_since_it_was_loaded_count() -> None:
    ours = [decided(f"m{n}", "ignore", "mode.observe", hours=n) for n in range(-2, 3)]
    found = made([*ours, decided("x", "act", "held", by="other")])
    assert (found.matches, found.days) == (3, 3.0)
    never = made(ours, since=None)
    assert (never.matches, never.days, never.enough) == (0, 0.0, False)


@pytest.mark.parametrize(
    ("arrival", "same"),
    [
        (did("VSPHERE.LOCAL\\sato", "host.powered_off"), 1),
        (did("VSPHERE.LOCAL\\sato", "host.maintenance.entered"), 0),  # fencing does not bring that about
        (did("VSPHERE.LOCAL\\toban", "host.powered_off"), 0),
        (did("sato", "host.powered_off", hours=2.01), 0),
        (did("sato", "host.powered_off", hours=0.99), 0),
        (did("sato", "host.powered_off", on="host:esx2"), 0),
    ],
)
def test_a_person_did_the_same_if_they_brought_about_what_its_actions_do_within_an_hour(arrival, same) -> None:
    assert made([decided("a", "ignore", "mode.observe", "witnesses")], arrival).people_did_the_same == same


def test_on_the_host_of_a_vm_counts_too() -> None:
    moving = [decided("a", "ignore", "mode.observe", by="host-load", on="vm:VM-01")]
    act = did("sato", "vm.migrated", on="host:esx1")
    assert made(moving, act, one=gentle()).people_did_the_same == 0
    assert made(moving, act, one=gentle(), hosts={"vm:VM-01": "host:esx1"}).people_did_the_same == 1


def test_a_condition_that_ended_before_anybody_did_anything_was_a_false_one() -> None:
    decisions = [
        decided("by-itself", "ignore", "mode.observe", "witnesses"),
        decided("acted", "act", "witnesses", on="host:esx2"),
        decided("by-a-person", "ignore", "mode.observe", "witnesses", on="host:esx3"),
        decided("still-open", "ignore", "mode.observe", "witnesses", on="host:esx4"),
    ]
    ends = [over(name) for name in ("by-itself", "acted", "by-a-person", "of-another")]
    assert made(decisions, *ends, did("sato", "host.powered_off", on="host:esx3")).ended_by_itself == 1


def test_answers_are_counted() -> None:
    decisions = [
        decided("a", "hold", "mode.approve"),
        decided("a", "act", "held", "approved"),
        decided("b", "hold", "mode.approve"),
        decided("b", "ignore", "rejected"),
    ]
    found = made(decisions)
    assert (found.matches, found.approved, found.rejected) == (2, 1, 1)


@pytest.mark.parametrize(("matches", "days", "enough"), [(19, 6.9, False), (20, 0.1, True), (0, 7.0, True)])
def test_twenty_matches_or_seven_days_are_enough(matches, days, enough) -> None:
    assert Record("p", BEGIN, days, matches=matches).enough is enough
