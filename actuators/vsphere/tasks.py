"""Waiting for a vCenter task, with its progress, to a typed end."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

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


class TaskWatch:
    """Follows tasks."""

    def __init__(self, vcenters: VCenters, clock: Clock) -> None:
        """Time is handed in."""
        self._vcenters, self._clock = vcenters, clock

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
        shown = -1
        while True:
            found = await self._vcenters.ask(vcenter, lambda session: vsphere_reading.task(session, reference))
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
            await meanwhile()
            await self._clock.sleep(POLL)
