"""A host with 50 VMs dies in the simulator: how long the failover takes beside what its tasks take at the very least.

The whole product over real wires: `toban simulate`, `toban run --embedded`, an injected fault, the journal's own times.
The least time is one VM's way through the simulated tasks, as if all others went beside it: leave the inventory
(disconnect, remove), be registered, be started.
"""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml import YAML

from engine.clock import SystemClock
from engine.model.run import Entry, Outcome, Phase
from engine.runs.journal import BusJournal
from toban import connecting, example, settings

HOSTS, VMS = 9, 50
TASKS = {"power": 4.0, "relocate": 6.0, "register": 1.5, "disconnect": 1.5, "remove": 1.5}
LEAST = TASKS["disconnect"] + TASKS["remove"] + TASKS["register"] + TASKS["power"]
WAIT = 120.0


def run() -> dict[str, object]:
    """Seconds, and the ratio that is to stay below 1.3."""
    with tempfile.TemporaryDirectory(prefix="toban-bench-") as folder:
        config = _site(Path(folder) / "site")
        with _process("simulate", "--estate", str(config.parent / "estate.yaml")):
            _await(config.parent / "datacenter" / "ready.json")
            with _process("run", "--config", str(config), "--embedded"):
                _await(config.parent / "store" / "ready.json")
                time.sleep(4.0)  # the inventory's first reading
                fault = ["inject", "fault", "blade-power-lost", "chassis1/1", "--config", str(config)]
                subprocess.run([sys.executable, "-m", "toban", *fault], check=True, capture_output=True)
                return asyncio.run(_measured(config))


async def _measured(config: Path) -> dict[str, object]:
    async with connecting.bus(settings.load(config), SystemClock(), name="bench") as bus:
        journal, end = BusJournal(bus), time.monotonic() + WAIT
        while time.monotonic() < end:
            for name in await _runs(bus):
                entries, _ = await journal.read(name)
                if entries and entries[-1].phase is Phase.ENDED:
                    return _result(entries)
            await asyncio.sleep(1.0)
    msg = f"no run ended within {WAIT:.0f} s"
    raise TimeoutError(msg)


async def _runs(bus: connecting.Bus) -> list[str]:
    return [record.subject.partition(".")[2] async for record in bus.replay("runs.>", last_per_subject=True)]


def _result(entries: tuple[Entry, ...]) -> dict[str, object]:
    fenced = next(entry.at for entry in entries if entry.phase is Phase.STEP and entry.step == "fence")
    started = [e.at for e in entries if e.phase is Phase.DONE and e.step == "move" and e.command is not None]
    outcome = entries[-1].outcome
    wall = (max(started) - fenced).total_seconds()
    return {
        "benchmark": "failover-of-50-vms",
        "vms": VMS,
        "hosts": HOSTS,
        "outcome": outcome.value if outcome is not None else None,
        "good": outcome is Outcome.SUCCESS,
        "journal_records": len(entries),
        "seconds_from_fence_to_last_vm_running": round(wall, 2),
        "seconds_at_the_very_least": LEAST,
        "ratio": round(wall / LEAST, 2),
        "seconds_of_the_whole_run": round((entries[-1].at - entries[0].at).total_seconds(), 2),
    }


def _site(folder: Path) -> Path:
    config = example.write(folder, example.free_ports(), armed=True, quick=True)
    yaml = YAML(typ="rt", pure=True)
    path = folder / "estate.yaml"
    document = yaml.load(path.read_text(encoding="utf-8"))
    slot, host = document["chassis"][0]["slots"][1], document["categories"][0]["groups"][0]["hosts"][1]
    simulated = document["simulation"]
    for number in range(3, HOSTS + 1):
        bmc = {**slot["bmc"], "url": f"https://127.0.0.1:{_port()}"}
        uuid = f"{slot['uuid'][:-2]}{number:02d}"
        one = {**slot, "slot": number, "serial": f"BLD000000{number}", "uuid": uuid, "bmc": bmc}
        document["chassis"][0]["slots"].append(one)
        document["categories"][0]["groups"][0]["hosts"].append(
            {**host, "name": f"esx{number}", "machine": f"chassis1/{number}"}
        )
        simulated["hosts"].append({**simulated["hosts"][1], "name": f"esx{number}"})
    simulated["datastores"][0]["hosts"] = [f"esx{number}" for number in range(1, HOSTS + 1)]
    vm = {"host": "esx1", "datastore": "san1", "cpus": 1, "memory_mb": 1024, "demand_mhz": 100}
    simulated["vms"] = [{"name": f"VM-{number:02d}", **vm} for number in range(1, VMS + 1)]
    simulated["task_seconds"].update(TASKS)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
    return config


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(*arguments: str) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-m", "toban", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    ) as child:
        try:
            yield
        finally:
            child.terminate()
            child.wait(20)


def _await(path: Path) -> None:
    end = time.monotonic() + 40
    while not path.exists():
        if time.monotonic() > end:
            msg = f"{path.name} did not appear"
            raise TimeoutError(msg)
        time.sleep(0.1)
