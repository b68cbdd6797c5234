"""What our vSphere client promises, held over the wire against any endpoint (which one: tests/contracts/vsphere.py)."""

import asyncio
import threading
from collections import Counter
from dataclasses import replace

import pytest
from pyVmomi import vim

from collectors.vsphere import measuring
from collectors.vsphere.collecting import VsphereCollector, VsphereSettings
from collectors.vsphere.measuring import HOST_COUNTERS, PerformanceSettings
from collectors.vsphere.remembering import BusMemory
from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus
from engine.clients import vsphere, vsphere_inventory, vsphere_orders, vsphere_reading
from engine.clients.vsphere_events import EventFeed
from engine.clients.vsphere_inventory import InventoryWatch
from engine.clients.vsphere_performance import KINDS, Performance
from engine.clock import SystemClock
from engine.model.errors import Permanent, Transient
from tests.contracts.vsphere import finished, some_vm


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


def measured(session, kind, batch):
    refs = [row.ref for row in session.read(KINDS[kind], ("name",))]
    found = Performance(session, {kind: HOST_COUNTERS.values()}, 20).read(kind, refs, batch=batch, samples=1)
    return refs, {one.ref: one for one in found}


@pytest.mark.parametrize("kind", ["host", "vm"])
def test_statistics_are_read_in_batches_and_say_whose_and_when_they_are(session, endpoint, kind):
    refs, found = measured(session, kind, batch=2)
    assert set(found) == set(refs)
    for one in found.values():
        assert one.at.tzinfo is not None
        numbers = measuring.numbers(one, HOST_COUNTERS)
        most = 100 if endpoint.ours else 1000  # govmomi's numbers are random, and may lie above the whole
        assert 0 <= numbers["cpu_percent"] <= most
        assert 0 <= numbers["memory_percent"] <= most


def test_a_vcenter_that_refuses_a_large_query_is_asked_in_smaller_ones(session, endpoint):
    endpoint.needs_ours("it has no vpxd.stats.maxQueryMetrics")
    center = endpoint.world.center
    center.performance.most_metrics = len(HOST_COUNTERS)
    try:
        refs, found = measured(session, "host", batch=50)
    finally:
        center.performance.most_metrics = 10_000
    assert set(found) == set(refs)


EVERY_KIND = {"host.load", "vm.load", "vm.power.off", "vm.power.on", "host.performance", "vm.performance"}


def test_the_collector_publishes_inventory_load_and_events_and_goes_on_from_its_cursor(endpoint, session):
    async def collect(bus, wanted, meanwhile=None):
        often = PerformanceSettings(every=0.5, vms_every=0.5)
        settings = VsphereSettings("vc1", endpoint.account, 0.5, 60, silent_after=10, performance=often)
        collector = VsphereCollector(settings, bus, BusMemory(bus, "vcenter/vc1", SystemClock()), SystemClock())
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(collector.run(ready))
            await ready.wait()
            await until(lambda: bus.last(subjects.cursor("vcenter/vc1")))  # what happened before is not ours
            if meanwhile is not None:
                await asyncio.to_thread(meanwhile)
            await until(lambda: seen(bus, wanted))
            running.cancel()

    async def until(true):
        async with asyncio.timeout(60):
            while not await true():
                await asyncio.sleep(0.1)

    async def seen(bus, wanted):
        kinds = Counter(event.type for event in await told(bus, subjects.ALL_EVENTS))
        return all(kinds[kind] >= times for kind, times in wanted.items())

    async def told(bus, subject):
        return [codec.decode(record).event async for record in bus.replay(subject)]

    def restart_a_vm():
        ref = some_vm(session).ref
        finished(session, session.managed(vim.VirtualMachine, ref).PowerOffVM_Task()._moId)
        finished(session, vsphere_orders.power_on(session, ref))

    async def go():
        bus = MemoryBus(SystemClock())
        await collect(bus, dict.fromkeys(EVERY_KIND, 1), restart_a_vm)
        first = await told(bus, subjects.ALL_EVENTS)
        await asyncio.to_thread(restart_a_vm)  # while nobody is on duty
        await collect(bus, {"vm.power.off": 2, "vm.power.on": 2})
        return await told(bus, subjects.ALL_INVENTORY), first, await told(bus, subjects.ALL_EVENTS)

    inventory, first, all_events = asyncio.run(go())
    assert {event.type for event in inventory} == {"inventory.host", "inventory.vm", "inventory.datastore"}
    assert {event.type for event in first} >= EVERY_KIND
    assert all(
        "disk_latency_ms" in event.data or not endpoint.ours for event in first if event.type == "host.performance"
    )
    offs = {event.id: event for event in all_events if event.type == "vm.power.off"}
    assert len(offs) == 2
    if endpoint.ours:  # govmomi's events name no user and hang on no task
        told = [(event.data["user"], event.data["planned"]) for event in offs.values()]
        assert told == [(endpoint.account.user, True)] * 2
