"""What our vSphere client promises, held over the wire against any endpoint.

TOBAN_TEST_VCENTER (https://user:password@host:port/sdk) with TOBAN_TEST_CA names a third-party one; without it our own
datacenter simulator is started. What a third party cannot do is skipped with that reason, never passed silently.
"""

import asyncio
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from pyVmomi import vim

from actuators.effectors import Effectors, EffectorSettings
from actuators.redfish.blades import FencePatience
from actuators.vsphere.trails import About, Trail
from collectors.vsphere.collecting import VsphereCollector, VsphereSettings
from collectors.vsphere.remembering import BusMemory
from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus
from engine.clients import vsphere, vsphere_inventory, vsphere_orders, vsphere_reading, vsphere_tasks
from engine.clients.redfish import BmcAccount
from engine.clients.vsphere import Account
from engine.clients.vsphere_events import EventFeed
from engine.clients.vsphere_inventory import InventoryWatch
from engine.clock import SystemClock
from engine.model.command import Command, State
from engine.model.errors import Permanent, Transient
from toban import example
from toban.simulator.datacenter import Datacenter

GIVEN = os.environ.get("TOBAN_TEST_VCENTER")


@dataclass(frozen=True)
class Endpoint:
    account: Account
    ours: bool

    def needs_ours(self, what: str) -> None:
        if not self.ours:
            pytest.skip(f"the third-party simulator cannot do this: {what}")


@contextmanager
def opened(folder: Path):
    if GIVEN:
        parts = urlsplit(GIVEN)
        url = f"https://{parts.hostname}:{parts.port}{parts.path}"
        ca = Path(os.environ["TOBAN_TEST_CA"])
        yield Endpoint(Account(url, unquote(parts.username or ""), unquote(parts.password or ""), ca), ours=False)
        return
    example.write(folder, example.free_ports(), armed=True, quick=True)
    with Datacenter(folder / "estate.yaml", folder / "datacenter") as world:
        account = Account(world.ready["vcenter"], "toban@vsphere.local", "duty-officer", Path(world.ready["ca"]))
        yield Endpoint(account, ours=True)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("site")) as found:
        yield found


@pytest.fixture
def session(endpoint):
    found = vsphere.log_in(endpoint.account, timeout=10)
    yield found
    found.log_out()


def finished(session, reference):
    while True:
        found = vsphere_reading.task(session, reference)
        assert found is not None
        if found.state in ("success", "error"):
            return found


def ordered(verb, target, parameters):
    return Command(id="r.s.1", step="s", verb=verb, target=target, parameters={"vcenter": "vc1", **parameters})


@dataclass
class Hands:
    """One effector, and what it told to be kept."""

    effector: object
    references: list

    async def look(self, command, reference=None):
        return await self.effector.look(command, reference)

    async def act(self, command):
        async def called(reference):
            self.references.append(reference)

        await self.effector.act(command, called)


def handled(endpoint, folder, verb, work):
    """What `work` gives with the hands of a verb, and the tasks that were told."""
    bmc = BmcAccount("u", "p", endpoint.account.ca_file)
    settings = EffectorSettings({"vc1": endpoint.account}, bmc, {}, folder / "notices.jsonl", FencePatience())

    async def go():
        effectors = Effectors(settings, MemoryBus(SystemClock()), SystemClock())
        hands = Hands(effectors.armed[verb], [])
        try:
            return await work(hands), [found for found in hands.references if Trail.parse(found) is None]
        finally:
            effectors.close()

    return asyncio.run(go())


def done(endpoint, folder, command):
    """Look, act, look again with what was told last."""

    async def work(hands):
        before = await hands.look(command)
        assert before.state is State.READY, before
        await hands.act(command)
        return await hands.look(command, hands.references[-1])

    return handled(endpoint, folder, command.verb, work)


def host_of(vm):
    return {"name": vm.host.name, "uuid": vm.host.uuid, "ref": vm.host.ref}


def off(session, ref):
    finished(session, session.managed(vim.VirtualMachine, ref).PowerOffVM_Task()._moId)


def on(session, ref):
    finished(session, vsphere_orders.power_on(session, ref))


def some_vm(session):
    rows = session.read(vim.VirtualMachine, ("name", "config.instanceUuid", "runtime.powerState"))
    return next(
        row for row in sorted(rows, key=lambda row: row.get("name")) if row.get("runtime.powerState") == "poweredOn"
    )


def test_a_login_gives_a_session_that_knows_whose_it_is(session):
    assert len(session.instance_uuid) == 36
    assert session.now().tzinfo is not None


def test_a_wrong_password_is_permanent_and_said(endpoint):
    with pytest.raises(Permanent, match="wrong user name or password"):
        vsphere.log_in(replace(endpoint.account, password="wrong"))


def test_an_untrusted_certificate_is_refused_even_on_loopback(endpoint, tmp_path):
    from toban.simulator import certificates

    certificates.issue(tmp_path, frozenset({"127.0.0.1"}))
    with pytest.raises(Permanent, match="certificate is not trusted"):
        vsphere.log_in(replace(endpoint.account, ca_file=tmp_path / "ca.pem"))


def test_a_closed_port_is_transient(endpoint):
    with pytest.raises(Transient, match="cannot be reached"):
        vsphere.log_in(replace(endpoint.account, url="https://127.0.0.1:1/sdk"))


def test_leaf_paths_are_read_and_unset_is_neither_value_nor_missing(session):
    for row in session.read(vim.HostSystem, ("name", "runtime.connectionState", "hardware.systemInfo.uuid")):
        assert row.get("runtime.connectionState") == "connected"
        assert len(row.get("hardware.systemInfo.uuid")) == 36
        assert row.missing == frozenset()
    row = session.read(vim.VirtualMachine, ("name", "runtime.question"))[0]
    assert "runtime.question" not in row.values
    assert "runtime.question" not in row.missing


def test_a_vm_is_found_by_uuid_and_by_path_as_one(session):
    known = some_vm(session)
    by_uuid = vsphere_reading.vm_by_uuid(session, known.get("config.instanceUuid"))
    assert by_uuid is not None
    assert vsphere_reading.vm_by_path(session, by_uuid.path) == by_uuid
    assert by_uuid.runs
    assert vsphere_reading.vm_by_uuid(session, "00000000-0000-4000-8000-000000000000") is None
    assert vsphere_reading.vm_by_path(session, "[nowhere] a/a.vmx") is None


def test_a_watch_tells_everything_and_then_what_changes(session, endpoint):
    watch = InventoryWatch(session, longest_wait=5)
    try:
        whole = watch.everything()
        assert {"HostSystem", "VirtualMachine", "Datastore", "ComputeResource"} <= {change.kind for change in whole}
        ref = some_vm(session).ref
        session.managed(vim.VirtualMachine, ref).PowerOffVM_Task()
        seen = []
        while not any(c.ref == ref and c.values.get("runtime.powerState") == "poweredOff" for c in seen):
            seen = watch.more()
            assert seen, "no change was pushed"
    finally:
        watch.close()
    finished(session, vsphere_orders.power_on(session, ref))


def test_a_waiting_watch_can_be_cancelled(session, endpoint):
    endpoint.needs_ours("CancelWaitForUpdates while nothing happens is not measured there")
    watch = InventoryWatch(session, longest_wait=20)
    watch.everything()
    threading.Timer(0.3, watch.cancel).start()

    def wait_on():
        while True:  # load may change meanwhile
            watch.more()

    with pytest.raises(Exception, match="cancel"):
        wait_on()
    watch.close()


def test_the_feed_shows_a_posted_event_and_a_query_finds_it_again(session, endpoint):
    feed = EventFeed(session, longest_wait=5)
    try:
        known = {event.key for event in feed.page() or ()}
        before = session.now()
        ref = some_vm(session).ref
        finished(session, session.managed(vim.VirtualMachine, ref).PowerOffVM_Task()._moId)
        seen = []
        while not seen:
            page = feed.page()
            assert page is not None, "no event was pushed"
            seen = [event for event in page if event.kind == "VmPoweredOffEvent" and event.key not in known]
        off = seen[0]
        assert off.subjects["vm"]
        assert off.key in {event.key for event in feed.between(before)}
        if endpoint.ours:  # govmomi 0.55 leaves latestEvent unset
            assert feed.latest() is not None
    finally:
        feed.close()
    finished(session, vsphere_orders.power_on(session, ref))


def test_load_is_read_for_connected_hosts_and_running_vms(session):
    loads = vsphere_inventory.loads(session)
    assert {ref.partition("-")[0] for ref in loads} == {"host", "vm"}
    assert all(cpu >= 0 and memory >= 0 for cpu, memory in loads.values())


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


def test_the_collector_publishes_inventory_load_and_events_and_goes_on_from_its_cursor(endpoint, session):
    async def collect(bus, seconds, meanwhile=None):
        settings = VsphereSettings("vc1", endpoint.account, load_every=0.5, reconcile_every=60, silent_after=10)
        collector = VsphereCollector(settings, bus, BusMemory(bus, "vcenter/vc1"), SystemClock())
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(collector.run(ready))
            await ready.wait()
            await asyncio.sleep(1.0)  # a real wire: the event feed opens after the first look
            if meanwhile is not None:
                await asyncio.to_thread(meanwhile)
            await asyncio.sleep(seconds)
            running.cancel()

    async def told(bus, subject):
        return [codec.decode(record).event async for record in bus.replay(subject)]

    def restart_a_vm():
        ref = some_vm(session).ref
        finished(session, session.managed(vim.VirtualMachine, ref).PowerOffVM_Task()._moId)
        finished(session, vsphere_orders.power_on(session, ref))

    async def go():
        bus = MemoryBus(SystemClock())
        await collect(bus, 2.0, restart_a_vm)
        first = await told(bus, subjects.ALL_EVENTS)
        await asyncio.to_thread(restart_a_vm)  # while nobody is on duty
        await collect(bus, 2.0)
        return await told(bus, subjects.ALL_INVENTORY), first, await told(bus, subjects.ALL_EVENTS)

    inventory, first, all_events = asyncio.run(go())
    assert {event.type for event in inventory} == {"inventory.host", "inventory.vm", "inventory.datastore"}
    assert {"host.load", "vm.load", "vm.power.off", "vm.power.on"} <= {event.type for event in first}
    offs = {event.id: event for event in all_events if event.type == "vm.power.off"}
    assert len(offs) == 2
    if endpoint.ours:  # govmomi's events name no user and hang on no task
        told = [(event.data["user"], event.data["planned"]) for event in offs.values()]
        assert told == [(endpoint.account.user, True)] * 2
