"""What our hands on vSphere promise, held over the wire against any endpoint (see tests/contracts/vsphere.py)."""

from dataclasses import replace

import pytest
from pyVmomi import vim, vmodl

from actuators.vsphere.trails import About, Trail
from engine.clients import vsphere_guests, vsphere_moving, vsphere_orders, vsphere_reading, vsphere_tasks
from engine.clients.vsphere_moving import Journey
from engine.model.command import State
from tests.contracts.vsphere import done, finished, handled, host_of, off, on, ordered, some_vm


def test_a_hot_migration_ends_on_its_target_without_a_stop(session, endpoint, tmp_path):
    known = some_vm(session)
    vm = vsphere_reading.vm_by_uuid(session, known.get("config.instanceUuid"))
    others = [
        row for row in session.read(vim.HostSystem, ("name", "hardware.systemInfo.uuid")) if row.ref != vm.host.ref
    ]
    target = others[0]
    parameters = {
        "name": vm.name,
        "instance_uuid": vm.instance_uuid,
        "source": vm.host.name,
        "target": target.get("name"),
        "target_uuid": target.get("hardware.systemInfo.uuid").lower(),
    }
    command = ordered("vm.migrate", f"vm:{vm.name}", parameters)

    async def work(hands):
        before = await hands.look(command)
        if "VMotion is off" in before.detail:
            endpoint.needs_ours("its hosts say that VMotion is off, which is refused as it must be")
        assert before.state is State.READY, before
        await hands.act(command)
        return await hands.look(command)

    after, tasks = handled(endpoint, tmp_path, command.verb, work)
    assert (after.state, after.facts["host"]) == (State.REACHED, target.get("name"))
    assert len(tasks) == 1


def test_a_move_is_checked_by_the_vcenter_itself_and_what_it_lacks_is_told_apart(session, endpoint):
    vm = vsphere_reading.vm_by_uuid(session, some_vm(session).get("config.instanceUuid"))
    target = next(row for row in session.read(vim.HostSystem, ("name",)) if row.ref != vm.host.ref)
    journey = Journey(vm.ref, target.ref, None)
    task = vsphere_moving.check(session, journey)
    assert finished(session, task).state == "success"
    assert vsphere_moving.verdict(session, task).errors == ()
    assert vsphere_reading.vm_by_uuid(session, vm.instance_uuid).host.ref == vm.host.ref
    rests = replace(journey, power="poweredOff")
    if endpoint.ours:
        task = vsphere_moving.check(session, rests)
        assert finished(session, task).state == "success"
    else:  # the checker of the third party knows relocations only
        with pytest.raises(vmodl.fault.MethodNotFound):
            vsphere_moving.check(session, rests)


def with_a_choice(session):
    """A running VM whose host has more than one datastore, wherever tests before this one have moved VMs."""
    rows = session.read(vim.VirtualMachine, ("config.instanceUuid", "runtime.powerState"))
    on_now = (row for row in rows if row.get("runtime.powerState") == "poweredOn")
    known = (vsphere_reading.vm_by_uuid(session, row.get("config.instanceUuid")) for row in on_now)
    return next(vm for vm in known if len(vm.host.datastores) > 1)


def test_a_running_vm_goes_to_another_datastore_of_its_host_and_back(session, endpoint, tmp_path):
    vm = with_a_choice(session)
    names = {row.ref: row.get("name") for row in session.read(vim.Datastore, ("name",))}
    (home,) = vm.datastores
    other = next(ref for ref in sorted(vm.host.datastores) if ref != home)
    assert vsphere_moving.store(session, vm.host, names[other]).ref == other
    assert vsphere_moving.store(session, vm.host, "nowhere") is None
    assert vsphere_moving.disks(session, vm.ref).stores <= {home}
    for store in (other, home):
        journey = Journey(vm.ref, vm.host.ref, None, store)
        checked = vsphere_moving.check(session, journey)
        assert finished(session, checked).state == "success"
        assert vsphere_moving.verdict(session, checked).errors == ()
        assert finished(session, vsphere_orders.relocate(session, journey)).state == "success"
        after = vsphere_reading.vm_by_uuid(session, vm.instance_uuid)
        assert (after.datastores, after.host.ref, after.power) == ({store}, vm.host.ref, "poweredOn")
    endpoint.needs_ours("after a relocation its path and its disks still name the old datastore")
    where = {"source": vm.host.name, "target": vm.host.name, "target_uuid": vm.host.uuid, "datastore": names[other]}
    named = {"name": vm.name, "instance_uuid": vm.instance_uuid, "path": vm.path}
    after, tasks = done(endpoint, tmp_path, ordered("vm.relocate", f"vm:{vm.name}", {**named, **where}))
    assert (after.state, after.facts["datastore"], len(tasks)) == (State.REACHED, names[other], 1)
    assert vsphere_moving.disks(session, vm.ref).stores == {other}
    finished(session, vsphere_orders.relocate(session, Journey(vm.ref, vm.host.ref, None, home)))


def test_a_guest_is_read_with_the_time_of_its_start_and_none_of_a_vm_that_is_not_there(session):
    uuid = some_vm(session).get("config.instanceUuid")
    found = vsphere_guests.guest(session, uuid)
    assert (found.power, found.tools.startswith("guestTools")) == ("poweredOn", True)
    assert found.started is None or found.started <= session.now()
    assert vsphere_guests.guest(session, "50000000-0000-4000-8000-0000000000ff") is None


def test_the_datacenter_of_a_host_is_found_by_walking_up(session):
    vm = vsphere_reading.vm_by_uuid(session, some_vm(session).get("config.instanceUuid"))
    target = next(row for row in session.read(vim.HostSystem, ("name",)) if row.ref != vm.host.ref)
    other = vsphere_reading.host_by_name(session, target.get("name"))
    found = vsphere_moving.around(session, vm, other)
    (center,) = session.read(vim.Datacenter, ("name",))
    assert found.source_center == found.target_center == (center.ref, center.get("name"))
    assert found.names == {}


def test_a_running_vm_is_reset_and_one_that_is_off_or_suspended_is_started(session, endpoint, tmp_path):
    vm = vsphere_reading.vm_by_uuid(session, some_vm(session).get("config.instanceUuid"))
    named = {"name": vm.name, "instance_uuid": vm.instance_uuid, "path": vm.path}
    order = ordered("vm.restart", f"vm:{vm.name}", {**named, "host": vm.host.name, "host_uuid": vm.host.uuid})
    for before in ("running", "off", "suspended"):
        if before == "off":
            off(session, vm.ref)
        if before == "suspended":
            finished(session, session.managed(vim.VirtualMachine, vm.ref).SuspendVM_Task()._moId)
        after, tasks = done(endpoint, tmp_path, order)
        assert (before, after.state, len(tasks)) == (before, State.REACHED, 1)
        assert vsphere_reading.vm_by_uuid(session, vm.instance_uuid).runs


def test_the_task_of_an_order_whose_answer_was_lost_is_found_by_its_trail(session):
    ref = some_vm(session).ref
    trail = Trail.before(session.now(), About("VirtualMachine", ref, ("reset",)))
    assert trail.newest(vsphere_tasks.since(session, "VirtualMachine", ref, session.now())) is None
    task = vsphere_orders.reset(session, ref)
    finished(session, task)
    found = trail.newest(vsphere_tasks.since(session, "VirtualMachine", ref, trail.begin))
    assert (found.ref, found.state, found.fault) == (task, "success", "")


def test_a_vm_that_is_off_moves_cold(session, endpoint, tmp_path):
    vm = vsphere_reading.vm_by_uuid(session, some_vm(session).get("config.instanceUuid"))
    hosts = session.read(vim.HostSystem, ("name", "hardware.systemInfo.uuid"))
    target = next(row for row in hosts if row.ref != vm.host.ref)
    where = {
        "source": vm.host.name,
        "target": target.get("name"),
        "target_uuid": target.get("hardware.systemInfo.uuid").lower(),
        "cold": True,
    }
    named = {"name": vm.name, "instance_uuid": vm.instance_uuid, "path": vm.path}
    off(session, vm.ref)
    try:
        after, tasks = done(endpoint, tmp_path, ordered("vm.migrate", f"vm:{vm.name}", {**named, **where}))
    finally:
        on(session, vm.ref)
    assert (after.state, after.facts["power"], len(tasks)) == (State.REACHED, "poweredOff", 1)
    assert vsphere_reading.vm_by_uuid(session, vm.instance_uuid).host.ref == target.ref


@pytest.mark.parametrize(("verb", "power"), [("vm.suspend", "suspended"), ("vm.shutdown", "poweredOff")])
def test_a_running_vm_is_put_to_rest_and_runs_again_where_it_was(session, endpoint, tmp_path, verb, power):
    vm = vsphere_reading.vm_by_uuid(session, some_vm(session).get("config.instanceUuid"))
    named = {"name": vm.name, "instance_uuid": vm.instance_uuid, "path": vm.path}
    here = {"host": vm.host.name, "host_uuid": vm.host.uuid}
    after, _ = done(endpoint, tmp_path, ordered(verb, f"vm:{vm.name}", {**named, **here, "force": True}))
    assert (after.state, vsphere_reading.vm_by_uuid(session, vm.instance_uuid).power) == (State.REACHED, power)
    after, tasks = done(endpoint, tmp_path, ordered("vm.power_on", f"vm:{vm.name}", {**named, **here}))
    assert (after.state, after.facts["host"], len(tasks)) == (State.REACHED, vm.host.name, 1)


def test_several_tasks_are_read_together_and_one_that_is_forgotten_is_told_apart(session):
    ref = some_vm(session).ref
    task = vsphere_orders.reset(session, ref)
    finished(session, task)
    found = vsphere_reading.tasks(session, (task, "task-999999"))
    assert (found[task].state, found["task-999999"]) == ("success", None)
    assert vsphere_reading.tasks(session, ()) == {}


def test_a_host_enters_maintenance_only_when_nothing_runs_there_and_leaves_it_again(session, endpoint, tmp_path):
    vm = vsphere_reading.vm_by_uuid(session, some_vm(session).get("config.instanceUuid"))
    enter, leave, wait = (
        ordered(f"host.{verb}", f"host:{vm.host.name}", host_of(vm))
        for verb in ("enter_maintenance", "exit_maintenance", "await_connected")
    )

    def look(command):
        return handled(endpoint, tmp_path, command.verb, lambda hands: hands.look(command))[0]

    refused = look(enter)
    assert (refused.state, vm.name in refused.detail) == (State.REFUSED, True)
    rows = session.read(vim.VirtualMachine, ("runtime.host", "runtime.powerState"))
    here = [row.ref for row in rows if row.get("runtime.host")._moId == vm.host.ref]
    ran = [row.ref for row in rows if row.ref in here and row.get("runtime.powerState") == "poweredOn"]
    assert set(vsphere_reading.vms_at(session, vm.host.ref).values()) <= {"poweredOn", "poweredOff", "suspended"}
    for ref in ran:
        off(session, ref)
    try:
        after, tasks = done(endpoint, tmp_path, enter)
        assert (after.state, len(tasks), look(wait).state) == (State.REACHED, 1, State.REACHED)
        assert vsphere_reading.standings(session)[vm.host.name][0].maintenance is True
        after, tasks = done(endpoint, tmp_path, leave)
        assert (after.state, len(tasks)) == (State.REACHED, 1)
    finally:
        for ref in ran:
            on(session, ref)


def test_a_host_is_shut_down_on_request(session, endpoint):
    endpoint.needs_ours("it has no ShutdownHost_Task")
    vm = vsphere_reading.vm_by_uuid(session, some_vm(session).get("config.instanceUuid"))
    with pytest.raises(vim.fault.InvalidState):
        vsphere_orders.shut_down(session, vm.host.ref)


def test_a_host_whose_bmc_cannot_be_read_is_not_called_healthy(session, endpoint, tmp_path):
    vm = vsphere_reading.vm_by_uuid(session, some_vm(session).get("config.instanceUuid"))
    others = [name for name in vsphere_reading.standings(session) if name != vm.host.name]
    blade = {
        "bmc_url": "https://127.0.0.1:1",
        "system": "1",
        "serial": "S",
        "machine_uuid": "u",
        "chassis": "c",
        "slot": 1,
        "peers": [{"vcenter": "vc1", "name": name} for name in others],
    }
    order = ordered("host.diagnose", f"host:{vm.host.name}", {**host_of(vm), **blade})
    seen, _ = handled(endpoint, tmp_path, order.verb, lambda hands: hands.look(order))
    assert (seen.state, seen.facts["connection"]) == (State.UNKNOWN, "connected")
    assert seen.facts["peers"] == dict.fromkeys(others, "connected")
