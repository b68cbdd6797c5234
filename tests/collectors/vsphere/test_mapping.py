"""vCenter's events in our words, and a cursor that neither skips nor repeats, whatever the page looks like."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.vsphere import mapping
from collectors.vsphere.mapping import Cursor, Place
from engine.clients.vsphere_events import VcenterEvent
from engine.model import catalogue
from engine.model.event import Severity
from tests.shared_data import shared

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PLACE = Place("vc1", "instance-1", {"esx1.example": "esx1"})
TABLE, WORDS = mapping.table(), catalogue.shipped()


def happened(kind, key=1, reason="", user="u", chain=None, **subjects):
    return VcenterEvent(
        key=key, chain=chain or key, created=NOW, kind=kind, user=user, message="m", subjects=subjects, reason=reason
    )


def mapped(event):
    return mapping.to_event(event, TABLE, WORDS, PLACE)


def test_every_type_of_the_table_is_in_the_catalogue():
    assert [kind for kind, entry in TABLE.items() if WORDS.get(entry.type) is None] == []


def test_a_lost_host_is_told_under_its_definitions_name():
    event = mapped(happened("HostConnectionLostEvent", host="esx1.example"))
    assert (event.type, event.subject, event.severity) == ("host.unreachable", "host:esx1", Severity.CRITICAL)
    assert (event.source, event.data["planned"]) == ("vcenter/vc1", False)


@pytest.mark.parametrize(
    ("reason", "planned"), [("userRequest", True), ("agentUpgrade", True), ("agentOutOfDate", False)]
)
def test_a_disconnect_is_planned_by_its_reason(reason, planned):
    event = mapped(happened("HostDisconnectedEvent", host="esx2", reason=reason))
    assert (event.data["planned"], event.data["reason"]) == (planned, reason)


TOBAN, PERSON, SERVICE = "toban@vsphere.local", "EXAMPLE\\admin", "VSPHERE.LOCAL\\machine-3f0c"


@pytest.mark.parametrize("kind", ["VmPoweredOffEvent", "VmPoweredOnEvent", "VmSuspendedEvent", "VmResettingEvent"])
@pytest.mark.parametrize(
    ("user", "chain", "planned"),
    [(PERSON, 7, True), (TOBAN, 7, True), (PERSON, 1, False), ("", 7, False), (SERVICE, 7, False)],
)
def test_a_vm_is_stopped_on_purpose_where_a_user_asked_for_it_through_a_task(kind, user, chain, planned):
    event = mapped(happened(kind, user=user, chain=chain, vm="VM-01"))
    assert (event.data["user"], event.data["planned"]) == (user, planned)


@pytest.mark.parametrize(
    "kind",
    [
        "EnteringMaintenanceModeEvent",
        "EnteredMaintenanceModeEvent",
        "ExitMaintenanceModeEvent",
        "HostShutdownEvent",
        "esx.audit.maintenancemode.entering",
        "esx.audit.maintenancemode.entered",
        "esx.audit.maintenancemode.exited",
        "esx.audit.host.poweroff.reason.user",
        "esx.audit.host.stop.shutdown",
        "ExitingStandbyModeEvent",
    ],
)
def test_maintenance_standby_and_shutdown_are_never_accidents_in_either_generation_of_events(kind):
    event = mapped(happened(kind, user=PERSON, host="esx1"))
    assert (event.data["user"], event.data["planned"]) == (PERSON, True)


@pytest.mark.parametrize("kind", ["HostConnectionLostEvent", "esx.audit.host.poweroff.reason.unavailable"])
def test_a_user_alone_does_not_make_a_loss_planned(kind):
    assert mapped(happened(kind, user=PERSON, chain=7, host="esx1")).data["planned"] is False


def test_an_event_without_its_subject_or_without_a_line_is_no_event():
    assert mapped(happened("HostConnectionLostEvent", vm="VM-01")) is None
    assert mapped(happened("NobodyKnowsThisEvent", host="esx1")) is None


def test_the_same_event_read_twice_is_one_event_and_another_vcenters_is_another():
    again = mapping.Place("vc1", "instance-2", {})
    one = happened("VmPoweredOnEvent", vm="VM-01")
    assert mapping.identity(one, PLACE) == mapping.identity(one, PLACE)
    assert mapping.identity(one, PLACE) != mapping.identity(one, again)


def test_every_id_of_the_table_is_one_that_vcenter_has():
    lines = shared("vcenter/event_ids_8.0u3.tsv").read_text(encoding="utf-8").splitlines()
    listed = {column for line in lines for column in line.split("\t")}
    assert [kind for kind in TABLE if kind not in listed] == []


# the cursor ---------------------------------------------------------------------------------------------------------

keys = st.integers(-(2**31), 2**31 - 1)


@given(keys, st.integers(1, 2**31 - 1))
def test_a_key_is_newer_than_the_one_before_it_across_the_wrap(key, step):
    later = (key + step + 2**31) % 2**32 - 2**31
    assert mapping.is_newer(later, key)
    assert not mapping.is_newer(key, later) or step == 2**31
    assert not mapping.is_newer(key, key)


@given(keys, st.integers(1, 60), st.randoms(use_true_random=False), st.integers(0, 60))
def test_pages_in_any_order_with_repeats_give_each_event_once_in_order(start, count, dice, known):
    wrapped = [(start + n + 2**31) % 2**32 - 2**31 for n in range(count + 1)]
    events = [happened("VmPoweredOnEvent", key=key, vm="a") for key in wrapped[1:]]
    page = events * 2
    dice.shuffle(page)
    cursor = Cursor(instance="i", key=wrapped[min(known, count)], created=NOW)
    assert [event.key for event in mapping.newer(page, cursor)] == wrapped[min(known, count) + 1 :]


@given(st.integers(0, 500), st.integers(1, 50))
def test_a_hole_is_seen_exactly_when_something_may_be_missing(cursor_key, size):
    cursor = Cursor(instance="i", key=cursor_key, created=NOW)
    full_and_far = [happened("VmPoweredOnEvent", key=cursor_key + 2 + n, vm="a") for n in range(size)]
    reaching_back = [happened("VmPoweredOnEvent", key=cursor_key + 1 + n, vm="a") for n in range(size)]
    assert mapping.has_hole(full_and_far, cursor, size)
    assert not mapping.has_hole(reaching_back, cursor, size)
    assert not mapping.has_hole(full_and_far[1:], cursor, size)


def test_a_cursor_moves_to_what_was_published():
    event = happened("VmPoweredOnEvent", key=7, vm="a")
    moved = mapping.moved(Cursor(instance="i", key=3, created=NOW - timedelta(days=1)), event)
    assert (moved.key, moved.created) == (7, NOW)
