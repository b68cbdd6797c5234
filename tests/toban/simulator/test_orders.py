"""The simulated vCenter carries out and refuses orders to VMs and hosts as the real one does, and the truth follows."""

import time

import pytest
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

from tests.toban.simulator.client import hosts, vms

ME = "toban@vsphere.local"


def events(client, kind):
    found = client.content.eventManager.QueryEvents(vim.event.EventFilterSpec())
    return [event for event in found if isinstance(event, kind)]


def until(says):
    end = time.monotonic() + 5
    while not says():
        assert time.monotonic() < end
        time.sleep(0.05)


def what(world, name):
    return [entry for entry in world.ledger.entries() if entry["what"] == name]


# VMs ----------------------------------------------------------------------------------------------------------------


def test_a_reset_starts_the_guest_anew_and_tells_who_asked(client, world):
    vm = vms(client)["VM-01"]
    booted = vm.runtime.bootTime
    task = vm.ResetVM_Task()
    WaitForTask(task)
    assert (vm.runtime.powerState, vm.runtime.bootTime) == ("poweredOn", booted)
    assert [entry["vm"] for entry in what(world, "vm.reset")] == ["VM-01"]
    (told,) = events(client, vim.event.VmResettingEvent)
    assert (told.userName, told.vm.name, told.chainId) == (ME, "VM-01", task.info.eventChainId)
    assert told.chainId != told.key


def test_a_vm_that_is_off_cannot_be_reset(client, world):
    vm = vms(client)["VM-01"]
    WaitForTask(vm.PowerOffVM_Task())
    with pytest.raises(vim.fault.InvalidPowerState) as caught:
        WaitForTask(vm.ResetVM_Task())
    assert caught.value.existingState == "poweredOff"


def test_a_suspended_vm_is_resumed_by_starting_it(client, world):
    vm = vms(client)["VM-01"]
    WaitForTask(vm.SuspendVM_Task())
    assert (vm.runtime.powerState, world.truth.runs_on("VM-01")) == ("suspended", [])
    assert events(client, vim.event.VmSuspendedEvent)[0].userName == ME
    with pytest.raises(vim.fault.InvalidPowerState):
        WaitForTask(vm.ResetVM_Task())
    WaitForTask(vm.PowerOnVM_Task())
    assert (vm.runtime.powerState, world.truth.runs_on("VM-01")) == ("poweredOn", ["esx1"])


@pytest.mark.parametrize("state", ["orphaned", "inaccessible"])
def test_a_vm_that_is_not_seen_takes_no_orders(client, world, state):
    world.ask({"do": "fault", "fault": f"vm-{state}", "target": "VM-01"})
    with pytest.raises(vim.fault.InvalidState):
        WaitForTask(vms(client)["VM-01"].ResetVM_Task())


def test_a_vm_that_is_off_moves_cold_with_the_event_of_a_relocation(client, world):
    vm, target = vms(client)["VM-01"], hosts(client)["esx2"]
    WaitForTask(vm.PowerOffVM_Task())
    WaitForTask(vm.RelocateVM_Task(vim.vm.RelocateSpec(host=target, pool=target.parent.resourcePool)))
    assert (vm.runtime.host.name, vm.runtime.powerState) == ("esx2", "poweredOff")
    (told,) = events(client, vim.event.VmRelocatedEvent)
    assert (told.sourceHost.name, told.host.name, told.userName) == ("esx1", "esx2", ME)
    assert events(client, vim.event.VmMigratedEvent) == []


def test_power_events_name_their_user_and_hang_on_their_task(client):
    vm = vms(client)["VM-01"]
    task = vm.PowerOffVM_Task()
    WaitForTask(task)
    (told,) = events(client, vim.event.VmPoweredOffEvent)
    assert (told.userName, told.chainId) == (ME, task.info.eventChainId)


def test_what_happens_by_itself_has_no_user(client, world):
    world.ask({"do": "fault", "fault": "blade-power-lost", "target": "esx1"})
    until(lambda: events(client, vim.event.HostConnectionLostEvent))
    (told,) = events(client, vim.event.HostConnectionLostEvent)
    assert (told.userName, told.chainId) == ("", told.key)


# maintenance --------------------------------------------------------------------------------------------------------


def emptied(client, name="esx2"):
    for vm in vms(client).values():
        if vm.runtime.host.name == name and vm.runtime.powerState == "poweredOn":
            WaitForTask(vm.PowerOffVM_Task())
    return hosts(client)[name]


def test_an_empty_host_enters_and_leaves_maintenance_with_all_its_events(client):
    host = emptied(client)
    with pytest.raises(vim.fault.InvalidState):
        host.ExitMaintenanceMode_Task(0)
    WaitForTask(host.EnterMaintenanceMode_Task(10, False))
    assert host.runtime.inMaintenanceMode
    with pytest.raises(vim.fault.InvalidState):
        host.EnterMaintenanceMode_Task(10, False)
    vm = next(vm for vm in vms(client).values() if vm.runtime.host == host)
    with pytest.raises(vim.fault.InvalidState):
        WaitForTask(vm.PowerOnVM_Task())
    WaitForTask(host.ExitMaintenanceMode_Task(0))
    assert not host.runtime.inMaintenanceMode
    kinds = (
        vim.event.EnteringMaintenanceModeEvent,
        vim.event.EnteredMaintenanceModeEvent,
        vim.event.ExitMaintenanceModeEvent,
    )
    told = [events(client, kind) for kind in kinds]
    assert [[(event.host.name, event.userName) for event in found] for found in told] == [[("esx2", ME)]] * 3
    assert told[0][0].chainId == told[1][0].chainId != told[2][0].chainId


def test_entering_waits_for_running_vms_and_goes_on_when_they_have_left(client, world):
    host = hosts(client)["esx2"]
    task = host.EnterMaintenanceMode_Task(30, False)
    time.sleep(0.8)
    assert (task.info.state, host.runtime.inMaintenanceMode) == ("running", False)
    WaitForTask(vms(client)["VM-03"].PowerOffVM_Task())
    WaitForTask(task)
    assert host.runtime.inMaintenanceMode


def test_entering_gives_up_after_its_time_out(client):
    host = hosts(client)["esx2"]
    with pytest.raises(vim.fault.Timedout):
        WaitForTask(host.EnterMaintenanceMode_Task(1, False))
    assert not host.runtime.inMaintenanceMode


def test_with_everything_to_be_evacuated_a_vm_that_is_off_keeps_the_host_waiting(client):
    host = emptied(client)
    with pytest.raises(vim.fault.Timedout):
        WaitForTask(host.EnterMaintenanceMode_Task(1, True))


# shutdown and return ------------------------------------------------------------------------------------------------


def test_a_host_in_service_is_not_shut_down_without_force(client):
    with pytest.raises(vim.fault.InvalidState):
        hosts(client)["esx2"].ShutdownHost_Task(False)


def test_a_shutdown_takes_the_blades_power_and_the_host_returns_when_it_is_switched_on(client, world):
    host = emptied(client)
    WaitForTask(host.EnterMaintenanceMode_Task(10, False))
    WaitForTask(host.ShutdownHost_Task(False))
    (told,) = events(client, vim.event.HostShutdownEvent)
    assert (told.host.name, told.userName, bool(told.reason)) == ("esx2", ME, True)
    until(lambda: not world.truth.blades["chassis1/2"].powered)
    until(lambda: host.runtime.connectionState == "notResponding")
    assert host.runtime.powerState == "poweredOff"
    assert world.ledger.violations() == []
    assert [entry["number"] for entry in what(world, "trap.sent")] == [22070], "switched off, not lost"
    world.truth.feed("chassis1/2", "test")
    until(lambda: host.runtime.connectionState == "connected")
    assert (host.runtime.powerState, host.runtime.inMaintenanceMode) == ("poweredOn", True)


def test_a_forced_shutdown_under_running_vms_is_done_and_noted_as_what_must_never_happen(client, world):
    WaitForTask(hosts(client)["esx2"].ShutdownHost_Task(True))
    until(lambda: not world.truth.blades["chassis1/2"].powered)
    assert [entry["rule"] for entry in world.ledger.violations()] == ["healthy-host-powered-off"]


def test_a_host_that_is_out_of_reach_takes_no_orders(client, world):
    world.ask({"do": "fault", "fault": "network-isolated", "target": "esx1"})
    host = hosts(client)["esx1"]
    until(lambda: host.runtime.connectionState == "notResponding")
    for order in (
        lambda: host.EnterMaintenanceMode_Task(1, False),
        lambda: host.ExitMaintenanceMode_Task(1),
        lambda: host.ShutdownHost_Task(True),
    ):
        with pytest.raises((vmodl.fault.HostCommunication, vim.fault.InvalidHostConnectionState)):
            order()


def test_a_host_that_never_boots_stays_away(client, world):
    world.ask({"do": "fault", "fault": "host-never-boots", "target": "esx1"})
    world.ask({"do": "fault", "fault": "blade-power-lost", "target": "esx1"})
    host = hosts(client)["esx1"]
    until(lambda: host.runtime.connectionState == "notResponding")
    world.ask({"do": "fault", "fault": "blade-power-restored", "target": "esx1"})
    time.sleep(1.0)
    assert world.truth.blades["chassis1/1"].powered
    assert host.runtime.connectionState == "notResponding"


# knobs --------------------------------------------------------------------------------------------------------------


def test_a_task_can_be_made_to_fail_once(client, world):
    world.ask({"do": "fault", "fault": "task-fails", "target": "ResetVM_Task"})
    vm = vms(client)["VM-01"]
    with pytest.raises(vmodl.fault.SystemError, match="something broke"):
        WaitForTask(vm.ResetVM_Task())
    assert what(world, "vm.reset") == []
    WaitForTask(vm.ResetVM_Task())


def test_an_answer_can_be_lost_although_the_order_is_carried_out(client, world):
    world.ask({"do": "fault", "fault": "answer-lost", "target": "ResetVM_Task"})
    with pytest.raises(Exception, match="Remote end closed"):
        vms(client)["VM-01"].ResetVM_Task()
    until(lambda: len(what(world, "vm.reset")) == 1)


@pytest.mark.parametrize(
    ("fault", "target"),
    [("task-fails", "NoSuch_Task"), ("answer-lost", ""), ("vm-orphaned", "VM-99"), ("bmc-says:Off", "chassis9/1")],
)
def test_a_knob_without_its_target_says_what_is_wrong(world, fault, target):
    assert "error" in world.ask({"do": "fault", "fault": fault, "target": target})


def test_a_lost_task_is_found_by_its_object_and_its_time(client):
    vm, other = vms(client)["VM-01"], vms(client)["VM-02"]
    WaitForTask(vm.ResetVM_Task())
    begin = client.CurrentTime()
    WaitForTask(other.ResetVM_Task())
    task = vm.PowerOffVM_Task()
    WaitForTask(task)
    wanted = vim.TaskFilterSpec(
        entity=vim.TaskFilterSpec.ByEntity(entity=vm, recursion="self"),
        time=vim.TaskFilterSpec.ByTime(timeType="queuedTime", beginTime=begin),
    )
    collector = client.content.taskManager.CreateCollectorForTasks(wanted)
    assert [info.task for info in collector.ReadNextTasks(10)] == [task]
    assert not collector.ReadNextTasks(10)
    collector.DestroyCollector()
