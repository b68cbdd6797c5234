"""Waiting for a vCenter task, with its progress, to a typed end."""

from collections.abc import Awaitable, Callable

import structlog

from actuators.vsphere.sessions import VCenters
from engine.clients import vsphere_reading
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


class TaskWatch:
    """Follows tasks."""

    def __init__(self, vcenters: VCenters, clock: Clock) -> None:
        """Time is handed in."""
        self._vcenters, self._clock = vcenters, clock

    async def running(self, vcenter: str, reference: str | None) -> bool:
        """A task of an earlier call is still under way."""
        if reference is None:
            return False
        found = await self._vcenters.ask(vcenter, lambda session: vsphere_reading.task(session, reference))
        return found is not None and found.state in ("queued", "running")

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
