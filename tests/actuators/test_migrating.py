"""vm.migrate of a VM that is off: the same checks as far as they apply, the same end."""

from dataclasses import replace

import pytest

from actuators.vsphere.migrating import Found, Wanted, judge
from engine.clients.vsphere_reading import HostFacts, VmFacts
from engine.model.command import State
from tests.actuators.place import migration

STORES = frozenset({"ds"})
SOURCE = HostFacts("host-1", "esx1", "u1", "connected", "poweredOn", False, True, "pool", STORES, None)
TARGET = replace(SOURCE, ref="host-2", name="esx2", uuid="u2")
VM = VmFacts("vm-1", "VM-01", "i1", "p", "poweredOff", "connected", SOURCE, None, None, STORES, None)
COLD = Wanted("VM-01", "esx1", "esx2", cold=True)


def test_a_vm_that_is_off_moves_cold_and_stays_off(place):
    place.do("PowerOffVM_Task", "VM-01")
    order = migration(place, cold=True)
    assert place.look(order).state is State.READY
    after, tasks = place.act(order)
    assert (after.state, after.facts["power"], len(tasks)) == (State.REACHED, "poweredOff", 1)
    assert place.world.ask({"do": "state"})["vms"]["VM-01"]["registered_on"] == "esx2"


def test_a_vm_that_was_started_since_the_plan_moves_hot(place):
    after, _ = place.act(migration(place, cold=True))
    assert (after.state, after.facts["power"]) == (State.REACHED, "poweredOn")
    assert place.happened("vm.stopped") == []


def test_a_vm_that_was_stopped_since_a_hot_plan_is_refused(place):
    place.do("PowerOffVM_Task", "VM-01")
    seen = place.look(migration(place))
    assert seen.state is State.REFUSED
    assert "only a running VM is migrated hot" in seen.detail


def test_a_vm_whose_disks_the_target_does_not_mount_does_not_move_cold_either(place):
    place.do("PowerOffVM_Task", "VM-01")
    with place.world.truth.lock:
        inventory = place.world.center.inventory
        inventory.set(inventory.vm_named("VM-01"), "datastore", [inventory.stores["local-esx1"]])
    seen = place.look(migration(place, cold=True))
    assert seen.state is State.REFUSED
    assert "does not mount every datastore" in seen.detail


@pytest.mark.parametrize(
    ("vm", "target", "state"),
    [
        (VM, TARGET, State.READY),
        (replace(VM, power="suspended"), TARGET, State.READY),
        (replace(VM, power="poweredOn"), replace(TARGET, vmotion=False), State.REFUSED),
        (VM, replace(TARGET, vmotion=False), State.READY),
        (VM, replace(TARGET, maintenance=True), State.REFUSED),
        (VM, replace(TARGET, maintenance=None), State.REFUSED),
        (VM, replace(TARGET, connection="notResponding"), State.REFUSED),
        (VM, None, State.REFUSED),
        (replace(VM, connection="inaccessible"), TARGET, State.REFUSED),
        (replace(VM, power="dreaming"), TARGET, State.UNKNOWN),
        (replace(VM, host=None), TARGET, State.UNKNOWN),
        (None, TARGET, State.UNKNOWN),
        (replace(VM, host=TARGET), TARGET, State.REACHED),
        (replace(VM, host=TARGET, connection="orphaned"), TARGET, State.UNKNOWN),
        (replace(VM, host=replace(TARGET, connection="notResponding")), TARGET, State.UNKNOWN),
        (replace(VM, host=replace(TARGET, name="esx3")), TARGET, State.REFUSED),
    ],
)
def test_what_the_records_allow_a_cold_move(vm, target, state):
    assert judge(Found(vm, target), COLD).state is state


def test_a_hot_move_is_only_done_when_the_vm_runs_there():
    hot = replace(COLD, cold=False)
    assert judge(Found(replace(VM, host=TARGET), TARGET), hot).state is State.UNKNOWN
    assert judge(Found(replace(VM, host=TARGET, power="poweredOn"), TARGET), hot).state is State.REACHED
