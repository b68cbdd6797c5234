"""Inventory is told by difference; names that several objects share do not make one of them."""

import asyncio
from datetime import UTC, datetime

from collectors.vsphere.picturing import Inventory
from collectors.vsphere.remembering import BusMemory
from collectors.vsphere.telling import Teller
from engine.bus import codec, subjects
from engine.bus.memory import MemoryBus
from engine.clients.vsphere_inventory import Change
from engine.clock import HandClock

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)


def vm(ref: str, name: str, uuid: str, power: str = "poweredOn") -> Change:
    values = {
        "name": name,
        "datastore": (),
        "runtime.powerState": power,
        "runtime.connectionState": "connected",
        "runtime.host": "host-1",
        "config.instanceUuid": uuid,
        "config.template": False,
        "config.files.vmPathName": f"[san1] {name}/{name}.vmx",
        "config.hardware.numCPU": 1,
        "config.hardware.memoryMB": 1024,
    }
    return Change("VirtualMachine", ref, False, values)


def uuid(number: int) -> str:
    return f"50000000-0000-4000-8000-{number:012d}"


class Site:
    """Some vCenters, each with its inventory and its teller, on one bus."""

    def __init__(self, *names: str) -> None:
        self.clock = HandClock(NOW)
        self.bus = MemoryBus(self.clock)
        self.inventories: dict[str, Inventory] = {}
        self.tellers = {name: Teller(name, {}, self.bus, self.clock) for name in names}

    async def show(self, name: str, *changes: Change) -> None:
        self.clock.turn(1)
        inventory = self.inventories.setdefault(name, Inventory(name))
        inventory.replace(changes)
        await self.tellers[name].inventory(inventory)

    async def restarted(self, name: str, *changes: Change) -> None:
        self.tellers[name] = Teller(name, {}, self.bus, self.clock)
        inventory = self.inventories[name] = Inventory(name)
        known = await BusMemory(self.bus, f"vcenter/{name}", self.clock).known()
        inventory.recall(known)
        inventory.replace(changes)
        await self.tellers[name].inventory(inventory, known)

    async def picture(self) -> dict[str, tuple[str, str, bool]]:
        """By UUID: vCenter, power, removed."""
        replay = self.bus.replay(subjects.ALL_INVENTORY, last_per_subject=True)
        found = [codec.decode(record).event.data async for record in replay]
        return {one["instance_uuid"]: (one["vcenter"], one["power"], one.get("removed", False)) for one in found}


def test_vms_of_one_name_in_two_vcenters_are_two():
    async def go():
        site = Site("vc1", "vc2")
        await site.show("vc1", vm("vm-1", "VM-01", uuid(1)))
        await site.show("vc2", vm("vm-1", "VM-01", uuid(2), "poweredOff"))
        assert await site.picture() == {uuid(1): ("vc1", "on", False), uuid(2): ("vc2", "off", False)}

    asyncio.run(go())


def test_vms_of_one_name_in_one_vcenter_are_two_and_one_of_them_can_go():
    async def go():
        site = Site("vc1")
        both = (vm("vm-1", "VM-01", uuid(1)), vm("vm-2", "VM-01", uuid(2)))
        await site.show("vc1", *both)
        assert set(await site.picture()) == {uuid(1), uuid(2)}
        await site.show("vc1", both[1])
        assert await site.picture() == {uuid(1): ("vc1", "on", True), uuid(2): ("vc1", "on", False)}
        await site.restarted("vc1", both[0])
        assert await site.picture() == {uuid(1): ("vc1", "on", False), uuid(2): ("vc1", "on", True)}

    asyncio.run(go())


def test_only_what_changed_is_told():
    async def go():
        site = Site("vc1")
        one, two = vm("vm-1", "VM-01", uuid(1)), vm("vm-2", "VM-02", uuid(2))
        await site.show("vc1", one, two)
        before = (await site.bus.last(subjects_of(2))).sequence
        await site.show("vc1", vm("vm-1", "VM-01", uuid(1), "suspended"), two)
        assert (await site.bus.last(subjects_of(2))).sequence == before
        assert (await site.picture())[uuid(1)] == ("vc1", "suspended", False)

    asyncio.run(go())


def test_the_load_of_a_vm_is_told_when_it_moved_and_after_five_minutes_that_of_a_host_always():
    async def go():
        site, inventory = Site("vc1"), Inventory("vc1")
        host = {
            "name": "esx1",
            "summary.hardware.cpuMhz": 2500,
            "summary.hardware.numCpuCores": 8,
            "summary.hardware.memorySize": 2**36,
        }
        inventory.replace([Change("HostSystem", "host-1", False, host), vm("vm-1", "VM-01", uuid(1))])
        for mhz in (1000, 1010, 1040, 1060, 1060):  # of 2,500: 40.0, 40.4, 41.6, 42.4 and 42.4 %
            site.clock.turn(20)
            await site.tellers["vc1"].load(inventory, {"host-1": (5000, 1024), "vm-1": (mhz, 512)})
        site.clock.turn(300)
        await site.tellers["vc1"].load(inventory, {"vm-1": (1060, 512)})
        told = [codec.decode(record).event async for record in site.bus.replay(subjects.ALL_EVENTS)]
        assert [one.data["cpu_mhz"] for one in told if one.type == "vm.load"] == [1000, 1060, 1060]
        assert len([one for one in told if one.type == "host.load"]) == 5

    asyncio.run(go())


def unread(ref: str, name: str) -> Change:
    """A VM whose files are out of reach: vCenter leaves its whole `config` unset."""
    values = {
        "name": name,
        "runtime.powerState": "poweredOff",
        "runtime.connectionState": "inaccessible",
        "runtime.host": "host-1",
    }
    return Change("VirtualMachine", ref, False, values)


def test_a_vm_whose_record_cannot_be_read_is_still_there_in_its_last_known_form():
    async def go():
        site = Site("vc1")
        await site.show("vc1", vm("vm-1", "VM-01", uuid(1)))
        await site.show("vc1", unread("vm-1", "VM-01"))
        assert await site.picture() == {uuid(1): ("vc1", "off", False)}
        await site.restarted("vc1", unread("vm-1", "VM-01"))
        assert await site.picture() == {uuid(1): ("vc1", "off", False)}
        await site.show("vc1")
        assert await site.picture() == {uuid(1): ("vc1", "off", True)}

    asyncio.run(go())


def test_one_name_that_the_bus_cannot_take_keeps_no_other_from_being_told():
    async def go():
        site = Site("vc1")
        odd = "%2f" * 80  # eighty slashes, as vCenter writes them
        await site.show("vc1", vm("vm-1", odd, uuid(1)), vm("vm-2", "VM-02", uuid(2)))
        assert await site.picture() == {uuid(2): ("vc1", "on", False)}
        assert site.tellers["vc1"].counts.refused == 1

    asyncio.run(go())


def subjects_of(number: int) -> str:
    return f"inventory.vm.{subjects.token(f'vm:VM-0{number}')}.{uuid(number)}"
