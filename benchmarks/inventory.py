"""A vCenter with 5,000 VMs: how long the collector takes to have them all stored, and how soon a change is.

The simulator is a process of its own, over TLS; the broker is a real one that syncs before it answers. Cold: from the
start of the collector until the last VM's record is stored. A change: from the moment a VM's power goes off inside
vCenter until that VM's record says so in the broker; the worst of several.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyVmomi import vim
from ruamel.yaml import YAML

from benchmarks.failover import _port
from collectors.vsphere.collecting import VsphereCollector, VsphereSettings
from collectors.vsphere.measuring import PerformanceSettings
from collectors.vsphere.remembering import BusMemory
from engine.bus import codec, embedded, jetstream, subjects
from engine.bus.jetstream import JetStreamBus
from engine.clients import vsphere
from engine.clients.vsphere import Account, Session
from engine.clock import SystemClock
from toban import example

HOSTS, VMS, CHANGES = 100, 5000, 10
SLOTS = 16
READY_WITHIN = 120.0
WAIT = 120.0
ALL_VMS = "inventory.vm.>"


def run() -> dict[str, object]:
    """Seconds cold, and of each change."""
    with tempfile.TemporaryDirectory(prefix="toban-bench-") as folder:
        estate, began = _site(Path(folder) / "site"), time.monotonic()
        with _simulator(estate) as ready:
            built = time.monotonic() - began
            measured = asyncio.run(_measured(Path(folder), ready))
    return {**measured, "seconds_to_build_the_simulated_vcenter": round(built, 1)}


async def _measured(folder: Path, ready: dict[str, str]) -> dict[str, object]:
    clock = SystemClock()
    account = Account(ready["vcenter"], "toban@vsphere.local", "duty-officer", Path(ready["ca"]))
    async with (
        embedded.running(folder / "nats", clock=clock) as server,
        jetstream.connect(server.url, clock=clock, name="bench", user=server.user, password=server.password) as bus,
    ):
        settings = VsphereSettings("vc1", account, performance=PerformanceSettings(every=0.0))
        collector = VsphereCollector(settings, bus, BusMemory(bus, "vcenter/vc1", clock), clock)
        async with asyncio.TaskGroup() as group:
            start, before, first = time.monotonic(), time.process_time(), asyncio.Event()
            task = group.create_task(collector.run(first))
            async with asyncio.timeout(WAIT):
                await first.wait()
            cold, busy = time.monotonic() - start, time.process_time()
            stored = len([record async for record in bus.replay(ALL_VMS, last_per_subject=True)])
            changes = await _changes(bus, account)
            task.cancel()
    return {
        "benchmark": "inventory-of-5000-vms",
        "vms": stored,
        "hosts": HOSTS,
        "good": stored == VMS and cold < 20.0 and max(changes) < 1.0,
        "seconds_cold": round(cold, 2),
        "processor_seconds_of_the_collector_cold": round(busy - before, 2),
        "seconds_per_change_worst": round(max(changes), 3),
        "seconds_per_change_median": round(sorted(changes)[len(changes) // 2], 3),
        "changes": len(changes),
    }


async def _changes(bus: JetStreamBus, account: Account) -> list[float]:
    """One VM after the other is switched off through vCenter."""
    session = await asyncio.to_thread(vsphere.log_in, account)
    rows = await asyncio.to_thread(session.read, vim.VirtualMachine, ["name"])
    chosen = sorted(rows, key=lambda row: str(row.get("name")))[:: VMS // CHANGES][:CHANGES]
    took: list[float] = []
    for row in chosen:
        changed = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_off(bus, str(row.get("name")), changed))
            await asyncio.sleep(1.0)
            task = await asyncio.to_thread(session.managed(vim.VirtualMachine, row.ref).PowerOffVM_Task)
            await asyncio.to_thread(_done, session, task)
            start = time.monotonic()
            async with asyncio.timeout(WAIT):
                await changed.wait()
            took.append(time.monotonic() - start)
            watch.cancel()
    await asyncio.to_thread(session.log_out)
    return took


def _done(session: Session, task: object) -> None:
    while session.read_one(task, ["info.state"]).get("info.state") != "success":
        time.sleep(0.005)


async def _off(bus: JetStreamBus, name: str, changed: asyncio.Event) -> None:
    async for record in bus.follow(f"inventory.vm.{subjects.token(f'vm:{name}')}.>"):
        if codec.decode(record).event.data.get("power") == "off":
            changed.set()


@contextmanager
def _simulator(estate: Path) -> Iterator[dict[str, str]]:
    state = estate.parent / "datacenter"
    command = [sys.executable, "-m", "toban", "simulate", "--estate", str(estate), "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
        try:
            _await(state / "ready.json", child)
            yield json.loads((state / "ready.json").read_text(encoding="utf-8"))
        finally:
            child.terminate()
            child.wait(20)


def _await(path: Path, child: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + READY_WITHIN
    while not path.exists():
        if child.poll() is not None or time.monotonic() > end:
            msg = f"the simulator did not get ready: {child.stderr.read()[-500:] if child.stderr else ''}"
            raise TimeoutError(msg)
        time.sleep(0.1)


def _site(folder: Path) -> Path:
    """The example site with many more blades, all behind one controller's address, and many more VMs."""
    example.write(folder, example.free_ports(), armed=False, quick=True)
    yaml = YAML(typ="safe", pure=True)
    path = folder / "estate.yaml"
    document = yaml.load(path.read_text(encoding="utf-8"))
    bmc = {"url": f"https://127.0.0.1:{_port()}", "system": "1"}
    names = [f"esx{number}" for number in range(HOSTS)]
    document["chassis"] = [
        {
            **document["chassis"][0],
            "name": f"chassis{chassis}",
            "serial": f"CZ{chassis}",
            "slots": [
                {"slot": n, "serial": f"B{chassis}-{n}", "uuid": _uuid(chassis, n), "bmc": bmc}
                for n in range(1, SLOTS + 1)
            ],
        }
        for chassis in range(-(-HOSTS // SLOTS))
    ]
    document["categories"][0]["groups"][0]["hosts"] = [
        {"name": name, "model": "esx-blade", "machine": f"chassis{n // SLOTS}/{n % SLOTS + 1}", "vcenter": "vc1"}
        for n, name in enumerate(names)
    ]
    simulated = document["simulation"]
    simulated["hosts"] = [{"name": name, "cores": 32, "mhz": 2500, "memory_mb": 524288} for name in names]
    simulated["datastores"] = [{"name": "san1", "shared": True, "capacity_gb": 90000, "hosts": names}]
    vm = {"datastore": "san1", "cpus": 2, "memory_mb": 4096, "demand_mhz": 300}
    simulated["vms"] = [{"name": f"VM-{n:04d}", "host": names[n % HOSTS], **vm} for n in range(VMS)]
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
    return path


def _uuid(chassis: int, slot: int) -> str:
    return f"30000000-0000-4000-{chassis:04d}-{slot:012d}"


if __name__ == "__main__":
    print(json.dumps(run()))  # noqa: T201  # the result is this program's output
