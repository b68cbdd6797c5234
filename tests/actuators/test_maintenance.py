"""A live host leaves service only when it is empty, and is waited for when it comes back."""

from dataclasses import replace

import pytest

from actuators.vsphere.maintenance import carrying, deaf
from engine.clients.vsphere_reading import HostFacts
from engine.model.command import State
from engine.model.errors import Permanent, Refused
from tests.actuators.place import about_host

HOST = HostFacts("host-1", "esx2", "u1", "connected", "poweredOn", False, True, "pool", frozenset(), None)
ENTER, EXIT, AWAIT = "host.enter_maintenance", "host.exit_maintenance", "host.await_connected"


def test_an_empty_host_enters_and_leaves_maintenance_mode(place):
    place.empty("esx2")
    for verb, entered in ((ENTER, True), (EXIT, False)):
        order = about_host(place, verb, "esx2")
        assert place.look(order).state is State.READY
        after, tasks = place.act(order)
        assert (after.state, len(tasks)) == (State.REACHED, 1)
        assert place.host("esx2")["maintenance"] is entered
        assert place.act(order) == (place.look(order), []), "what holds already is not ordered again"


def test_a_host_with_running_vms_stays_in_service_and_they_are_named(place):
    seen = place.look(about_host(place, ENTER, "esx1"))
    assert seen.state is State.REFUSED
    assert "VM-01, VM-02 still run there" in seen.detail
    with pytest.raises(Refused, match="must move first"):
        place.act(about_host(place, ENTER, "esx1"))
    assert place.tasks("HostSystem.enterMaintenanceMode") == 0


@pytest.mark.parametrize("verb", [ENTER, EXIT])
def test_a_host_that_does_not_answer_takes_no_orders(place, verb):
    place.dead()
    seen = place.look(about_host(place, verb))
    assert seen.state is State.REFUSED
    assert "notResponding" in seen.detail


@pytest.mark.parametrize("verb", [ENTER, EXIT, AWAIT])
def test_a_host_that_is_not_there_or_goes_by_another_name_is_refused(place, verb):
    nobody = about_host(place, verb, uuid="00000000-0000-4000-8000-000000000000")
    assert place.look(nobody).state is State.REFUSED
    other = about_host(place, verb, uuid=place.world.truth.hosts["esx2"].blade.slot.uuid)
    assert place.look(other).state is State.REFUSED
    assert "identity in doubt" in place.look(other).detail


@pytest.mark.parametrize("verb", [ENTER, EXIT, AWAIT])
def test_a_blind_vcenter_is_doubt(place, verb):
    place.fault("vcenter-blind", "")
    assert place.look(about_host(place, verb)).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("host", "state"),
    [
        (HOST, None),
        (replace(HOST, maintenance=None), State.UNKNOWN),
        (replace(HOST, connection="unreadable"), State.UNKNOWN),
        (replace(HOST, connection="disconnected"), State.REFUSED),
        (replace(HOST, name="esx9"), State.REFUSED),
    ],
)
def test_who_takes_orders(host, state):
    found = deaf(host, "esx2")
    assert (found.state if found is not None else None) is state


@pytest.mark.parametrize(
    ("vms", "state"),
    [
        ({}, None),
        ({"a": "poweredOff", "b": "suspended"}, None),
        ({"a": "poweredOff", "b": "poweredOn"}, State.REFUSED),
        ({"a": "poweredOff", "b": "unknown"}, State.UNKNOWN),
    ],
)
def test_which_vms_keep_a_host_in_service(vms, state):
    found = carrying(vms)
    assert (found.state if found is not None else None) is state


def test_a_long_list_of_running_vms_is_cut():
    assert "and 4 more" in carrying({f"vm{n}": "poweredOn" for n in range(9)}).detail


def test_a_vm_that_starts_on_its_way_makes_vcenter_give_up_in_time(place):
    place.do("PowerOffVM_Task", "VM-03")
    order = about_host(place, ENTER, "esx2").model_copy(update={"deadline": 1.0})
    place.world.center.seconds = place.world.center.seconds.model_copy(update={"maintenance": 0.9})

    async def starts_meanwhile(effectors):
        async def called(reference):
            if reference.startswith("task-"):
                place.world.truth.start("VM-03", "esx2", "by hand")

        await effectors.armed[ENTER].act(order, called)

    with pytest.raises(Permanent, match="Timedout"):
        place.run(starts_meanwhile)
    assert place.host("esx2")["maintenance"] is False


def test_a_task_that_fails_is_said(place):
    place.empty("esx2")
    place.fault("task-fails", "EnterMaintenanceMode_Task")
    with pytest.raises(Permanent, match="something broke"):
        place.act(about_host(place, ENTER, "esx2"))


# waiting ------------------------------------------------------------------------------------------------------------


def test_a_host_is_waited_for_until_vcenter_shows_it_connected(place):
    place.dead()
    order = about_host(place, AWAIT)
    assert place.look(order).state is State.BUSY
    place.fault("blade-power-restored", "chassis1/1")
    assert place.live(order) == [("done", "esx1 is connected")]


def test_a_host_that_never_comes_back_ends_in_unknown_at_the_deadline(place):
    place.dead()
    place.fault("host-never-boots", "chassis1/1")
    place.fault("blade-power-restored", "chassis1/1")
    assert [phase for phase, _ in place.live(about_host(place, AWAIT), deadline=1.0)] == ["unknown"]


def test_waiting_never_acts(place):
    with pytest.raises(Refused, match="only looks"):
        place.act(about_host(place, AWAIT))


def test_a_rehearsal_of_what_rests_on_earlier_acts_says_what_it_would_do(place):
    for verb in (ENTER, AWAIT):
        seen = place.rehearse(about_host(place, verb))
        assert (seen.state, "rehearsal" in seen.detail) == (State.REACHED, True)
    assert place.tasks("HostSystem.enterMaintenanceMode") == 0
