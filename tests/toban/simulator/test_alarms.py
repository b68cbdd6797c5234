"""What the simulated vCenter shows of its alarms is what a real one promises, and what our client makes of it."""

from pathlib import Path

import pytest
from pyVmomi import vim

from engine.clients import vsphere, vsphere_alarms
from engine.clients.vsphere import Account
from tests.toban.simulator.client import hosts, query, spec, vms


@pytest.fixture
def session(world):
    account = Account(world.ready["vcenter"], "toban@vsphere.local", "duty-officer", Path(world.ready["ca"]))
    found = vsphere.log_in(account)
    yield found
    found.log_out()


def shown(target):
    return {(one.entity.name, one.alarm.info.name, one.overallStatus) for one in target.triggeredAlarmState}


def test_what_is_yellow_or_red_shows_at_its_object_and_everywhere_above_and_nowhere_else(world, client):
    world.faults.apply("alarm-red:Host hardware fan status", "esx1")
    world.faults.apply("alarm-yellow:Backup is late", "VM-01")
    world.faults.apply("alarm-green:Backup is late", "VM-02")
    fan, late = ("esx1", "Host hardware fan status", "red"), ("VM-01", "Backup is late", "yellow")
    content = client.RetrieveContent()
    assert shown(content.rootFolder) == {fan, late}
    assert shown(content.rootFolder.childEntity[0]) == {fan, late}
    assert shown(hosts(client)["esx1"]) == shown(hosts(client)["esx1"].parent) == {fan}
    assert shown(vms(client)["VM-01"]) == {late}
    assert shown(hosts(client)["esx2"]) == shown(vms(client)["VM-02"]) == set()
    declared = vms(client)["VM-02"].declaredAlarmState
    assert [(one.alarm.info.name, one.overallStatus) for one in declared] == [("Backup is late", "green")]


def test_an_alarm_is_one_object_for_all_it_looks_at_and_the_event_and_the_state_name_it(world, client):
    for host in ("esx1", "esx2"):
        world.faults.apply("alarm-red:Host hardware fan status", host)
    states = client.RetrieveContent().rootFolder.triggeredAlarmState
    assert len({one.alarm._moId for one in states}) == 1
    assert len({one.key for one in states}) == 2
    event = client.RetrieveContent().eventManager.latestEvent
    assert isinstance(event, vim.event.AlarmStatusChangedEvent)
    assert event.alarm.alarm in {one.alarm for one in states}
    assert abs((event.createdTime - states[-1].time).total_seconds()) < 1


def test_no_update_ever_tells_that_an_alarm_turned(world, client):
    collector = client.content.propertyCollector.CreatePropertyCollector()
    collector.CreateFilter(spec(client, vim.HostSystem, "triggeredAlarmState"), False)
    version = collector.WaitForUpdatesEx("", query.WaitOptions(maxWaitSeconds=1)).version
    world.faults.apply("alarm-red:Host hardware fan status", "esx1")
    assert collector.WaitForUpdatesEx(version, query.WaitOptions(maxWaitSeconds=1)) is None


def test_our_client_reads_names_kinds_and_times_of_all_that_is_triggered(world, session):
    assert vsphere_alarms.triggered(session) == []
    world.faults.apply("alarm-red:Host hardware fan status", "esx1")
    world.faults.apply("alarm-unheard-yellow:Backup is late", "VM-01")
    found = vsphere_alarms.triggered(session)
    assert [
        (one.name, vsphere_alarms.part_of(one.entity), one.entity_name, one.colour, one.acknowledged) for one in found
    ] == [
        ("Host hardware fan status", "host", "esx1", "red", False),
        ("Backup is late", "vm", "VM-01", "yellow", False),
    ]
    assert all(abs((session.now() - one.at).total_seconds()) < 5 for one in found)


def test_the_colour_of_one_alarm_on_one_object_is_read_and_what_is_gone_is_unknown(world, session):
    world.faults.apply("alarm-red:Host hardware fan status", "esx1")
    (before,) = vsphere_alarms.triggered(session)
    world.faults.apply("alarm-unheard-green:Host hardware fan status", "esx1")
    assert vsphere_alarms.triggered(session) == []
    entities = [before.entity, "HostSystem:host-999", "Nonsense:x", "VirtualMachine:vm-1"]
    found = vsphere_alarms.colours(session, entities)
    assert {key: colour for key, (colour, _) in found.items()} == {(before.entity, before.alarm): "green"}
    assert found[before.entity, before.alarm][1] > before.at


def test_an_object_that_goes_takes_its_alarms_along(world, session):
    world.faults.apply("alarm-red:Backup is late", "VM-01")
    center = world.center
    with center.truth.lock:
        center.registry.remove(center.inventory.vm_named("VM-01"))
    assert vsphere_alarms.triggered(session) == []
