"""Waiting for a vCenter task, with its progress, to a typed end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from actuators.vsphere.sessions import VCenters
from actuators.vsphere.trails import Trail
from engine.clients import vsphere_reading, vsphere_tasks
from engine.clients.vsphere_reading import TaskFacts
from engine.clock import Clock
from engine.model.command import Command
from engine.model.errors import InDoubt, Permanent

log = structlog.get_logger()

POLL = 0.3
MEANWHILE = 1.5
"""Seconds between two looks at what a task may be waiting for."""
Meanwhile = Callable[[], Awaitable[None]]


class TaskFailed(Permanent):
    """The task ended with a fault; `fault` is its type name."""

    def __init__(self, fault: str, sentence: str) -> None:
        """Fault and sentence."""
        super().__init__(sentence)
        self.fault = fault


async def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an order."""

    task: str
    state: str
    """queued, running, success, error."""
    fault: str = ""

    @property
    def under_way(self) -> bool:
        """It has not ended."""
        return self.state in ("queued", "running")


@dataclass(slots=True)
class _Board:
    """The tasks of one vCenter that somebody waits for: fifty waiters are one question, not fifty."""

    wanted: set[str] = field(default_factory=set)
    seen: dict[str, TaskFacts | None] = field(default_factory=dict)
    read_at: float | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class TaskWatch:
    """Follows tasks."""

    def __init__(self, vcenters: VCenters, clock: Clock) -> None:
        """Time is handed in."""
        self._vcenters, self._clock = vcenters, clock
        self._boards: dict[str, _Board] = {}

    async def fate(self, vcenter: str, reference: str) -> Fate | None:
        """What became of an order: by its task, or by the trail that it left; None: vCenter knows of no such task."""
        trail = Trail.parse(reference)
        if trail is None:
            found = await self._vcenters.ask(vcenter, lambda session: vsphere_reading.task(session, reference))
            return Fate(reference, found.state, found.fault) if found is not None else None
        about, begin = trail.about, trail.begin
        lines = await self._vcenters.ask(
            vcenter, lambda session: vsphere_tasks.since(session, about.kind, about.ref, begin)
        )
        line = trail.newest(lines)
        return Fate(line.ref, line.state, line.fault) if line is not None else None

    async def finish(
        self, command: Command, vcenter: str, reference: str, meanwhile: Meanwhile = _nothing
    ) -> TaskFacts:
        """The task's end; `meanwhile` is called between looks.

        Raises TaskFailed with the fault, or InDoubt if vCenter forgot the task: then only the end state counts.
        """
        board = self._boards.setdefault(vcenter, _Board())
        board.wanted.add(reference)
        try:
            return await self._end_of(command, vcenter, reference, meanwhile)
        finally:
            board.wanted.discard(reference)

    async def _end_of(self, command: Command, vcenter: str, reference: str, meanwhile: Meanwhile) -> TaskFacts:
        shown, due = -1, self._clock.monotonic() + MEANWHILE
        while True:
            found = await self._read(vcenter, reference)
            if found is None:
                msg = f"vCenter {vcenter} no longer knows the task {reference}"
                raise InDoubt(msg)
            if found.progress != shown:
                shown = found.progress
                log.info("vcenter.task", command=command.id, verb=command.verb, task=reference, percent=shown)
            if found.state == "success":
                return found
            if found.state == "error":
                raise TaskFailed(found.fault, str(found.error))
            if self._clock.monotonic() >= due:
                await meanwhile()
                due = self._clock.monotonic() + MEANWHILE
            await self._clock.sleep(POLL)

    async def _read(self, vcenter: str, reference: str) -> TaskFacts | None:
        """The task's state, read together with all others that somebody waits for at this vCenter."""
        board, asked = self._boards[vcenter], self._clock.monotonic()
        async with board.lock:
            if board.read_at is None or board.read_at < asked or reference not in board.seen:
                began, refs = self._clock.monotonic(), tuple(board.wanted)
                board.seen = await self._vcenters.ask(vcenter, lambda session: vsphere_reading.tasks(session, refs))
                board.read_at = began
            return board.seen[reference]
