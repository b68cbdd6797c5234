"""Alarms that no event told are told from what vCenter shows: once, whoever said it first, and over restarts."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collectors.vsphere.alarm_memory import AlarmMemory
from collectors.vsphere.alarms import Colours, Turn
from collectors.vsphere.collecting import VsphereCollector, VsphereSettings
from collectors.vsphere.interpreting import Interpreter
from collectors.vsphere.mapping import Place
from collectors.vsphere.remembering import BusMemory
from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus, Storage
from engine.clients.vsphere import Account
from engine.clients.vsphere_alarms import AlarmState
from engine.clients.vsphere_events import VcenterEvent
from engine.clock import HandClock, SystemClock
from engine.model import catalogue
from engine.model.event import Event, Severity
from tests.toban.simulator.client import running

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
PLACE = Place("vc1", "instance-1", {"esx1.example": "esx1"})
SOURCE = "vcenter/vc1"
FAN, HEAT, LATE = "Host hardware fan status", "Host hardware temperature status", "Backup is late"


# on a vCenter -------------------------------------------------------------------------------------------------------


class Life:
    """One life of a collector, and all that was ever stored."""

    def __init__(self, world, bus):
        self.world, self.bus = world, bus

    async def told(self):
        events = [codec.decode(record).event async for record in self.bus.replay(subjects.ALL_EVENTS)]
        return [event for event in events if "alarm" in event.data and "to" in event.data]

    async def until(self, count):
        async with asyncio.timeout(30):
            while len(await self.told()) < count:
                await asyncio.sleep(0.05)
        return await self.told()

    async def marked(self):
        """Wait until an event of now is told: everything before it is through."""
        before = len(await self.told())
        self.world.faults.apply(f"alarm-yellow:mark {before}", "VM-03")
        async with asyncio.timeout(30):
            while not any(event.data["alarm"] == f"mark {before}" for event in await self.told()):
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def living(world, storage, reconcile_every=60.0):
    clock = SystemClock()
    bus = MemoryBus(clock, storage)
    account = Account(world.ready["vcenter"], "toban@vsphere.local", "duty-officer", Path(world.ready["ca"]))
    settings = VsphereSettings("vc1", account, 1.0, reconcile_every, silent_after=3.0)
    collector = VsphereCollector(settings, bus, BusMemory(bus, SOURCE, clock), clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(collector.run(None))
        async with asyncio.timeout(30):
            while await bus.last(subjects.cursor(f"{SOURCE}/alarms")) is None:
                await asyncio.sleep(0.05)
        yield Life(world, bus)
        task.cancel()


def said(events):
    return [(event.type, event.subject, event.data["alarm"], event.data["from"], event.data["to"]) for event in events]


def test_what_is_red_or_yellow_before_the_first_start_is_told_at_once_and_not_again_after_a_restart(tmp_path):
    async def go(world):
        world.faults.apply(f"alarm-red:{FAN}", "esx1")
        world.faults.apply(f"alarm-yellow:{LATE}", "VM-01")
        world.faults.apply(f"alarm-green:{HEAT}", "esx2")
        storage = Storage()
        async with living(world, storage) as life:
            events = await life.until(2)
            assert said(events) == [
                ("host.hw.alert", "host:esx1", FAN, "gray", "red"),
                ("vcenter.alarm.changed", "vm:VM-01", LATE, "gray", "yellow"),
            ]
            assert all(event.data["reconciled"] and not event.data["planned"] for event in events)
            assert events[1].severity is Severity.WARNING
            await life.marked()
        async with living(world, storage, reconcile_every=0.5) as life:
            await asyncio.sleep(2.5)  # some looks
            await life.marked()
            assert [event.data["alarm"] for event in await life.told()] == [FAN, LATE, "mark 2", "mark 3"]

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_a_red_that_vcenter_merged_away_is_told_after_two_looks_and_so_is_its_end(tmp_path):
    async def go(world):
        async with living(world, Storage(), reconcile_every=0.5) as life:
            world.faults.apply(f"alarm-unheard-red:{FAN}", "esx1")
            await life.until(1)
            world.faults.apply(f"alarm-unheard-green:{FAN}", "esx1")
            await life.until(2)
            world.faults.apply(f"alarm-unheard-yellow:{LATE}", "VM-01")
            await life.until(3)
            world.faults.apply(f"alarm-unheard-gray:{LATE}", "VM-01")
            events = await life.until(4)
            assert said(events) == [
                ("host.hw.alert", "host:esx1", FAN, "gray", "red"),
                ("host.hw.alert.cleared", "host:esx1", FAN, "red", "green"),
                ("vcenter.alarm.changed", "vm:VM-01", LATE, "gray", "yellow"),
                ("vcenter.alarm.changed", "vm:VM-01", LATE, "yellow", "gray"),
            ]
            await asyncio.sleep(1.5)
            assert len(await life.told()) == 4, "each once"

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_what_an_event_told_no_look_tells_again_nor_does_a_lost_cursor(tmp_path):
    async def go(world):
        storage = Storage()
        async with living(world, storage, reconcile_every=0.5) as life:
            world.faults.apply(f"alarm-red:{FAN}", "esx1")
            await life.until(1)
            await asyncio.sleep(1.5)
            assert [event.data.get("reconciled") for event in await life.told()] == [None]
        del storage.records["CURSORS"]
        world.faults.apply(f"alarm-red:{HEAT}", "esx1")  # nobody listens
        async with living(world, storage) as life:
            await life.until(2)
            await life.marked()
            assert [event.data["alarm"] for event in await life.told()] == [FAN, HEAT, "mark 2"]

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_after_a_restart_a_host_is_well_only_when_the_last_of_its_old_alarms_is_green(tmp_path):
    async def go(world):
        storage = Storage()
        world.faults.apply(f"alarm-red:{FAN}", "esx1")
        world.faults.apply(f"alarm-red:{HEAT}", "esx1")
        async with living(world, storage) as life:
            await life.until(2)
        async with living(world, storage) as life:
            world.faults.apply(f"alarm-green:{FAN}", "esx1")
            await life.until(3)
            world.faults.apply(f"alarm-green:{HEAT}", "esx1")
            events = await life.until(4)
            assert [event.type for event in events[2:]] == ["vcenter.alarm.changed", "host.hw.alert.cleared"]

    with running(tmp_path) as world:
        asyncio.run(go(world))


def test_an_alarm_whose_object_has_gone_is_forgotten_without_a_word(tmp_path):
    async def go(world):
        async with living(world, Storage(), reconcile_every=0.5) as life:
            world.faults.apply(f"alarm-red:{LATE}", "VM-01")
            await life.until(1)
            center = world.center
            with center.truth.lock:
                center.registry.remove(center.inventory.vm_named("VM-01"))
            async with asyncio.timeout(20):
                while LATE.encode() in await stored(life.bus):
                    await asyncio.sleep(0.05)
            assert len(await life.told()) == 1

    async def stored(bus):
        memory = BusMemory(bus, SOURCE, SystemClock())
        colours = Colours({})
        body = await memory.alarms()
        assert body is not None
        instance = Place("vc1", world.center.instance, {})
        await AlarmMemory(memory, instance, colours).begin()
        return " ".join(turn.name for turn in colours.raised().values()).encode()

    with running(tmp_path) as world:
        asyncio.run(go(world))


# by event and by state ----------------------------------------------------------------------------------------------


def state(name=FAN, colour="red", at=NOW, ref="HostSystem:host-1", entity="esx1.example"):
    return AlarmState("alarm-7", name, ref, entity, colour, at)


def happened(before, to, at, ref="HostSystem:host-1", entity="esx1.example", key=5):
    subjects_ = {"host": entity, "entity": entity}
    details = {"alarm": FAN, "from": before, "to": to}
    refs = {"alarm": "alarm-7", "entity": ref}
    return VcenterEvent(key, key, at, "AlarmStatusChangedEvent", "", "text", subjects_, "", "", details, refs)


def meaning():
    return Interpreter(PLACE, catalogue.shipped(), {})


def shown(reading, one):
    return reading.shown(reading.turn_of(one))


def test_the_event_of_an_alarm_that_was_told_from_its_state_is_the_same_event():
    reading = meaning()
    by_state = shown(reading, state())
    by_event = reading.of(happened("green", "red", NOW + timedelta(seconds=2)))
    assert by_event.id == by_state.id
    assert (by_event.type, by_event.subject) == (by_state.type, by_state.subject) == ("host.hw.alert", "host:esx1")
    assert by_state.time == NOW


def test_the_same_state_is_the_same_event_in_every_life_and_another_turn_is_another():
    ids = {shown(meaning(), one).id for one in (state(), state())}
    others = {
        shown(meaning(), one).id
        for one in (
            state(colour="yellow"),
            state(at=NOW + timedelta(seconds=1)),
            state(ref="HostSystem:host-2"),
        )
    }
    assert len(ids) == 1
    assert len(others) == 3
    assert not ids & others


@pytest.mark.parametrize(
    "later", [happened("red", "yellow", NOW), happened("green", "red", NOW + timedelta(minutes=11))]
)
def test_another_colour_or_a_much_later_turn_is_an_event_of_its_own(later):
    reading = meaning()
    told = shown(reading, state())
    assert reading.of(later).id != told.id


def test_two_hosts_that_an_estate_calls_the_same_do_not_stand_in_for_each_other():
    reading = meaning()
    first = reading.of(happened("green", "red", NOW))
    other = happened("green", "red", NOW, ref="HostSystem:host-2", entity="esx1", key=6)
    second = reading.of(other)
    assert first.subject == second.subject == "host:esx1"
    assert reading.of(happened("red", "green", NOW, key=7)).type == "vcenter.alarm.changed", "one is red still"


# what is kept -------------------------------------------------------------------------------------------------------


def turn(number=1, **more):
    given = {"name": FAN, "about": f"host:{number}", "colour": "red", "at": NOW, "entity": f"HostSystem:host-{number}"}
    return Turn(**{**given, "alarm": "alarm-1", **more})


async def recalled(memory, place=PLACE):
    colours = Colours({})
    keeper = AlarmMemory(memory, place, colours)
    await keeper.begin()
    return keeper, colours


def test_what_was_told_is_called_to_mind_but_not_what_is_over_and_not_for_another_vcenter():
    async def go():
        memory = BusMemory(MemoryBus(HandClock(NOW)), SOURCE, HandClock(NOW))
        keeper, colours = await recalled(memory)
        for one in (turn(1), turn(2, colour="yellow", shown="id"), turn(3, colour="green"), turn(4, colour="gray")):
            colours.learn(one)
        await keeper.keep()
        assert await memory.alarms() is None, "before the first look what is known is not all"
        await keeper.keep(looked=True)
        keeper, colours = await recalled(memory)
        assert not keeper.first
        assert list(colours.known.values()) == [turn(1), turn(2, colour="yellow", shown="id")]
        keeper, colours = await recalled(memory, Place("vc1", "instance-2", {}))
        assert (keeper.first, colours.known) == (True, {})

    asyncio.run(go())


def test_a_record_that_cannot_be_read_is_made_good_from_the_log():
    async def go():
        bus = MemoryBus(HandClock(NOW))
        memory = BusMemory(bus, SOURCE, HandClock(NOW))
        await memory.save_alarms(b"nonsense")
        data = {"alarm": FAN, "to": "red"}
        for source in (SOURCE, "vcenter/vc2"):
            subject = f"host:{source[-3:]}"
            await bus.publish(
                Event(id=source[-3:], type="host.hw.alert", source=source, subject=subject, time=NOW, data=data)
            )
        keeper, colours = await recalled(memory)
        assert keeper.first
        assert [one.about for one in colours.known.values()] == ["host:vc1"]

    asyncio.run(go())


def test_what_is_kept_is_bounded_and_the_newest_stays():
    async def go():
        memory = BusMemory(MemoryBus(HandClock(NOW)), SOURCE, HandClock(NOW))
        keeper, colours = await recalled(memory)
        for number in range(9000):
            colours.learn(turn(number, name=f"{number * 7919:x}" * 20))
        await keeper.keep(looked=True)
        assert len(await memory.alarms()) <= 100_000
        _, after = await recalled(memory)
        assert 100 < len(after.known) < 9000
        assert next(reversed(after.known.values())).about == "host:8999"

    asyncio.run(go())


def test_a_reading_of_the_past_does_not_turn_back_what_is_known_of_a_later_moment():
    reading = meaning()
    shown(reading, state(at=NOW))
    reading.again(happened("red", "green", NOW - timedelta(minutes=3)))
    assert [one.colour for one in reading.colours.known.values()] == ["red"]
