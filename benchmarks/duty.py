"""A `toban run` of its own for a benchmark: an estate of many hosts, an embedded broker, nothing else to talk to."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import worlds
from engine.bus import subjects
from engine.bus.port import Bus
from engine.clock import SystemClock
from engine.model.estate import Site
from engine.model.hardware import Bmc
from toban import connecting, example, settings
from toban.demo import processes

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Duty:
    """The process, and a connection to its broker."""

    pid: int
    bus: Bus

    def cpu_seconds(self) -> float:
        """Processor time that the process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mib(self) -> float:
        """Its resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * 4096 / 2**20

    async def decided(self, policy: str | None = None, about: str = "") -> int:
        """How many matches have a decision: of this policy, about objects whose name begins so."""
        found = {
            record.subject.split(".")[1]
            async for record in self.bus.replay(subjects.ALL_DECISIONS)
            if (policy is None or f'"policy":"{policy}"'.encode() in record.body)
            and f'"object":"{about}'.encode() in record.body
        }
        return len(found)


@asynccontextmanager
async def on_duty(folder: Path, site: Site, policies: Iterable[Mapping[str, object]]) -> AsyncIterator[Duty]:
    """On duty over this estate, not armed, until the block ends."""
    config = example.write(folder, example.free_ports(), armed=False, quick=True)
    for path in (folder / "policies").glob("*.yaml"):
        path.unlink()
    for number, one in enumerate(policies):
        (folder / "policies" / f"{number}.yaml").write_text(json.dumps(one), encoding="utf-8")
    written = {"apiVersion": "toban/v1", "kind": "Estate", **_plain(site)}
    (folder / "estate.yaml").write_text(json.dumps(written), encoding="utf-8")
    chosen = settings.load(config)
    arguments = ("run", "--config", str(config), "--embedded")
    async with processes.child("toban run", folder / "run.log", *arguments) as engine:
        await processes.appears(folder / "store" / "ready.json", engine, folder / "run.log")
        pid = json.loads((folder / "store" / "ready.json").read_text(encoding="utf-8"))["pid"]
        async with connecting.bus(chosen, SystemClock(), name="bench") as bus:
            await asyncio.sleep(1.0)
            yield Duty(pid, bus)


def _plain(site: Site) -> dict[str, object]:
    found: dict[str, object] = site.model_dump(mode="json", exclude_defaults=True)
    return found


def hosts(count: int) -> Site:
    """An estate whose vCenter and BMCs refuse at once: nobody listens at port 1 of the loopback network."""
    site = worlds.site(count)
    chassis = []
    for number, one in enumerate(site.chassis):
        bmcs = [Bmc(url=f"https://127.1.{number}.{slot.slot}:1") for slot in one.slots]
        slots = [slot.model_copy(update={"bmc": bmc}) for slot, bmc in zip(one.slots, bmcs, strict=True)]
        chassis.append(one.model_copy(update={"slots": tuple(slots)}))
    vcenters = tuple(one.model_copy(update={"url": "https://127.0.0.1:1/sdk"}) for one in site.vcenters)
    return site.model_copy(update={"chassis": tuple(chassis), "vcenters": vcenters})
