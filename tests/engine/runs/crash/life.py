"""One life of a process: every await of its wires is counted, and at one of them it dies and touches nothing more."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from engine.bus.leases import BusLeases
from engine.bus.memory import MemoryBus, Storage
from engine.clock import Clock
from engine.guard.control import Control
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Refused
from engine.model.run import Outcome, RunPlan
from engine.runs.commanding import Commander, EffectorSets, Patience
from engine.runs.journal import BusJournal
from engine.runs.runner import Runner
from tests.engine.runs.crash.world import World, judge
from tests.virtual import LoopClock

LEASE = 6.0


class Killed(BaseException):
    """The process died here."""


@dataclass
class Wires:
    """The gate that every call of a life goes through, twice: before it takes effect and after."""

    dies_at: int | None = None
    passed: int = 0
    dead: bool = False

    def gate(self) -> None:
        if self.dead:
            raise Killed
        self.passed += 1
        if self.passed == self.dies_at:
            self.dead = True
            raise Killed


class Clocked:
    """Time; the dead do not wait."""

    def __init__(self, wires: Wires) -> None:
        self._wires, self._clock = wires, LoopClock()
        self.now, self.monotonic = self._clock.now, self._clock.monotonic

    async def sleep(self, seconds: float) -> None:
        self._wires.gate()
        await self._clock.sleep(seconds)
        self._wires.gate()


class Wired(MemoryBus):
    """The bus of a life, over a storage that outlives it."""

    def __init__(self, clock: Clock, storage: Storage, wires: Wires) -> None:
        super().__init__(clock, storage)
        self._wires, self._swapping = wires, False

    async def append(self, subject: str, body: bytes, *, expected: int, nonce: str) -> int:
        if self._swapping:
            return await super().append(subject, body, expected=expected, nonce=nonce)
        self._wires.gate()
        stored = await super().append(subject, body, expected=expected, nonce=nonce)
        self._wires.gate()
        return stored

    async def swap(self, bucket, key, value, *, expected, life=None) -> int:
        """A value and its life are one message to the broker."""
        self._wires.gate()
        self._swapping = True
        try:
            stored = await super().swap(bucket, key, value, expected=expected, life=life)
        finally:
            self._swapping = False
        self._wires.gate()
        return stored

    async def replay(self, subject, *, since=None, last_per_subject=False) -> AsyncIterator:
        self._wires.gate()
        async for record in super().replay(subject, since=since, last_per_subject=last_per_subject):
            yield record
        self._wires.gate()

    async def get(self, bucket, key):
        self._wires.gate()
        return await super().get(bucket, key)


class Hands:
    """The hands of a life on the world; every verb."""

    def __init__(self, world: World, wires: Wires) -> None:
        self.world, self._wires = world, wires

    def get(self, verb, default=None):
        return self

    async def look(self, command: Command, reference: str | None = None) -> Sighting:
        self._wires.gate()
        await asyncio.sleep(0.01)
        self._wires.gate()
        return judge(self.world, command, reference)

    async def act(self, command: Command, called: Called) -> None:
        trail = f"after {command.id}"
        await called(trail)
        self._wires.gate()
        if judge(self.world, command, trail).state is not State.READY:
            msg = f"{command.id} is not to be done now"
            raise Refused(msg)
        task = self.world.order(command, trail)
        self._wires.gate()
        if not command.verb.startswith("machine."):  # a controller keeps no task
            await called(task)
        await self.follow(command, task)

    async def follow(self, command: Command, reference: str) -> None:
        self._wires.gate()
        task = self.world.task_of(reference)
        if task is not None:
            await self.world.tasks[task].ends.wait()
        else:
            await asyncio.sleep(1.0)
        self._wires.gate()


async def live(world: World, storage: Storage, plan: RunPlan, wires: Wires, number: int) -> Outcome | None:
    """Carry the run on until it ends, or until this life does (None)."""
    clock = Clocked(wires)
    bus = Wired(clock, storage, wires)
    hands = Hands(world, wires)
    patience = Patience(attempts=3, pause=2.0, grace=8.0)
    commander = Commander(EffectorSets(hands, hands), Control(bus).stopped, clock, patience)
    runner = Runner(BusJournal(bus), BusLeases(bus, clock, f"life-{number}", LEASE), commander, clock)
    try:
        return await runner.start(plan)
    except (Killed, BaseExceptionGroup) as error:
        if not wires.dead:
            raise
        assert _only_killed(error), error
        return None


def _only_killed(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only_killed(one) for one in error.exceptions)
    return isinstance(error, Killed | asyncio.CancelledError)
