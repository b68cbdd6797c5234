"""vCenter's events in our words."""

from datetime import UTC, datetime

import pytest

from collectors.vsphere import mapping
from collectors.vsphere.mapping import Place
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
