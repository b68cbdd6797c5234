"""vCenter's own check of a move (CheckRelocate_Task, CheckMigrate_Task of its provisioning checker), asked beforehand.

Where it cannot be had (an old vCenter, no privilege, no end in time) that is no verdict: our own conditions decide, the
sighting says so, and the log says it once for each vCenter. That is not fail-closed, on purpose: the move itself makes
the same tests before it changes anything, so a move that is refused leaves the VM as it was, while a check that must
succeed would keep VMs on a host that is about to fail.
"""

from dataclasses import dataclass

import structlog

from actuators import parameters
from actuators.vsphere import mobility
from actuators.vsphere.mobility import Passage
from actuators.vsphere.world import World
from engine.clients import vsphere_moving, vsphere_reading
from engine.clients.vsphere_moving import Journey, Verdict
from engine.model.command import Command
from engine.model.errors import Permanent

log = structlog.get_logger()

PATIENCE = 30.0
"""Seconds that vCenter is given for its check."""
POLL = 0.2
FRESH = 15.0
"""Seconds for which an answer counts: while an order in doubt is only looked at, vCenter is not asked every second."""
MOST = 1000
"""Answers that are kept."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known about a move by now."""

    reasons: tuple[str, ...] = ()
    """Why it cannot be made."""
    note: str = ""
    """What else is to be said: a warning of vCenter's, or that it has no check."""


class Compatibility:
    """Asks vCenter about moves."""

    def __init__(self, world: World) -> None:
        """The world is handed in."""
        self._world = world
        self._without: set[str] = set()
        """VCenters of which it was said that they have no check."""
        self._known: dict[tuple[str, str, str, Journey], tuple[float, Judgement]] = {}

    async def judge(self, command: Command, journey: Journey, passage: Passage) -> Judgement:
        """What vCenter says about a move that our own conditions allow; raises Transient if it cannot be reached."""
        now = self._world.clock.monotonic()
        key = (parameters.text(command, "vcenter"), passage.vm.power, passage.rests, journey)
        at, known = self._known.get(key, (None, Judgement()))
        if at is not None and now - at < FRESH:
            return known
        found = await self._judged(command, journey, passage)
        while len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[key] = (now, found)
        return found

    async def _judged(self, command: Command, journey: Journey, passage: Passage) -> Judgement:
        try:
            told = await self._ask(command, journey)
        except Permanent as error:
            return self._no_check(command, passage, str(error))
        if isinstance(told, str):
            return self._no_check(command, passage, told)
        warnings = [mobility.told(one) for one in told.warnings if mobility.counts(one, passage)]
        note = f"vCenter warns: {'; '.join(warnings[: mobility.SHOWN])}" if warnings else ""
        return Judgement(tuple(mobility.found(told, passage)), note)

    async def _ask(self, command: Command, journey: Journey) -> Verdict | str:
        """The verdict, or why there is none."""
        task = await self._world.ask(command, lambda session: vsphere_moving.check(session, journey))
        until = self._world.clock.monotonic() + PATIENCE
        while True:
            facts = await self._world.ask(command, lambda session: vsphere_reading.task(session, task))
            if facts is None:
                return "vCenter no longer knows the task of its check"
            if facts.state == "success":
                return await self._world.ask(command, lambda session: vsphere_moving.verdict(session, task))
            if facts.state == "error":
                return str(facts.error)
            if self._world.clock.monotonic() >= until:
                return f"the check had no end within {PATIENCE:.0f} s"
            await self._world.clock.sleep(POLL)

    def _no_check(self, command: Command, passage: Passage, why: str) -> Judgement:
        vcenter = parameters.text(command, "vcenter")
        if vcenter not in self._without:
            self._without.add(vcenter)
            log.warning("vcenter.no_compatibility_check", vcenter=vcenter, why=why)
        apart = mobility.lans_differ(passage)
        return Judgement((apart,) if apart is not None else (), f"vCenter did not check it: {why}")
