"""From datagram to decision: a real trap into a real `toban run`, until its decision can be read from the broker.

The trap says each time that a blade lost its power; before it another one says that the power is back: it is news. Then
the same in the midst of a storm, 10,000 traps a second of 256 other blades.
"""

import asyncio
import math
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from collectors.snmp.composing import ENTERPRISE, RACK
from engine.bus import subjects
from engine.bus.port import Bus
from engine.clients import snmp_encoding
from engine.clock import SystemClock
from engine.estate import loading
from engine.model import ids
from engine.model.estate import Chassis
from toban import connecting, example, settings
from toban.demo import processes

POWER_LOST, POWER_ON = 22056, 22069
ROUNDS, STORM_ROUNDS = 300, 200
STORM = 10_000.0
PATIENCE = 60.0
WARM = 20
POLICY = """\
apiVersion: toban/v1
kind: Policy
metadata: {name: at-once, title: {en: "No hold", ja: "即時"}}
spec:
  when: {event: blade.power.lost, by: subject}
  do:
    - {id: tell, notify: {channel: bench}}
"""


def run() -> dict[str, object]:
    """Milliseconds from `sendto` to the decision in the hands of another process: p50, p99, longest."""
    with tempfile.TemporaryDirectory(prefix="toban-bench-") as folder:
        quiet, storm = asyncio.run(_measure(Path(folder)))
    return {
        "name": "datagram-to-decision",
        **_summed(quiet),
        "in_a_storm": {**_summed(storm), "traps_per_s": STORM},
        "path": "UDP, spool, JetStream (sync_interval: always), rules, guard, JetStream, follower",
    }


def _summed(took: list[float]) -> dict[str, object]:
    ordered = sorted(took)
    return {
        "p50_ms": round(statistics.median(ordered), 2),
        "p99_ms": round(ordered[math.ceil(0.99 * len(ordered)) - 1], 2),
        "longest_ms": round(ordered[-1], 2),
        "datagrams": len(ordered),
    }


async def _measure(folder: Path) -> tuple[list[float], list[float]]:
    config = example.write(folder, example.free_ports(), armed=False, quick=True)
    for path in (folder / "policies").glob("*.yaml"):
        path.unlink()
    (folder / "policies" / "at-once.yaml").write_text(POLICY, encoding="utf-8")
    chosen = settings.load(config)
    arguments = ("run", "--config", str(config), "--embedded")
    async with processes.child("toban run", folder / "run.log", *arguments) as engine:
        await processes.appears(folder / "store" / "ready.json", engine, folder / "run.log")
        async with connecting.bus(chosen, SystemClock(), name="bench") as bus:
            chassis = loading.load(chosen.estate).chassis[0]
            quiet = await _rounds(bus, chosen.snmp.bind, chassis, ROUNDS)
            async with _storm(chosen.snmp.bind):
                return quiet, await _rounds(bus, chosen.snmp.bind, chassis, STORM_ROUNDS)


@asynccontextmanager
async def _storm(bind: str) -> AsyncIterator[None]:
    host, _, port = bind.rpartition(":")
    arguments = ("-m", "benchmarks.storms_sending", host, port, str(STORM), "600", "storm")
    sender = await asyncio.create_subprocess_exec(sys.executable, *arguments)
    await asyncio.sleep(3.0)
    try:
        yield
    finally:
        sender.terminate()
        await sender.wait()


async def _rounds(bus: Bus, bind: str, chassis: Chassis, rounds: int) -> list[float]:
    host, _, port = bind.rpartition(":")
    took: list[float] = []
    coming: asyncio.Queue[float] = asyncio.Queue()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        async with asyncio.TaskGroup() as group:
            following = group.create_task(_follow(bus, ids.machine_id(chassis.name, 1), coming))
            await asyncio.sleep(1.0)
            for number in range(rounds + WARM):
                out.sendto(_datagram(chassis.serial, POWER_ON), (host, int(port)))
                await asyncio.sleep(0.02)
                datagram = _datagram(chassis.serial, POWER_LOST)
                began = time.perf_counter()
                out.sendto(datagram, (host, int(port)))
                ended = await asyncio.wait_for(coming.get(), PATIENCE)
                if number >= WARM:
                    took.append(1000 * (ended - began))
                await asyncio.sleep(0.02)
            following.cancel()
    return took


def _datagram(serial: str, trap: int) -> bytes:
    fields: list[tuple[str, int | str]] = [(f"{RACK}.3.1.1.1.7.1", serial), (f"{RACK}.4.1.1.1.8.1.1", 1)]
    return snmp_encoding.trap_v2c(b"toban", f"{ENTERPRISE}.0.{trap}", fields)


async def _follow(bus: Bus, about: str, coming: asyncio.Queue[float]) -> None:
    mark = f'"object":"{about}"'.encode()
    async for record in bus.follow(subjects.ALL_DECISIONS):
        if mark in record.body:
            coming.put_nowait(time.perf_counter())
