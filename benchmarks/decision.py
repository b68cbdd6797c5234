"""From datagram to decision: a real trap into a real `toban run`, until its decision can be read from the broker."""

import asyncio
import math
import socket
import statistics
import tempfile
import time
from pathlib import Path

from collectors.snmp.composing import ENTERPRISE, RACK
from engine.bus import subjects
from engine.bus.port import Bus
from engine.clients import snmp_encoding
from engine.clock import SystemClock
from engine.estate import loading
from toban import connecting, example, settings
from toban.demo import processes

ROUNDS = 300
WARM = 20
POLICY = """\
apiVersion: toban/v1
kind: Policy
metadata: {name: at-once, title: {en: "No hold", ja: "即時"}}
spec:
  when: {event: chassis.inventory.changed, by: subject}
  do:
    - {id: tell, notify: {channel: bench}}
"""


def run() -> dict[str, object]:
    """Milliseconds from `sendto` to the decision in the hands of another process: p50, p99, longest."""
    with tempfile.TemporaryDirectory(prefix="toban-bench-") as folder:
        took = asyncio.run(_measure(Path(folder)))
    ordered = sorted(took)
    return {
        "name": "datagram-to-decision",
        "p50_ms": round(statistics.median(ordered), 2),
        "p99_ms": round(ordered[math.ceil(0.99 * len(ordered)) - 1], 2),
        "longest_ms": round(ordered[-1], 2),
        "datagrams": len(ordered),
        "path": "UDP, spool, JetStream (sync_interval: always), rules, guard, JetStream, follower",
    }


async def _measure(folder: Path) -> list[float]:
    config = example.write(folder, example.free_ports(), armed=False, quick=True)
    for path in (folder / "policies").glob("*.yaml"):
        path.unlink()
    (folder / "policies" / "at-once.yaml").write_text(POLICY, encoding="utf-8")
    chosen = settings.load(config)
    arguments = ("run", "--config", str(config), "--embedded")
    async with processes.child("toban run", folder / "run.log", *arguments) as engine:
        await processes.appears(folder / "store" / "ready.json", engine, folder / "run.log")
        async with connecting.bus(chosen, SystemClock(), name="bench") as bus:
            return await _rounds(bus, chosen.snmp.bind, loading.load(chosen.estate).chassis[0].serial)


async def _rounds(bus: Bus, bind: str, serial: str) -> list[float]:
    host, _, port = bind.rpartition(":")
    took: list[float] = []
    coming: asyncio.Queue[float] = asyncio.Queue()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        async with asyncio.TaskGroup() as group:
            following = group.create_task(_follow(bus, coming))
            await asyncio.sleep(1.0)
            for number in range(ROUNDS + WARM):
                datagram = _datagram(serial, number + 1)
                began = time.perf_counter()
                out.sendto(datagram, (host, int(port)))
                ended = await asyncio.wait_for(coming.get(), 10)
                if number >= WARM:
                    took.append(1000 * (ended - began))
                await asyncio.sleep(0.02)
            following.cancel()
    return took


def _datagram(serial: str, sequence: int) -> bytes:
    fields: list[tuple[str, int | str]] = [(f"{RACK}.3.1.1.1.7.1", serial), (f"{RACK}.3.1.1.1.15.1", sequence)]
    return snmp_encoding.trap_v2c(b"toban", f"{ENTERPRISE}.0.22072", fields)


async def _follow(bus: Bus, coming: asyncio.Queue[float]) -> None:
    async for _ in bus.follow(subjects.ALL_DECISIONS):
        coming.put_nowait(time.perf_counter())
