"""Lives of a process that carries one run out over real wires; one may kill itself (SIGKILL) at a journal boundary.

Each life is forked from a server that has everything imported; broker and datacenter outlive it.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from engine.bus import jetstream
from engine.clock import SystemClock
from engine.guard.control import Control
from engine.model.run import Entry, Outcome, RunPlan
from engine.runs.commanding import Commander, EffectorSets, Patience
from engine.runs.journal import BusJournal
from engine.runs.runner import Runner
from toban import declaring, parts

LIVES = multiprocessing.get_context("forkserver")
LIVES.set_forkserver_preload(["tests.e2e.lives"])


@dataclass(frozen=True, slots=True)
class Death:
    """At which record a life ends, counted from 1, and on which side of it."""

    record: int
    side: str

    @property
    def label(self) -> str:
        return f"{self.side}-{self.record}"


class Mortal(BusJournal):
    """The journal in a process that dies at one of its records."""

    def __init__(self, bus: jetstream.JetStreamBus, death: Death | None) -> None:
        super().__init__(bus)
        self._death, self._count = death, 0

    async def append(self, entries: tuple[Entry, ...], position: int) -> int:
        before = self._count
        self._count += len(entries)
        mine = self._death is not None and before < self._death.record <= self._count
        if mine and self._death.side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        stored = await super().append(entries, position)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return stored


async def _live(folder: Path, url: str, death: Death | None) -> None:
    declared, clock = declaring.declare(folder / "toban.yaml"), SystemClock()
    chosen = declared.settings
    plan = RunPlan.model_validate_json((folder / "plan.json").read_bytes())
    async with jetstream.connect(url, clock=clock, name="life") as bus:
        wires = parts.Wires(chosen, declared.site, bus, clock)
        try:
            patience = Patience(attempts=chosen.runs.attempts, pause=chosen.runs.pause, grace=chosen.runs.in_doubt)
            effectors = EffectorSets(armed=wires.effectors.armed, rehearsed=wires.effectors.rehearsed)
            commander = Commander(effectors, Control(bus).stopped, clock, patience)
            outcome = await Runner(Mortal(bus, death), wires.leases, commander, clock).start(plan)
        finally:
            wires.close()
    (folder / "outcome").write_text(outcome.value, encoding="utf-8")


def apart(folder: Path, work: Callable[..., Awaitable[None]], *given: object, within: float = 90.0) -> int:
    """Work in a process of its own; its exit code. What it says is in the folder's lives.log."""
    process = LIVES.Process(target=_begin, args=(folder, work, given))
    process.start()
    process.join(within)
    words = (folder / "lives.log").read_text(encoding="utf-8")[-3000:]
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"it did not end: {words}")
    assert process.exitcode in (0, -signal.SIGKILL), words
    return process.exitcode


def _begin(folder: Path, work: Callable[..., Awaitable[None]], given: tuple[object, ...]) -> None:
    with (folder / "lives.log").open("a") as words:
        os.dup2(words.fileno(), 1)
        os.dup2(words.fileno(), 2)
    asyncio.run(work(folder, *given))


def live(folder: Path, url: str, death: Death | None) -> Outcome | None:
    """One life: how the run ended, or None if the life was killed at its boundary."""
    if apart(folder, _live, url, death) != 0:
        return None
    return Outcome((folder / "outcome").read_text(encoding="utf-8"))
