"""vm.relocate and vm.check_move: disks change datastores, running or at rest; no VM is put to rest in vain."""

import pytest

from engine.model.command import State
from engine.model.errors import Refused
from tests.actuators.place import Killed, migration
from tests.actuators.test_resting import resting, start


def rehousing(place, datastore, target="esx1", **more):
    order = migration(place, target=target, datastore=datastore, **more)
    return order.model_copy(update={"verb": "vm.relocate"})


def asking(place, rests, **more):
    return migration(place, rests=rests, cold=True, **more).model_copy(update={"verb": "vm.check_move"})


def placed(place, name="VM-01"):
    return place.vm(name).datastore, place.world.truth.runs_on(name)


def test_a_running_vm_takes_its_disks_to_another_datastore_of_its_host_without_a_stop(place):
    order = rehousing(place, "local-esx1")
    assert place.look(order).state is State.READY
    after, tasks = place.act(order)
    assert (after.state, after.facts["datastore"], len(tasks)) == (State.REACHED, "local-esx1", 1)
    assert (placed(place), place.happened("vm.stopped")) == (("local-esx1", ["esx1"]), [])
    assert place.look(order).state is State.REACHED


def test_a_vm_on_a_local_disk_is_shut_down_moved_with_its_disks_and_started_at_the_target(place):
    place.act(rehousing(place, "local-esx1"))
    at_rest = {"rests": "poweredOff", "cold": True}
    order = rehousing(place, "san1", target="esx2", **at_rest)
    away = asking(place, "poweredOff", datastore="san1")
    assert place.look(away).state is State.REACHED
    place.act(resting(place, "vm.shutdown"))
    moved, _ = place.act(order)
    assert (moved.state, moved.facts["power"]) == (State.REACHED, "poweredOff")
    awake, _ = place.act(start(place))
    assert (awake.state, placed(place)) == (State.REACHED, ("san1", ["esx2"]))
    assert place.world.ask({"do": "ledger"})["violations"] == []


@pytest.mark.parametrize(
    ("datastore", "target", "words"),
    [
        ("san9", "esx1", "esx1 mounts no datastore san9"),
        ("local-esx1", "esx2", "esx2 mounts no datastore local-esx1"),
    ],
)
def test_a_datastore_that_the_target_does_not_mount_is_refused(place, datastore, target, words):
    seen = place.look(rehousing(place, datastore, target=target))
    assert (seen.state, words in seen.detail) == (State.REFUSED, True)


def test_a_datastore_without_room_or_in_maintenance_is_refused_and_nothing_is_sent(place):
    inventory = place.world.center.inventory
    with place.world.truth.lock:
        inventory.set(inventory.stores["local-esx1"], "summary.freeSpace", 2**20)
    full = place.look(rehousing(place, "local-esx1"))
    assert (full.state, "takes 20480 MB, local-esx1 has 1 MB free" in full.detail) == (State.REFUSED, True)
    with place.world.truth.lock:
        inventory.set(inventory.stores["local-esx1"], "summary.maintenanceMode", "inMaintenance")
    assert "local-esx1 is inMaintenance" in place.look(rehousing(place, "local-esx1")).detail
    assert place.tasks("VirtualMachine.relocate") == 0


def test_a_vm_is_not_put_to_rest_for_a_move_that_would_be_refused(place):
    assert place.look(asking(place, "suspended")).state is State.REACHED
    place.fault("vmotion-off", "esx1")
    assert place.look(asking(place, "suspended")).state is State.REACHED
    place.world.truth.hosts["esx2"].mobility.cpu = 0
    awake = place.look(asking(place, "suspended"))
    assert (awake.state, "CPU lacks what the VM uses" in awake.detail) == (State.REFUSED, True)
    assert place.look(asking(place, "poweredOff")).state is State.REACHED
    place.world.truth.hosts["esx2"].mobility.newest_hardware = 13
    assert place.look(asking(place, "poweredOff")).state is State.REFUSED
    with pytest.raises(Refused, match="only looks"):
        place.act(asking(place, "poweredOff"))


def test_a_storage_migration_that_was_interrupted_is_adopted_and_made_once(place):
    order = rehousing(place, "local-esx1")
    for die_at in (2, 3):
        with pytest.raises(Killed):
            place.live(order, die_at=die_at)
    ended = place.live(order)
    assert ended[-1][0] == "done"
    assert place.tasks("VirtualMachine.relocate") == 1


def test_a_rehearsal_says_that_a_vm_at_rest_would_move_although_it_still_runs(place):
    place.fault("vmotion-off", "esx1")
    seen = place.rehearse(rehousing(place, "san1", target="esx2", rests="suspended", cold=True))
    assert (seen.state, "would do vm.relocate" in seen.detail) == (State.REACHED, True)
