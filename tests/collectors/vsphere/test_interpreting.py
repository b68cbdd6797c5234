"""Alarms by name and colour, planned and unplanned told apart, and bad news that no table knows."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.vsphere import alarms, planning
from collectors.vsphere.alarms import Alarm, Colours, Turn
from collectors.vsphere.interpreting import Interpreter
from collectors.vsphere.mapping import Place
from engine.clients.vsphere_events import VcenterEvent
from engine.model import catalogue
from engine.model.event import Severity

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
WORDS = catalogue.shipped()
PLACE = Place("vc1", "i", {"esx1.example": "esx1"})
OURS = ("toban@vsphere.local",)


class Night:
    """One vCenter's events, a minute apart."""

    def __init__(self, **own: Alarm) -> None:
        self.meaning = Interpreter(PLACE, WORDS, own, OURS)
        self.key = 0

    def of(self, kind, after=60.0, user="", severity="", details=None, chain=None, **subjects):
        self.key += 1
        at = NOW + timedelta(seconds=self.key * after)
        return self.meaning.of(
            VcenterEvent(
                self.key, chain or self.key, at, kind, user, "text", subjects, "", severity, dict(details or {})
            )
        )

    def alarm(self, name, before, to, host="esx1", **subjects):
        about = {"host": host, "entity": host, **subjects}
        return self.of("AlarmStatusChangedEvent", details={"alarm": name, "from": before, "to": to}, **about)


# alarms -------------------------------------------------------------------------------------------------------------


def test_an_alarm_that_no_map_names_keeps_its_name_and_its_colours_and_is_as_bad_as_its_colour():
    night = Night()
    red = night.alarm("Backup is late", "green", "red")
    assert (red.type, red.subject, red.severity) == ("vcenter.alarm.changed", "host:esx1", Severity.CRITICAL)
    assert (red.data["alarm"], red.data["from"], red.data["to"]) == ("Backup is late", "green", "red")
    assert night.alarm("Backup is late", "red", "yellow").severity is Severity.WARNING
    assert night.alarm("Backup is late", "yellow", "gray").severity is Severity.INFO


def test_a_hardware_alarm_is_a_hardware_alert_and_names_the_part_however_it_is_capitalised():
    night = Night()
    for name in ("Host hardware fan status", "HOST HARDWARE FAN STATUS"):
        raised = night.alarm(name, "green", "yellow")
        assert (raised.type, raised.data["part"], raised.severity) == ("host.hw.alert", name, Severity.WARNING)
    assert night.alarm("Host hardware fan status", "yellow", "green").type == "host.hw.alert.cleared"


def test_it_is_over_only_when_the_last_part_is_green_and_gray_is_no_recovery():
    night = Night()
    night.alarm("Host hardware fan status", "green", "red")
    night.alarm("Host hardware temperature status", "gray", "yellow")
    assert night.alarm("Host hardware fan status", "red", "green").type == "vcenter.alarm.changed"
    assert night.alarm("Host hardware temperature status", "yellow", "gray").type == "vcenter.alarm.changed"
    assert night.alarm("Host hardware temperature status", "gray", "green").type == "host.hw.alert.cleared"


def test_another_hosts_alarm_does_not_keep_a_host_ill():
    night = Night()
    night.alarm("Host hardware fan status", "green", "red", host="esx2")
    night.alarm("Host hardware fan status", "green", "red")
    assert night.alarm("Host hardware fan status", "red", "green").type == "host.hw.alert.cleared"


def test_an_alarm_is_about_its_entity_also_where_its_host_is_named_beside_it():
    night = Night()
    about = {"vm": "VM-01", "host": "esx1.example"}
    assert night.alarm("VM slow", "green", "red", entity="VM-01", **about).subject == "vm:VM-01"
    assert night.alarm("Host slow", "green", "red", entity="esx1.example", **about).subject == "host:esx1"
    assert night.alarm("All slow", "green", "red", entity="dc1", **about).subject == "vcenter:vc1"


def test_the_sites_own_word_about_an_alarm_counts_and_only_for_its_kind_of_object():
    mine = Alarm(entity="vm", red="vm.heartbeat.lost", green="vm.heartbeat.ok")
    night = Night(**{"Webshop is down": mine})
    about = {"vm": "VM-01", "host": "esx1", "entity": "VM-01"}
    assert night.alarm("Webshop is down", "green", "red", **about).type == "vm.heartbeat.lost"
    assert night.alarm("Webshop is down", "red", "yellow", **about).type == "vcenter.alarm.changed"
    assert night.alarm("Webshop is down", "yellow", "green", **about).type == "vm.heartbeat.ok"
    assert night.alarm("Webshop is down", "green", "red").type == "vcenter.alarm.changed", "about a host"


def test_every_shipped_alarm_names_types_of_the_catalogue_about_its_kind_of_object():
    for alarm in alarms.shipped().values():
        for kind in (alarm.red, alarm.yellow, alarm.green):
            assert WORDS.types[kind].kind == alarm.entity


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["green", "yellow", "red", "gray"]))))
def test_a_recovery_is_told_exactly_when_a_green_leaves_nothing_raised(turns):
    meaning = Alarm(entity="host", red="bad", yellow="bad", green="good")
    colours, state = Colours(dict.fromkeys("abc", meaning)), {}
    for name, colour in turns:
        state[name] = colour
        quiet = not set(state.values()) & {"yellow", "red"}
        assert (colours.meaning("host", Turn(name, "host:x", colour, NOW)) == "good") == (colour == "green" and quiet)


# planned or not -----------------------------------------------------------------------------------------------------


def lost(night, after=60.0, host="esx1"):
    event = night.of("HostConnectionLostEvent", after=after, host=host)
    return event.data["planned"], event.data.get("because")


def test_a_host_that_is_lost_out_of_the_blue_is_no_plan():
    assert lost(Night()) == (False, None)


@pytest.mark.parametrize(
    ("kind", "because"),
    [
        ("EnteringMaintenanceModeEvent", "maintenance"),
        ("esx.audit.maintenancemode.entered", "maintenance"),
        ("DrsEnteredStandbyModeEvent", "standby"),
        ("HostShutdownEvent", "shutdown"),
        ("esx.audit.host.stop.reboot", "shutdown"),
    ],
)
def test_a_host_that_is_lost_in_maintenance_standby_or_after_a_shutdown_is_one_planned_story(kind, because):
    night = Night()
    night.of(kind, host="esx1.example")
    assert lost(night) == (True, because)
    assert lost(night, host="esx2") == (False, None), "not the others"


def test_maintenance_lasts_over_the_hosts_restart_and_ends_when_it_is_left():
    night = Night()
    night.of("EnteredMaintenanceModeEvent", host="esx1")
    night.of("HostShutdownEvent", host="esx1")
    assert lost(night)[0]
    night.of("esx.audit.host.boot", host="esx1")
    night.of("HostConnectedEvent", host="esx1")
    assert lost(night) == (True, "maintenance")
    night.of("ExitMaintenanceModeEvent", host="esx1")
    assert lost(night) == (False, None)


def test_a_shutdown_explains_what_follows_for_half_an_hour_and_until_the_host_is_back():
    night = Night()
    night.of("HostShutdownEvent", host="esx1")
    night.of("HostConnectedEvent", host="esx1")
    assert lost(night) == (False, None)
    late = Night()
    late.of("HostShutdownEvent", after=2000.0, host="esx1")
    assert lost(late, after=2000.0) == (False, None)


def test_vms_that_stop_with_a_host_that_is_shut_down_are_part_of_it_and_others_are_not():
    night = Night()
    night.of("HostShutdownEvent", host="esx1", user="EXAMPLE\\admin", chain=99)
    off = night.of("VmPoweredOffEvent", vm="VM-01", host="esx1")
    assert (off.data["planned"], off.data["because"]) == (True, "shutdown")
    assert night.of("VmPoweredOffEvent", vm="VM-02", host="esx2").data["planned"] is False


def test_a_host_that_was_in_maintenance_before_anybody_listened_is_known_to_be():
    night = Night()
    night.meaning.seed(["host:esx1"], NOW)
    assert lost(night) == (True, "maintenance")


def test_what_is_remembered_of_hosts_is_bounded():
    night = Night()
    for number in range(planning.MOST + 10):
        night.of("HostShutdownEvent", after=0.001, host=f"esx{number}")
    assert len(night.meaning._planning.open) == planning.MOST


@pytest.mark.parametrize(
    ("user", "who"),
    [
        ("toban@vsphere.local", "toban"),
        ("VSPHERE.LOCAL\\toban", "toban"),
        ("EXAMPLE\\tanaka", "person"),
        ("", "vcenter"),
        ("VSPHERE.LOCAL\\vpxd-extension-3f0c", "vcenter"),
    ],
)
def test_each_event_says_whether_a_person_toban_or_vcenter_was_behind_it(user, who):
    assert Night().of("VmPoweredOffEvent", user=user, vm="VM-01", chain=9).data["by"] == who


# what no table knows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "severity"), [("com.vendor.array.broken", "error"), ("esx.problem.new.thing", ""), ("x.y", "warning")]
)
def test_bad_news_that_no_table_knows_stays_visible_as_it_came(kind, severity):
    event = Night().of(kind, severity=severity, host="esx1", details={"argument.disk": "naa.1"})
    assert (event.type, event.subject, event.severity) == ("vcenter.unmapped", "host:esx1", Severity.WARNING)
    assert (event.data["event_id"], event.data["arguments"]) == (kind, {"disk": "naa.1"})


def test_chatter_that_no_table_knows_is_no_event():
    assert Night().of("UserLoginSessionEvent", user="EXAMPLE\\tanaka") is None
    assert Night().of("com.vendor.note", severity="info") is None


def test_an_event_of_the_table_that_lacks_its_object_is_not_lost():
    event = Night().of("HostConnectionLostEvent")
    assert (event.type, event.subject) == ("vcenter.unmapped", "vcenter:vc1")


def test_a_migration_says_where_from_and_where_to_by_the_hosts_definitions():
    event = Night().of("VmMigratedEvent", vm="VM-01", host="esx2", details={"sourceHost": "esx1.example"})
    assert (event.data["source_host"], event.data["host"]) == ("esx1", "esx2")
