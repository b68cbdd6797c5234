"""vm.restart over the wire: the right start for each state, every refusal in words, never a second reset by mistake."""

from dataclasses import replace

import pytest

from actuators.vsphere.restarting import judge, resumed
from actuators.vsphere.tasks import Fate
from engine.clients.vsphere_reading import HostFacts, Question, VmFacts
from engine.model.command import State
from engine.model.errors import Permanent, Refused
from tests.actuators.place import about_vm

HOST = HostFacts("host-1", "esx1", "u1", "connected", "poweredOn", False, True, "pool", frozenset(), None)
VM = VmFacts("vm-1", "VM-01", "i1", "p", "poweredOn", "connected", HOST, "boot", None, frozenset(), None)


def restart(place, name="VM-01", host="esx1", **more):
    uuid = place.world.truth.hosts[host].blade.slot.uuid
    return about_vm(place, "vm.restart", name, **{"host": host, "host_uuid": uuid, **more})


def test_a_running_vm_is_reset_once_and_only_its_task_proves_it(place):
    order = restart(place)
    assert place.look(order).state is State.READY
    after, tasks = place.act(order)
    assert (after.state, len(tasks)) == (State.REACHED, 1)
    assert len(place.happened("vm.reset", vm="VM-01")) == 1
    assert place.look(order).state is State.READY, "a running VM alone proves nothing"


@pytest.mark.parametrize(("method", "power"), [("PowerOffVM_Task", "poweredOff"), ("SuspendVM_Task", "suspended")])
def test_a_vm_that_is_off_or_suspended_is_started(place, method, power):
    place.do(method, "VM-01")
    assert place.look(restart(place)).facts["power"] == power
    assert place.act(restart(place))[0].state is State.REACHED
    assert place.power("VM-01") == "poweredOn"
    assert place.happened("vm.reset") == []


def test_a_vm_is_not_restarted_where_it_is_not_expected(place):
    seen = place.look(restart(place, host="esx2"))
    assert seen.state is State.REFUSED
    assert "VM-01 is at esx1 by now, not at esx2" in seen.detail
    with pytest.raises(Refused, match="out of date"):
        place.act(restart(place, host="esx2"))
    assert place.happened("vm.reset") == []


@pytest.mark.parametrize("state", ["orphaned", "inaccessible"])
def test_a_vm_that_vcenter_cannot_see_is_not_restarted(place, state):
    place.fault(f"vm-{state}", "VM-01")
    seen = place.look(restart(place))
    assert seen.state is State.REFUSED
    assert f"VM-01 is {state} at esx1" in seen.detail


def test_a_vm_on_a_host_that_does_not_answer_is_not_restarted(place):
    place.dead()
    assert place.look(restart(place)).state is State.REFUSED


def test_a_vm_that_is_unknown_to_vcenter_is_in_doubt(place):
    assert place.look(restart(place, instance_uuid="00000000-0000-4000-8000-000000000000")).state is State.UNKNOWN


def test_a_vm_that_asks_something_is_not_reset(place):
    asked = replace(VM, question=Question("1", "msg.disk.full", ()))
    seen = judge(asked, "VM-01", "esx1", "u1")
    assert seen.state is State.REFUSED
    assert "msg.disk.full" in seen.detail


@pytest.mark.parametrize(
    ("vm", "state"),
    [
        (replace(VM, power="sleeping"), State.UNKNOWN),
        (replace(VM, connection="odd"), State.UNKNOWN),
        (replace(VM, host=None), State.UNKNOWN),
        (replace(VM, host=replace(HOST, connection="odd")), State.UNKNOWN),
        (replace(VM, connection="invalid"), State.REFUSED),
        (replace(VM, host=replace(HOST, connection="disconnected")), State.REFUSED),
        (replace(VM, power="poweredOff", host=replace(HOST, maintenance=True)), State.REFUSED),
        (replace(VM, power="poweredOff", host=replace(HOST, maintenance=None)), State.REFUSED),
        (replace(VM, host=replace(HOST, uuid="u2")), State.REFUSED),
        (replace(VM, power="suspended"), State.READY),
        (VM, State.READY),
    ],
)
def test_what_a_record_allows(vm, state):
    assert judge(vm, "VM-01", "esx1", "U1").state is state


TRAIL = "after 2026-11-24T00:00:00+00:00 VirtualMachine:vm-1 reset,powerOn"


@pytest.mark.parametrize(
    ("vm", "fate", "reference", "state"),
    [
        (VM, Fate("task-1", "running"), TRAIL, State.BUSY),
        (VM, Fate("task-1", "queued"), "task-1", State.BUSY),
        (VM, Fate("task-1", "success"), TRAIL, State.REACHED),
        (replace(VM, power="poweredOff"), Fate("task-1", "success"), "task-1", State.UNKNOWN),
        (VM, Fate("task-1", "error", "SystemError"), "task-1", None),
        (VM, None, TRAIL, None),
        (VM, None, "task-1", State.UNKNOWN),
        (replace(VM, power="poweredOff"), None, "task-1", None),
    ],
)
def test_what_an_order_of_an_earlier_life_came_to(vm, fate, reference, state):
    found = resumed(vm, fate, reference)
    assert (found.state if found is not None else None) is state


def test_a_reset_whose_answer_is_lost_is_found_again_and_not_repeated(place):
    place.fault("answer-lost", "ResetVM_Task")
    told = place.live(restart(place))
    assert [phase for phase, _ in told] == ["start", "called", "verified", "done"]
    assert len(place.happened("vm.reset")) == place.tasks("VirtualMachine.reset") == 1


def test_a_task_that_fails_is_said_and_not_taken_for_a_restart(place):
    place.fault("task-fails", "ResetVM_Task")
    with pytest.raises(Permanent, match="something broke"):
        place.act(restart(place))
    assert place.happened("vm.reset") == []


def test_a_vm_that_a_person_resets_meanwhile_counts_as_restarted(place):
    begin = place.run(lambda e: e._vcenters.ask("vc1", lambda s: s.now()))
    ref = place.look(restart(place)).facts["vm"]
    place.do("ResetVM_Task", "VM-01")
    trail = f"after {begin.isoformat()} VirtualMachine:{ref} reset,powerOn"
    assert place.look(restart(place), trail).state is State.REACHED


def test_a_lock_that_somebody_holds_is_a_reason_to_stop(place, monkeypatch):
    monkeypatch.setattr("actuators.vsphere.starting.LOCK_PATIENCE", 0.0)
    place.do("PowerOffVM_Task", "VM-01")
    place.world.truth.hosts["esx2"].running.add("VM-01")
    with pytest.raises(Permanent, match="somebody still holds the disks of VM-01"):
        place.act(restart(place))


def test_a_rehearsed_restart_says_what_it_would_do_and_passes_on_what_it_would_refuse(place):
    assert "rehearsal: would do vm.restart on vm:VM-01" in place.rehearse(restart(place)).detail
    assert place.rehearse(restart(place, host="esx2")).state is State.REFUSED
    assert place.tasks("VirtualMachine.reset") == 0
