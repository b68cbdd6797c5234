"""Each verb of a process that dies around its order ends in the same state, and nothing is ordered twice."""

import pytest

from engine.bus import subjects
from engine.bus.memory import MemoryBus
from engine.clock import SystemClock
from tests.actuators.place import Killed, about_both, about_host, about_vm, command, migration, switch

BOUNDARIES = [(1, True), (2, False), (2, True), (3, False), (3, True)]
"""(record, durable): START; the trail before the order; the task's id after it."""


def restart(place):
    uuid = place.world.truth.hosts["esx1"].blade.slot.uuid
    return about_vm(place, "vm.restart", "VM-01", host="esx1", host_uuid=uuid), "VirtualMachine.reset"


def start(place):
    place.do("PowerOffVM_Task", "VM-01")
    return restart(place)[0], "VirtualMachine.powerOn"


def hot_move(place):
    return migration(place), "VirtualMachine.relocate"


def cold_move(place):
    place.do("PowerOffVM_Task", "VM-01")
    return migration(place, cold=True), "VirtualMachine.relocate"


def enter(place):
    place.empty("esx2")
    return about_host(place, "host.enter_maintenance", "esx2"), "HostSystem.enterMaintenanceMode"


def leave(place):
    place.fault("maintenance-entered", "esx1")
    return about_host(place, "host.exit_maintenance", "esx1"), "HostSystem.exitMaintenanceMode"


def disconnect(place):
    place.dead()
    return about_host(place, "host.disconnect"), "HostSystem.disconnect"


def remove(place):
    place.dead()
    return about_host(place, "host.remove"), "HostSystem.destroy"


def shutdown(place):
    place.empty("esx2")
    place.fault("maintenance-entered", "esx2")
    return about_both(place, "host.shutdown", "esx2"), "HostSystem.shutdown"


STORIES = [restart, start, hot_move, cold_move, enter, leave, shutdown, disconnect, remove]


@pytest.mark.parametrize("boundary", BOUNDARIES, ids=["start", "no-trail", "trail", "no-task", "task"])
@pytest.mark.parametrize("story", STORIES)
def test_a_death_around_an_order_to_vcenter_repeats_nothing(place, story, boundary):
    order, kind = story(place)
    with pytest.raises(Killed):
        place.live(order, *boundary)
    sent = place.tasks(kind)
    assert sent == (boundary[0] == 3)
    told = place.live(order)
    assert told[-1][0] == "done", told
    assert place.tasks(kind) == 1
    assert place.world.ledger.violations() == []


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_death_around_switching_on_repeats_nothing(place, at):
    place.dead()
    order = switch(place, "machine.power_on")
    with pytest.raises(Killed):
        place.live(order, at)
    assert place.live(order)[-1][0] == "done"
    assert len(place.happened("bmc.order", reset="On")) == 1


@pytest.mark.parametrize("at", [1, 2])
def test_a_death_around_a_mark_leaves_one_mark(place, at):
    order = command("object.mark", "host:esx1", status="faulted", text="its fan failed")
    with pytest.raises(Killed):
        place.live(order, at)
    assert place.live(order)[-1][0] == "done"

    async def stored(_):
        bus = MemoryBus(SystemClock(), place.storage)
        return [record async for record in bus.replay(subjects.ALL_INVENTORY)]

    assert len(place.run(stored)) == 1


@pytest.mark.parametrize("verb", ["host.diagnose", "host.await_connected"])
def test_what_only_looks_has_nothing_to_resume(place, verb):
    place.fault("host-hang", "chassis1/1")
    if verb == "host.diagnose":
        place.until("esx1", "notResponding")
    order = about_both(place, verb, peers=[{"vcenter": "vc1", "name": "esx2"}])
    with pytest.raises(Killed):
        place.live(order, 1, durable_first=False, deadline=0.5)
    place.fault("host-recovered", "chassis1/1") if verb == "host.await_connected" else None
    assert place.live(order)[-1][0] == "done"
