"""The tutorial's acceptance test for optimised placement (domain.md 7, T8), through the engine's own policies.

Two hosts; VM-02 and VM-03 take 20 % of a host's CPU each, VM-01 goes 40 > 0 > 40 %. When VM-01 idles, all three are
packed on esx2; when it rises, esx2 passes the high boundary and VM-01 moves to esx1: the first layout is restored.
"""

import asyncio
from datetime import UTC, datetime, timedelta

from ruamel.yaml import YAML

from engine.clock import HandClock
from engine.deciding import DeciderSettings
from engine.model import catalogue
from engine.model.estate import Estate
from engine.model.event import Arrival, Event
from engine.model.policy import Policy
from engine.rehearsing.staging import Setting, Stage
from tests.engine import worlds
from tests.engine.runs.crash import plans

MHZ = 20000


def policy(name: str, **changes: object) -> Policy:
    """A shipped policy on duty, with the tutorial's boundaries."""
    one = YAML(typ="safe", pure=True).load((plans.POLICIES / f"{name}.yaml").read_text(encoding="utf-8"))
    spec = {**one["spec"], "mode": "automatic", **changes}
    return Policy.model_validate({**one, "spec": {key: value for key, value in spec.items() if value is not None}})


LOW = policy(
    "power-save",
    when={"metric": "host.load.cpu_percent", "below": 50, "for": "10m", "clear": 60, "by": "group"},
    unless=[],
    minimum_running=0,
    cooldown="0s",
    budget=None,
    do=[{"id": "save", "power-save": {"group": "$group", "below": 60, "empty": 1}}],
    **{"if": None},
)
HIGH = policy(
    "host-high-load",
    when={"metric": "host.load.cpu_percent", "above": 75, "for": "10m", "clear": 45, "by": "host"},
    cooldown="0s",
)


class NoEyes:
    async def look(self, place):
        return ()

    def blind(self, place):
        return None


class Lab:
    """Two hosts whose VMs really move when a run says so, and whose load is measured every minute."""

    def __init__(self) -> None:
        vms = [
            worlds.vm(1, 1, cpu_used_mhz=8000),
            worlds.vm(2, 2, cpu_used_mhz=4000),
            worlds.vm(3, 2, cpu_used_mhz=4000),
        ]
        world = worlds.estate()
        estate = Estate(
            site=world.site,
            hosts={"esx1": worlds.host(1, cpu_used_mhz=8000), "esx2": worlds.host(2, cpu_used_mhz=8000)},
            vms={vm.instance_uuid: vm for vm in vms},
            datastores=world.datastores,
        )
        self.clock = HandClock(datetime(2026, 11, 25, 8, tzinfo=UTC))
        guard = DeciderSettings(armed=True, orders_age=0.0)
        setting = Setting(self.clock, estate, NoEyes(), guard, frozenset({"toban"}))
        self.stage = Stage(setting, (LOW, HIGH), catalogue.shipped())
        self.sequence = 0
        self.seen_runs: set[str] = set()

    def where(self) -> dict[str, str | None]:
        return {vm.name: vm.host for vm in self.stage.estate.vms.values()}

    async def event(self, kind: str, subject: str, **data: object) -> None:
        self.sequence += 1
        now = self.clock.now()
        one = Event(id=f"e{self.sequence}", type=kind, source="vcenter/vc1", subject=subject, time=now, data=data)
        await self.stage.hear(Arrival(event=one, sequence=self.sequence, stored_at=now))

    async def load(self, name: str, mhz: int) -> None:
        vm = next(vm for vm in self.stage.estate.vms.values() if vm.name == name)
        await self.event(
            "inventory.vm", f"vm:{name}", **vm.model_copy(update={"cpu_used_mhz": mhz}).model_dump(mode="json")
        )

    async def minutes(self, count: int) -> None:
        """Time passes; what runs moved is moved, and loads are measured."""
        for _ in range(count):
            await self.stage.pass_to(self.clock.now() + timedelta(minutes=1))
            await self._moved()
            for host in ("esx1", "esx2"):
                used = sum(vm.cpu_used_mhz for vm in self.stage.estate.vms.values() if vm.host == host)
                live = self.stage.estate.hosts[host].model_copy(update={"cpu_used_mhz": used})
                await self.event("inventory.host", f"host:{host}", **live.model_dump(mode="json"))
                await self.event("host.load", f"host:{host}", cpu_percent=100.0 * used / MHZ, memory_percent=10.0)

    async def _moved(self) -> None:
        async for record in self.stage.bus.replay("runs.>"):
            for entry in plans.entries(record.body):
                for step in entry.plan.steps if entry.plan is not None and entry.run not in self.seen_runs else ():
                    for command in step.commands:
                        await self._move(command)
                if entry.plan is not None:
                    self.seen_runs.add(entry.run)

    async def _move(self, command) -> None:
        if command.verb == "vm.migrate":
            name = command.target.removeprefix("vm:")
            vm = next(vm for vm in self.stage.estate.vms.values() if vm.name == name)
            there = vm.model_copy(update={"host": command.parameters["target"]})
            await self.event("inventory.vm", command.target, **there.model_dump(mode="json"))


def test_idle_vms_are_packed_on_one_host_and_the_first_layout_comes_back_with_the_load() -> None:
    lab = Lab()
    first = {"VM-01": "esx1", "VM-02": "esx2", "VM-03": "esx2"}

    async def night() -> list[dict[str, str | None]]:
        seen = []
        await lab.minutes(5)
        seen.append(lab.where())
        await lab.load("VM-01", 100)  # an idle guest is never quite at rest
        await lab.minutes(15)
        seen.append(lab.where())
        await lab.load("VM-01", 8000)
        await lab.minutes(15)
        seen.append(lab.where())
        await lab.minutes(60)
        seen.append(lab.where())
        return seen

    assert asyncio.run(night()) == [first, dict.fromkeys(first, "esx2"), first, first]


def test_a_short_spike_moves_nothing() -> None:
    lab = Lab()

    async def night() -> dict[str, str | None]:
        await lab.load("VM-02", 16000)
        await lab.minutes(4)
        await lab.load("VM-02", 4000)
        await lab.minutes(8)
        return lab.where()

    assert asyncio.run(night()) == {"VM-01": "esx1", "VM-02": "esx2", "VM-03": "esx2"}
