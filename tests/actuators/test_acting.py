"""Effectors over real wires against the datacenter: what they refuse, what they do, what they prove."""

import pytest

from engine.model.command import State
from engine.model.errors import Permanent, Refused, TobanError
from tests.actuators.place import about_host, about_vm, command, migration, switch

# hosts --------------------------------------------------------------------------------------------------------------


def test_a_host_that_answers_is_not_taken_out(place):
    for verb in ("host.disconnect", "host.remove"):
        seen = place.look(about_host(place, verb))
        assert seen.state is State.REFUSED
        assert "connected" in seen.detail


def test_a_host_that_answers_again_after_the_look_is_neither_disconnected_nor_removed(place):
    for verb in ("host.disconnect", "host.remove"):
        with pytest.raises(Permanent, match="a host that answers is not taken out"):
            place.act(about_host(place, verb))
    assert place.world.ask({"do": "state"})["hosts"]["esx1"]["connection"] == "connected"


def test_a_dead_host_is_disconnected_and_removed_with_its_records(place):
    place.dead()
    for verb in ("host.disconnect", "host.remove"):
        assert place.look(about_host(place, verb)).state is State.READY
        after, references = place.act(about_host(place, verb))
        assert (after.state, len(references)) == (State.REACHED, 1)
    assert place.look(about_vm(place, "vm.power_on", "VM-01")).state is State.UNKNOWN


def test_a_host_by_another_name_is_not_taken_out(place):
    place.dead()
    seen = place.look(
        about_host(place, "host.remove", name="esx1", uuid=place.world.truth.hosts["esx2"].blade.slot.uuid)
    )
    assert seen.state is State.REFUSED


# VMs ----------------------------------------------------------------------------------------------------------------


def gone(place):
    place.dead()
    for verb in ("host.disconnect", "host.remove"):
        place.act(about_host(place, verb))


def registering(place, name):
    uuid = place.world.truth.hosts["esx2"].blade.slot.uuid
    return about_vm(place, "vm.register", name, host="esx2", host_uuid=uuid, pool_ref=None, folder_ref=None)


def test_a_vm_comes_back_on_the_other_host_and_a_second_order_changes_nothing(place):
    gone(place)
    order = registering(place, "VM-02")
    assert place.look(order).state is State.READY
    assert place.act(order)[0].state is State.REACHED
    assert place.act(order)[0].state is State.REACHED  # AlreadyExists is an answer
    start = about_vm(place, "vm.power_on", "VM-02")
    assert place.act(start)[0].facts["host"] == "esx2"
    assert place.act(start)[0].state is State.REACHED  # InvalidPowerState is an answer
    assert place.world.truth.runs_on("VM-02") == ["esx2"]
    assert place.world.ledger.violations() == []


def test_a_record_that_has_not_gone_is_in_doubt(place):
    place.dead()
    seen = place.look(registering(place, "VM-01"))
    assert seen.state is State.UNKNOWN
    assert "still recorded at esx1" in seen.detail


def test_moved_is_the_one_answer_that_is_given(place):
    gone(place)
    place.act(registering(place, "VM-01"))
    place.fault("vm-question", "VM-01")
    assert place.act(about_vm(place, "vm.power_on", "VM-01"))[0].state is State.REACHED
    assert [e["answer"] for e in place.world.ledger.entries() if e["what"] == "vm.answered"] == ["moved"]


def test_a_running_vm_moves_without_a_stop(place):
    after, references = place.act(migration(place))
    assert (after.state, len(references)) == (State.REACHED, 1)
    assert [e for e in place.world.ledger.entries() if e["what"] == "vm.stopped"] == []


def test_a_target_in_maintenance_is_refused_in_words(place):
    place.fault("maintenance-entered", "esx2")
    seen = place.look(migration(place))
    assert seen.state is State.REFUSED
    assert "esx2 is in maintenance mode" in seen.detail


def test_a_plan_that_time_has_overtaken_is_refused(place):
    place.act(migration(place))
    seen = place.look(migration(place, source="esx2", target="esx1"))
    assert seen.state is State.READY
    assert place.look(migration(place, source="esx3", target="esx1")).state is State.REFUSED
    assert place.look(about_vm(place, "vm.verify", "VM-01", not_on="esx1")).state is State.REACHED
    assert place.look(about_vm(place, "vm.await_ha", "VM-01", not_on="esx2")).state is State.BUSY


# rehearsal and notices ----------------------------------------------------------------------------------------------


def test_a_rehearsal_never_acts(place):
    order = switch(place)
    seen = place.run(lambda e: e.rehearsed["machine.power_off"].look(order))
    assert seen.state is State.REACHED
    assert "rehearsal: would do machine.power_off" in seen.detail
    with pytest.raises(Refused):
        place.act(order, rehearsed=True)
    assert [e for e in place.world.ledger.entries() if e["what"] == "bmc.order"] == []


def test_a_rehearsal_passes_on_what_would_be_refused(place):
    seen = place.run(lambda e: e.rehearsed["machine.power_off"].look(switch(place, serial="OTHER")))
    assert seen.state is State.REFUSED


def test_a_vm_on_a_full_datastore_is_named_and_starts_once_there_is_room(place):
    place.do("PowerOffVM_Task", "VM-01")
    uuid = place.world.truth.hosts["esx1"].blade.slot.uuid
    order = about_vm(place, "vm.power_on", "VM-01", host="esx1", host_uuid=uuid)
    place.fault("datastore-full", "san1")
    with pytest.raises(Permanent, match="NoDiskSpace"):
        place.act(order)
    assert place.look(order).state is State.READY
    place.fault("datastore-freed", "san1")
    assert place.act(order)[0].state is State.REACHED


def test_a_notice_is_written_once_whatever_happened_to_the_line_before_it(place):
    notice = command("notify.log", "group:esx", channel="oncall", template="failover", en="hello", ja="こんにちは")
    place.settings.notices.write_bytes(b'{"id": "torn')
    assert place.act(notice)[0].state is State.REACHED
    assert place.look(notice).state is State.REACHED
    assert place.settings.notices.read_bytes().count(b"hello") == 1


def test_an_unknown_vcenter_and_a_missing_parameter_are_said(place):
    assert (
        "no account for vCenter vc9"
        in place.look(about_vm(place, "vm.verify", "VM-01", vcenter="vc9", not_on="x")).detail
    )
    assert "has no target_uuid" in place.look(about_vm(place, "vm.migrate", "VM-01")).detail
    with pytest.raises(TobanError):
        place.act(about_vm(place, "vm.migrate", "VM-01"))
    with pytest.raises(Permanent):
        place.act(command("vm.register", "vm:x", template=True))
