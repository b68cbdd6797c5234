"""Policies while on duty: a changed file takes effect, a broken one is told everywhere and leaves its old version."""

import asyncio
from collections.abc import Sequence

import structlog

from engine.clock import Clock
from engine.flow import Flow
from engine.model.errors import ConfigurationError, TobanError
from engine.model.event import Severity
from engine.rules.literals import Unusable
from engine.rules.port import CoreFault
from engine.schedule.ticking import Ticking, planned
from engine.telling import Teller
from toban.reloading import Change, Files

log = structlog.get_logger()
ABOUT = "toban:policies"


class PolicyWatch:
    """Looks at the policy files three times a second."""

    def __init__(self, files: Files, flow: Flow, ticking: Ticking, teller: Teller, clock: Clock) -> None:
        """`files` has had its first look; flow and schedules follow what it gave."""
        self._files, self._flow, self._ticking, self._teller, self._clock = files, flow, ticking, teller, clock
        self.problems: tuple[str, ...] = ()
        """What is wrong with files that cannot be used, for `toban status`."""

    async def run(self, every: float = 0.33) -> None:
        """Until cancelled; seconds between two looks. A change takes effect within three of them."""
        while True:
            await self._clock.sleep(every)
            try:
                change = await asyncio.to_thread(self._files.look)
            except ConfigurationError as error:
                await self._unusable(str(error))
            else:
                if change is not None:
                    await self.take(change)

    async def _unusable(self, why: str) -> None:
        """The files cannot be looked at as a whole: everything goes on as it was, and it is said once."""
        if why not in self.problems:
            self.problems = (*self.problems, why)
            await self._say("toban.policy.broken", f"nothing was changed: {why}", Severity.CRITICAL)

    async def take(self, change: Change) -> None:
        """Follow a change, and say so."""
        self.problems = tuple(str(problem) for problem in change.shelf.problems)
        try:
            if change.new or change.changed or change.removed:
                await self._flow.exchange(change.shelf.policies)
                self._ticking.exchange(planned(change.shelf.policies))
                await self._say("toban.policy.loaded", str(change), Severity.INFO)
        except (TobanError, Unusable, CoreFault) as error:
            self.problems = (*self.problems, f"the change could not be taken over: {error}")
            await self._say("toban.policy.broken", f"nothing was changed: {error}", Severity.CRITICAL)
        for file in change.broken:
            await self._say("toban.policy.broken", self._why(file, change), Severity.CRITICAL)
        for file in change.mended:
            await self._say("toban.policy.mended", file, Severity.INFO)

    def _why(self, file: str, change: Change) -> str:
        found: Sequence[str] = [str(problem) for problem in change.shelf.problems if problem.file == file]
        return f"{found[0]} ({len(found)} findings; the old version, if there was one, goes on)"

    async def _say(self, kind: str, text: str, severity: Severity) -> None:
        log.log(30 if severity is Severity.CRITICAL else 20, kind, text=text)
        await self._teller.tell(kind, f"{self._clock.now().isoformat()} {text}", ABOUT, text, severity)
