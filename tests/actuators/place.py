"""A small datacenter over real wires, effectors to act on it, and commands as planners write them."""

import asyncio
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from actuators.effectors import Effectors, EffectorSettings
from actuators.redfish.blades import FencePatience
from engine.bus.memory import MemoryBus, Storage
from engine.clients.redfish import BmcAccount
from engine.clients.vsphere import Account
from engine.clients.vsphere_joining import HostLogin
from engine.clock import SystemClock
from engine.model.command import Command
from engine.model.run import RunPlan
from engine.runs.commanding import Commander, EffectorSets, Patience
from engine.runs.journal import BusJournal
from engine.runs.ledger import Ledger
from toban import example
from toban.simulator.datacenter import Datacenter

QUICK = "detect_after: 0.2, return_after: 0.1, boot_after: 0.3, shutdown_after: 0.3"


class Killed(BaseException):
    """The process died here."""


@dataclass
class DyingJournal:
    """The bus's journal in a process that dies at its n-th record, before or after it is durable."""

    journal: BusJournal
    at: int | None
    durable_first: bool
    count: int = 0

    async def read(self, run):
        return await self.journal.read(run)

    async def append(self, entries, position):
        self.count += 1
        if self.count == self.at and not self.durable_first:
            raise Killed
        stored = await self.journal.append(entries, position)
        if self.count == self.at:
            raise Killed
        return stored


async def nobody_says_stop(target):
    return None


@dataclass
class Place:
    world: Datacenter
    settings: EffectorSettings
    folder: Path
    storage: Storage = field(default_factory=Storage)

    def run(self, work, settings=None):
        """Run a coroutine function with fresh effectors."""

        async def go():
            bus = MemoryBus(SystemClock(), self.storage)
            effectors = Effectors(settings or self.settings, bus, SystemClock())
            try:
                return await work(effectors)
            finally:
                effectors.close()

        return asyncio.run(go())

    def look(self, command, reference=None, **more):
        return self.run(lambda e: e.armed[command.verb].look(command, reference), **more)

    def act(self, command, rehearsed=False):
        """Act once and look; the look, and the tasks that were told."""
        references = []

        async def called(reference):
            references.append(reference)

        async def work(effectors):
            chosen = effectors.rehearsed if rehearsed else effectors.armed
            await chosen[command.verb].act(command, called)
            return await chosen[command.verb].look(command, references[-1] if references else None)

        return self.run(work), [reference for reference in references if reference.startswith("task-")]

    def rehearse(self, command):
        return self.run(lambda e: e.rehearsed[command.verb].look(command))

    def live(self, command, die_at=None, durable_first=True, deadline=None):
        """One life of a process that carries the command out; the phases and details that its journal holds then."""

        async def work(effectors):
            clock = SystemClock()
            journal = BusJournal(MemoryBus(clock, self.storage))
            ledger = await Ledger.open(DyingJournal(journal, die_at, durable_first), "run", clock)
            sets = EffectorSets(effectors.armed, effectors.rehearsed)
            patience = Patience(attempts=2, pause=0.2, grace=1.0, looks=2, poll=0.1)
            plan = RunPlan(run="run", policy="p", object="o", causes=("e",), steps=())
            ordered = command.model_copy(update={"deadline": deadline or command.deadline})
            await Commander(sets, nobody_says_stop, clock, patience).carry_out(ordered, plan, ledger)
            return [(entry.phase.value, entry.detail) for entry in (await journal.read("run"))[0]]

        return self.run(work)

    def fault(self, name, target):
        assert "done" in self.world.ask({"do": "fault", "fault": name, "target": target})

    def vm(self, name):
        return self.world.truth.vms[name]

    def power(self, name):
        return self.world.ask({"do": "state"})["vms"][name]["power"]

    def host(self, name):
        return self.world.ask({"do": "state"})["hosts"][name]

    def until(self, host, wanted):
        end = time.monotonic() + 5
        while self.world.ask({"do": "state"})["hosts"].get(host, {}).get("connection") != wanted:
            assert time.monotonic() < end
            time.sleep(0.05)

    def tasks(self, kind):
        """How many tasks of a kind vCenter was ever given."""
        center = self.world.center
        with self.world.truth.lock:
            infos = [center.registry.read(task, "info") for task in center.tasks._all]
        return sum(info.descriptionId == kind for info in infos)

    def happened(self, what, **about):
        entries = [entry for entry in self.world.ledger.entries() if entry["what"] == what]
        return [entry for entry in entries if about.items() <= entry.items()]

    def dead(self, host="esx1", machine="chassis1/1"):
        self.fault("blade-power-lost", machine)
        self.until(host, "notResponding")

    def empty(self, host="esx2"):
        """Everything on a host is switched off, as its people would."""
        for vm in sorted(self.world.truth.hosts[host].running):
            self.do("PowerOffVM_Task", vm)

    def do(self, method, name, *given):
        """Somebody at the vCenter orders something about a VM or a host, and waits until it is done."""
        from toban.simulator.vcenter.endpoint import METHODS
        from toban.simulator.vcenter.sessions import Session

        center = self.world.center
        with self.world.truth.lock:
            record = center.inventory.vm_named(name) or center.inventory.hosts[name]
            task = METHODS[method](center, Session("hand", user="Administrator"), record, *given)
        while True:
            with self.world.truth.lock:
                if center.registry.read(task, "info").state in ("success", "error"):
                    return
            time.sleep(0.02)


THUMBPRINT = ":".join(["AB"] * 20)
SPARE = f"""      - slot: 3
        serial: BLD0000003
        uuid: 30000000-0000-4000-8000-000000000003
        model: esx-blade
        hypervisor: {{name: esx3, thumbprint: "{THUMBPRINT}"}}
        bmc: {{url: "https://127.0.0.1:PORT", system: "1"}}
models:
"""
INSTALLED = f"""    - {{name: esx3, machine: chassis1/3, thumbprint: "{THUMBPRINT}", joined: false, on: false}}
  vms:
"""


def with_spare(text):
    """The estate with a third blade that serves nobody, off, its hypervisor in no inventory."""
    text = text.replace("models:\n", SPARE.replace("PORT", str(example.free_ports().bmc1)), 1)
    text = text.replace("  vms:\n", INSTALLED, 1).replace("hosts: [esx1, esx2]}", "hosts: [esx1, esx2, esx3]}", 1)
    return text.replace("  snmp: {", "  hypervisor: {user: root, password: install-me}\n  snmp: {", 1)


@contextmanager
def begun(folder, *, spare=False):
    example.write(folder, example.free_ports(), armed=True, quick=True)
    text = (folder / "estate.yaml").read_text(encoding="utf-8").replace("detect_after: 2.0", QUICK)
    (folder / "estate.yaml").write_text(with_spare(text) if spare else text, encoding="utf-8")
    with Datacenter(folder / "estate.yaml", folder / "datacenter") as world:
        ca = Path(world.ready["ca"])
        settings = EffectorSettings(
            vcenters={"vc1": Account(world.ready["vcenter"], "toban@vsphere.local", "duty-officer", ca)},
            bmc=BmcAccount("toban", "blade-keys", ca),
            chassis={},
            notices=folder / "notices.jsonl",
            fence=FencePatience(double_read=0.1, settles_within=1.5),
            hypervisor=HostLogin("root", "install-me"),
        )
        yield Place(world, settings, folder)
        assert world.ask({"do": "ledger"})["failures"] == []


def command(verb, target, /, **parameters):
    return Command(id="run.step.1", step="step", verb=verb, target=target, parameters=parameters)


def switch(place, verb="machine.power_off", slot=1, **changes):
    blade = place.world.truth.blades[f"chassis1/{slot}"].slot
    given = {
        "bmc_url": blade.bmc.url,
        "system": blade.bmc.system,
        "serial": blade.serial,
        "uuid": blade.uuid,
        "chassis": "chassis1",
        "slot": slot,
    }
    return command(verb, f"machine:chassis1/{slot}", **{**given, **changes})


def about_vm(place, verb, name, **more):
    vm = place.vm(name)
    known = {"vcenter": "vc1", "name": name, "instance_uuid": vm.instance_uuid, "path": vm.path}
    return command(verb, f"vm:{name}", **{**known, **more})


def about_host(place, verb, name="esx1", **changes):
    uuid = place.world.truth.hosts[name].blade.slot.uuid if name in place.world.truth.hosts else "x"
    return command(verb, f"host:{name}", **{"vcenter": "vc1", "name": name, "uuid": uuid, "ref": "host-1", **changes})


def about_both(place, verb, name="esx1", **changes):
    """A command about a host that names its blade too."""
    slot = place.world.truth.hosts[name].blade.slot
    blade = {
        "bmc_url": slot.bmc.url,
        "system": slot.bmc.system,
        "serial": slot.serial,
        "machine_uuid": slot.uuid,
        "chassis": "chassis1",
        "slot": slot.slot,
    }
    return about_host(place, verb, name, **{**blade, **changes})


def migration(place, name="VM-01", source="esx1", target="esx2", **more):
    uuid = place.world.truth.hosts[target].blade.slot.uuid
    return about_vm(place, "vm.migrate", name, **{"source": source, "target": target, "target_uuid": uuid, **more})
