"""vCenter restarts, ends sessions, loses collectors, changes its certificate: what happens meanwhile is told after."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from pyVmomi import vim

from collectors.vsphere.collecting import VsphereCollector, VsphereSettings
from collectors.vsphere.remembering import BusMemory
from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus
from engine.clients import vsphere_inventory
from engine.clients.vsphere import Account
from engine.clients.vsphere_inventory import InventoryWatch
from engine.clock import SystemClock
from engine.model.errors import Transient
from tests.toban.simulator.client import running

MARK = "number "


class Watched:
    """A collector at work on a simulated vCenter, and what it published."""

    def __init__(self, world, collector: VsphereCollector, bus: MemoryBus) -> None:
        self.world, self.collector, self.bus = world, collector, bus
        self.posted = 0

    def post(self, count: int, kind=vim.event.VmPoweredOnEvent) -> None:
        """Events happen inside vCenter, whether anybody can reach it or not."""
        center = self.world.center
        with center.truth.lock:
            vm = center.inventory.vm_named("VM-01")
            for _ in range(count):
                event = center.events.about_vm(kind, vm, fullFormattedMessage=f"{MARK}{self.posted}")
                center.events.post(event)
                self.posted += 1

    async def told(self) -> list:
        return [codec.decode(record).event async for record in self.bus.replay(subjects.ALL_EVENTS)]

    async def numbers(self) -> list[int]:
        messages = [str(event.data.get("message", "")) for event in await self.told()]
        return [int(text.removeprefix(MARK)) for text in messages if text.startswith(MARK)]

    async def until(self, true, within: float = 45.0) -> None:
        async with asyncio.timeout(within):
            while not await true():
                await asyncio.sleep(0.05)

    async def until_type(self, kind: str, times: int = 1) -> list:
        async def there() -> bool:
            return len([event for event in await self.told() if event.type == kind]) >= times

        await self.until(there)
        return [event for event in await self.told() if event.type == kind]

    async def until_all(self) -> None:
        async def there() -> bool:
            return len(await self.numbers()) >= self.posted

        await self.until(there)
        assert await self.numbers() == list(range(self.posted)), "each once, in order"


@contextlib.asynccontextmanager
async def watching(world, reconcile_every: float = 60.0):
    bus, clock = MemoryBus(SystemClock()), SystemClock()
    account = Account(world.ready["vcenter"], "toban@vsphere.local", "duty-officer", Path(world.ready["ca"]))
    settings = VsphereSettings("vc1", account, 1.0, reconcile_every, silent_after=3.0)
    collector = VsphereCollector(settings, bus, BusMemory(bus, "vcenter/vc1", clock), clock)
    found = Watched(world, collector, bus)
    found.post(1)  # before anybody looked
    found.posted = 0

    async def following() -> bool:
        return await bus.last(subjects.cursor("vcenter/vc1")) is not None

    async with asyncio.TaskGroup() as group:
        task = group.create_task(collector.run(None))
        await found.until(following)
        found.post(5)
        await found.until_all()
        yield found
        task.cancel()


@pytest.mark.parametrize("fault", ["vcenter-restart", "vcenter-sessions-ended", "event-collectors-gone"])
def test_what_happens_while_vcenter_restarts_or_forgets_us_is_told_once_and_in_order(tmp_path, fault):
    async def go(world):
        async with watching(world) as found:
            world.faults.apply(fault, "")
            found.post(1500)
            await found.until_all()
            found.post(5)
            await found.until_all()

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_a_changed_certificate_is_refused_told_and_blind_until_it_is_the_known_one_again(tmp_path):
    async def go(world):
        async with watching(world) as found:
            world.faults.apply("vcenter-certificate-changed", "")
            found.post(1200)
            refused = (await found.until_type("vcenter.certificate.refused"))[0]
            assert (refused.subject, refused.severity) == ("vcenter:vc1", "critical")
            assert "its certificate is not trusted" in refused.data["text"]
            await found.until_type("source.silent")
            assert found.collector.contact.source().blind is not None
            assert found.collector.contact.doubt() is not None, "no witness"
            assert len(await found.numbers()) == 5, "nothing was taken from whoever answers there"
            world.faults.apply("vcenter-certificate-restored", "")
            await found.until_all()
            await found.until_type("source.ok")
            assert len(await found.until_type("vcenter.certificate.refused")) == 1, "told once"
            assert "came back" in str(found.collector.contact.doubt()), "believed again after ten minutes"

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_an_event_of_a_type_that_no_client_knows_holds_up_nothing_else(tmp_path):
    async def go(world):
        async with watching(world) as found:
            world.faults.apply("event-type-unknown", "VmRemoteConsoleConnectedEvent")
            found.post(1, vim.event.VmRemoteConsoleConnectedEvent)
            found.post(20)

            async def rest() -> bool:
                return len(await found.numbers()) >= 25

            await found.until(rest)
            assert await found.numbers() == [number for number in range(26) if number != 5]
            assert found.collector.contact.source().drops["unreadable"] >= 1

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_an_answer_that_the_library_stumbles_over_ends_no_watch(tmp_path, monkeypatch):
    async def go(world):
        async with watching(world) as found:
            whole = vsphere_inventory.loads

            def odd(_):
                raise KeyError("a type of a later version")

            monkeypatch.setattr(vsphere_inventory, "loads", odd)
            await asyncio.sleep(3.0)  # real seconds: the load is read every second
            monkeypatch.setattr(vsphere_inventory, "loads", whole)
            before = len(await found.until_type("host.load"))
            found.post(5)
            await found.until_all()
            await found.until_type("host.load", before + 2)

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_a_bus_that_is_away_is_no_silence_of_the_vcenter(tmp_path, monkeypatch):
    async def go(world):
        async with watching(world) as found:
            taken = found.bus.publish_all

            async def away(_):
                raise Transient("no broker")

            monkeypatch.setattr(found.bus, "publish_all", away)
            world.faults.apply("maintenance-entered", "esx2")
            await asyncio.sleep(6.0)  # real seconds: twice as long as it takes to count as silent
            monkeypatch.setattr(found.bus, "publish_all", taken)
            await found.until_type("host.maintenance.entered")
            assert found.collector.contact.doubt() is None
            await asyncio.sleep(2.0)
            assert found.collector.contact.doubt() is None
            assert "source.silent" not in {event.type for event in await found.told()}

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_a_vcenter_that_shows_nothing_at_all_any_more_is_not_believed_and_nothing_counts_as_gone(tmp_path, monkeypatch):
    async def go(world):
        async with watching(world, reconcile_every=1.0) as found:
            monkeypatch.setattr(InventoryWatch, "everything", lambda _: [])

            async def doubted() -> bool:
                return "no object at all" in str(found.collector.contact.doubt())

            await found.until(doubted)
            told = [codec.decode(one).event async for one in found.bus.replay(subjects.ALL_INVENTORY)]
            assert told, "it was told before"
            assert not [event for event in told if event.data.get("removed")]

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_alarms_and_storage_problems_of_the_wire_are_events_by_name_colour_and_object(tmp_path):
    async def go(world):
        async with watching(world) as found:
            world.faults.apply("alarm-red:Host hardware fan status", "esx1")
            world.faults.apply("alarm-yellow:Backup is late", "VM-01")
            world.faults.apply("event:esx.problem.storage.apd.start", "esx2")
            world.faults.apply("event:com.vmware.vc.HA.DasHostFailedEvent", "esx1")
            world.faults.apply("event:esx.problem.of.a.later.version", "esx2")
            world.faults.apply("maintenance-entered", "esx2")
            world.faults.apply("event:HostConnectionLostEvent", "esx2")
            fan = (await found.until_type("host.hw.alert"))[0]
            assert (fan.subject, fan.data["part"]) == ("host:esx1", "Host hardware fan status")
            late = (await found.until_type("vcenter.alarm.changed"))[0]
            assert (late.subject, late.data["alarm"], late.data["from"], late.data["to"], late.severity) == (
                "vm:VM-01",
                "Backup is late",
                "gray",
                "yellow",
                "warning",
            )
            assert (await found.until_type("storage.apd.started"))[0].subject == "host:esx2"
            assert (await found.until_type("host.failed"))[0].subject == "host:esx1"
            assert (await found.until_type("vcenter.unmapped"))[0].data["event_id"] == "esx.problem.of.a.later.version"
            lost = (await found.until_type("host.unreachable"))[0]
            assert (lost.data["planned"], lost.data["because"]) == (True, "maintenance")

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_a_loss_whose_event_vcenter_swallowed_is_told_from_what_it_shows_and_so_is_the_return(tmp_path):
    async def go(world):
        async with watching(world, reconcile_every=1.0) as found:
            center = world.center
            for state, kind in (("notResponding", "host.unreachable"), ("connected", "host.reachable")):
                with center.truth.lock:
                    center.inventory.set(center.inventory.hosts["esx2"], "runtime.connectionState", state)
                event = (await found.until_type(kind))[0]
                assert (event.subject, event.data["reconciled"], event.data["planned"]) == ("host:esx2", True, False)
            await asyncio.sleep(2.5)  # two more full readings
            assert len([one for one in await found.told() if one.data.get("reconciled")]) == 2, "each once"

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_a_burst_that_vcenter_merges_is_told_while_it_is_live_and_afterwards_only_as_far_as_vcenter_kept_it(tmp_path):
    async def go(world):
        world.center.events._merges = True
        async with watching(world) as found:
            found.post(100)
            await found.until_all()
            world.faults.apply("vcenter-restart", "")
            found.post(100)  # the database keeps none of these: 30 like them came just before
            found.post(5, vim.event.VmResettingEvent)

            async def followed() -> bool:
                return (await found.numbers())[-5:] == list(range(205, 210))

            await found.until(followed)
            assert await found.numbers() == [*range(105), *range(205, 210)], "the rest goes on, in order"

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_two_vcenters_are_followed_apart_and_the_silence_of_one_is_not_the_others(tmp_path):
    async def go(one, other):
        async with watching(one) as first, watching(other) as second:
            one.faults.apply("vcenter-blind", "")
            second.post(300)
            await first.until_type("source.silent")
            await second.until_all()
            assert second.collector.contact.doubt() is None
            assert first.collector.contact.doubt() is not None

    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    with running(tmp_path / "one") as one, running(tmp_path / "other") as other:
        asyncio.run(go(one, other))
