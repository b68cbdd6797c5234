"""host.shutdown: only an emptied host in maintenance mode, and only its own BMC proves that it is off."""

import pytest

from engine.model.command import State
from engine.model.errors import Permanent, Refused
from tests.actuators.place import about_both, about_host

ENTER = "host.enter_maintenance"


def emptied(place, host="esx2"):
    place.empty(host)
    place.act(about_host(place, ENTER, host))
    return about_both(place, "host.shutdown", host)


def test_an_emptied_host_is_shut_down_and_its_bmc_read_off_twice(place):
    order = emptied(place)
    assert place.look(order).state is State.READY
    after, tasks = place.act(order)
    assert (after.state, after.facts["reads"], len(tasks)) == (State.REACHED, 2, 1)
    assert place.world.truth.blades["chassis1/2"].powered is False
    assert place.world.ledger.violations() == []
    place.until("esx2", "notResponding")
    assert place.look(order).state is State.REACHED, "vCenter's word is not needed for that"


def test_a_host_in_service_or_with_running_vms_is_not_shut_down(place):
    seen = place.look(about_both(place, "host.shutdown", "esx2"))
    assert (seen.state, "not in maintenance mode" in seen.detail) == (State.REFUSED, True)
    place.fault("maintenance-entered", "esx2")
    order = about_both(place, "host.shutdown", "esx2")
    seen = place.look(order)
    assert (seen.state, "VM-03 still run there" in seen.detail) == (State.REFUSED, True)
    with pytest.raises(Refused, match="must move first"):
        place.act(order)
    assert place.tasks("HostSystem.shutdown") == 0


def test_a_host_that_does_not_answer_is_not_shut_down_through_vcenter(place):
    place.fault("host-hang", "chassis1/1")
    place.until("esx1", "notResponding")
    seen = place.look(about_both(place, "host.shutdown"))
    assert (seen.state, "notResponding" in seen.detail) == (State.REFUSED, True)


@pytest.mark.parametrize("change", [{"serial": "BLD0000001"}, {"machine_uuid": "30000000-0000-4000-8000-000000000009"}])
def test_a_wrong_blade_behind_the_bmc_is_never_shut_down(place, change):
    emptied(place)
    order = about_both(place, "host.shutdown", "esx2", **change)
    assert place.look(order).state is State.REFUSED
    with pytest.raises(Refused, match="belongs to blade"):
        place.act(order)


def test_a_host_by_another_name_or_gone_is_not_shut_down(place):
    order = emptied(place)
    named = order.model_copy(update={"parameters": {**order.parameters, "name": "esx9"}})
    gone = order.model_copy(update={"parameters": {**order.parameters, "uuid": "00000000-0000-4000-8000-000000000000"}})
    assert place.look(named).state is place.look(gone).state is State.REFUSED


def test_without_its_bmc_nothing_can_be_proven(place):
    order = emptied(place)
    place.fault("bmc-dead", "chassis1/2")
    seen = place.look(order)
    assert (seen.state, "not proven off" in seen.detail) == (State.UNKNOWN, True)


def test_a_blind_vcenter_is_doubt(place):
    order = emptied(place)
    place.fault("vcenter-blind", "")
    assert place.look(order).state is State.UNKNOWN


def test_a_host_that_hangs_on_its_way_down_is_waited_for_and_not_told_twice(place):
    order = emptied(place)
    place.fault("shutdown-hangs", "chassis1/2")
    after, _ = place.act(order)
    assert (after.state, after.detail) == (State.BUSY, "esx2 is going down")
    assert [phase for phase, _ in place.live(order, deadline=2.0)][-1] == "unknown"
    assert place.tasks("HostSystem.shutdown") == 2, "one by hand above, one in this life"


def test_a_task_that_fails_is_said(place):
    order = emptied(place)
    place.fault("task-fails", "ShutdownHost_Task")
    with pytest.raises(Permanent, match="something broke"):
        place.act(order)
    assert place.world.truth.blades["chassis1/2"].powered is True


def test_a_lost_answer_is_found_again(place):
    order = emptied(place)
    place.fault("answer-lost", "ShutdownHost_Task")
    assert place.live(order)[-1][0] == "done"
    assert place.tasks("HostSystem.shutdown") == 1


def test_what_was_shut_down_can_be_switched_on_and_comes_back(place):
    from tests.actuators.place import switch

    place.act(emptied(place))
    place.until("esx2", "notResponding")
    place.act(switch(place, "machine.power_on", 2))
    assert place.live(about_host(place, "host.await_connected", "esx2"))[-1][0] == "done"
    assert place.act(about_host(place, "host.exit_maintenance", "esx2"))[0].state is State.REACHED


def test_a_rehearsal_shuts_nothing_down(place):
    order = emptied(place)
    assert "rehearsal: would do host.shutdown" in place.rehearse(order).detail
    with pytest.raises(Refused):
        place.act(order, rehearsed=True)
    assert place.tasks("HostSystem.shutdown") == 0
