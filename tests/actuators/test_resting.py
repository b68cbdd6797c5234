"""Moves without vMotion: a VM is suspended or shut down, moved as it is, and started at the target."""

from dataclasses import replace

import pytest

from actuators.vsphere.stopping import Rest, Shutdown, judge
from engine.clients.vsphere_reading import Question
from engine.model.command import State
from engine.model.errors import Permanent
from tests.actuators.place import about_vm, migration
from tests.actuators.test_migrating import SOURCE, VM
from toban.simulator.vcenter import endpoint

RUNS = replace(VM, power="poweredOn")
SLEEP = Rest("VM-01", "esx1", "u1", "suspended")


def resting(place, verb, **more):
    uuid = place.world.truth.hosts["esx1"].blade.slot.uuid
    return about_vm(place, verb, "VM-01", host="esx1", host_uuid=uuid, **more)


def start(place, on="esx2"):
    uuid = place.world.truth.hosts[on].blade.slot.uuid
    return about_vm(place, "vm.power_on", "VM-01", host=on, host_uuid=uuid)


def test_quick_migration_suspends_moves_and_resumes_and_no_second_copy_ever_runs(place):
    asleep, tasks = place.act(resting(place, "vm.suspend"))
    assert (asleep.state, len(tasks), place.power("VM-01")) == (State.REACHED, 1, "suspended")
    moved, _ = place.act(migration(place, cold=True))
    assert (moved.state, moved.facts["power"]) == (State.REACHED, "suspended")
    awake, _ = place.act(start(place))
    assert (awake.state, awake.facts["host"]) == (State.REACHED, "esx2")
    assert place.world.truth.runs_on("VM-01") == ["esx2"]
    assert place.world.ask({"do": "ledger"})["violations"] == []


def test_a_vm_that_could_not_be_moved_is_started_again_where_it_was(place):
    place.act(resting(place, "vm.suspend"))
    back, _ = place.act(start(place, on="esx1"))
    assert (back.state, back.facts["host"]) == (State.REACHED, "esx1")


def test_a_guest_is_asked_to_shut_down_and_what_is_off_already_is_left_alone(place):
    off, _ = place.act(resting(place, "vm.shutdown"))
    assert (off.state, place.power("VM-01")) == (State.REACHED, "poweredOff")
    assert place.look(resting(place, "vm.shutdown")).state is State.REACHED


@pytest.mark.parametrize(("force", "power"), [(False, "poweredOn"), (True, "poweredOff")])
def test_a_guest_that_does_not_obey_is_switched_off_only_if_that_was_allowed(place, force, power, monkeypatch):
    monkeypatch.setitem(endpoint.METHODS, "ShutdownGuest", lambda *_: None)
    order = resting(place, "vm.shutdown", force=force)

    async def called(reference):
        return None

    async def act(effectors):
        hurried = Shutdown(effectors.armed["vm.shutdown"]._world, guest_time=0.2)
        try:
            await hurried.act(order, called)
        except Permanent as error:
            return str(error)
        return ""

    said = place.run(act)
    assert ("did not shut down within" in said) is not force
    assert place.power("VM-01") == power


@pytest.mark.parametrize(
    ("vm", "state", "word"),
    [
        (RUNS, State.READY, "runs at esx1"),
        (replace(RUNS, power="suspended"), State.REACHED, "is suspended at esx1"),
        (replace(RUNS, power="poweredOff"), State.REFUSED, "only a running VM is put to rest"),
        (replace(RUNS, host=replace(SOURCE, name="esx3", uuid="u3")), State.REFUSED, "the plan is out of date"),
        (replace(RUNS, connection="disconnected"), State.REFUSED, "is disconnected at esx1"),
        (replace(RUNS, host=replace(SOURCE, connection="notResponding")), State.REFUSED, "is notResponding"),
        (replace(RUNS, question=Question("1", "which disk?", ())), State.REFUSED, "waits for an answer"),
        (replace(RUNS, host=None), State.UNKNOWN, "no readable record"),
        (None, State.UNKNOWN, "no readable record"),
    ],
)
def test_what_the_record_says_decides_whether_a_vm_is_put_to_rest(vm, state, word):
    seen = judge(vm, SLEEP)
    assert seen.state is state
    assert word in seen.detail


@pytest.mark.parametrize("at", range(1, 6))
def test_a_suspend_that_was_killed_at_any_record_is_done_once(place, at):
    order = resting(place, "vm.suspend")
    try:
        place.live(order, die_at=at)
    except BaseException as error:  # noqa: BLE001  the process died here
        assert type(error).__name__ == "Killed"
    assert place.live(order)[-1][0] == "done"
    assert place.tasks("VirtualMachine.suspend") == 1
