"""One command, from look to DONE: what each sight of the world allows next."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass

import structlog

from engine.clock import Clock
from engine.model.command import Command, Sighting, State
from engine.model.errors import InDoubt, Permanent, TobanError, Transient
from engine.model.run import Phase, RunPlan
from engine.runs.ledger import Ledger
from engine.runs.port import Effector, Stop

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long, where a command does not say; seconds. Defaults: safety.md S4 and 5.3."""

    attempts: int = 3
    pause: float = 10.0
    """Between attempts."""
    grace: float = 60.0
    """How long an act in doubt is only looked at before it is tried again."""
    looks: int = 3
    """How often an unreadable world is read again before the run is held."""
    poll: float = 1.0


@dataclass(slots=True)
class _Try:
    command: Command
    ledger: Ledger
    until: float
    run: str | None = None
    """The run whose cancelling stops it."""
    attempt: int = 0
    reference: str | None = None
    doubt_until: float | None = None
    unread: int = 0

    def most(self, patience: Patience) -> int:
        """How often it may be tried."""
        return self.command.attempts if self.command.attempts is not None else patience.attempts

    def pause(self, patience: Patience) -> float:
        """Seconds between two tries."""
        return self.command.pause if self.command.pause is not None else patience.pause


@dataclass(frozen=True, slots=True)
class EffectorSets:
    """Effectors by verb: those that act, and those that only say what they would do."""

    armed: Mapping[str, Effector]
    rehearsed: Mapping[str, Effector]

    def of(self, verb: str, *, rehearsal: bool) -> Effector | None:
        """The effector of a verb."""
        return (self.rehearsed if rehearsal else self.armed).get(verb)


class Commander:
    """Carries out commands through the effectors of their verbs; at most `attempts` acts each, never blindly."""

    def __init__(self, effectors: EffectorSets, stop: Stop, clock: Clock, patience: Patience) -> None:
        """All parts are handed in."""
        self._effectors, self._stop, self._clock, self._patience = effectors, stop, clock, patience

    async def cancelled(self, plan: RunPlan) -> str | None:
        """Who cancelled this run and why, or None; whatever comes after that word is not begun.

        A rehearsal touches nothing, so nothing stops it: not even an engine that is not armed.
        """
        return None if plan.rehearsal else await self._stop(f"run:{plan.run}")

    async def carry_out(self, command: Command, plan: RunPlan, ledger: Ledger, *, compensating: bool = False) -> None:
        """Bring the command to DONE, FAILED, HELD or UNKNOWN, whichever the world allows; all of it journalled.

        A run that a person cancelled begins nothing more, except what takes back what it did (`compensating`).
        """
        effector = self._effectors.of(command.verb, rehearsal=plan.rehearsal)
        if effector is None:
            await ledger.write(Phase.FAILED, command=command, detail=f"nothing here can do {command.verb}")
            return
        now = self._clock.monotonic()
        run = None if compensating else f"run:{plan.run}"
        attempt = _Try(command, ledger, until=now + command.deadline, run=run)
        before = ledger.view.commands.get(command.id)
        if before is not None:  # an earlier life started it: in doubt until the world says otherwise
            attempt.attempt, attempt.reference = before.attempt, before.reference
            attempt.doubt_until = now + self._patience.grace
            log.info("run.command.resumed", run=plan.run, command=command.id, phase=before.phase.value)
        while not await self._once(effector, attempt):
            if self._clock.monotonic() >= attempt.until:
                detail = f"no end within {command.deadline:.0f} s; the outcome is unknown"
                await ledger.write(Phase.UNKNOWN, command=command, attempt=attempt.attempt, detail=detail)
                return

    async def _once(self, effector: Effector, attempt: _Try) -> bool:
        """One look and what follows from it; True once the command is settled."""
        sighting = await self._look(effector, attempt)
        if sighting.state is State.UNKNOWN:
            return await self._unreadable(attempt, sighting)
        attempt.unread = 0
        if sighting.state is State.REACHED:
            return await self._reached(attempt, sighting)
        if sighting.state is State.REFUSED:
            return await self._settle(attempt, Phase.FAILED, sighting.detail, sighting)
        if sighting.state is State.BUSY:
            return await self._busy(effector, attempt, sighting)
        return await self._ready(effector, attempt, sighting)

    async def _look(self, effector: Effector, attempt: _Try) -> Sighting:
        try:
            return await effector.look(attempt.command, attempt.reference)
        except TobanError as error:
            return Sighting(State.UNKNOWN, str(error))

    async def _unreadable(self, attempt: _Try, sighting: Sighting) -> bool:
        attempt.unread += 1
        if attempt.unread >= self._patience.looks:
            detail = f"held: {sighting.detail}"
            return await self._settle(attempt, Phase.HELD, detail, sighting)
        await self._clock.sleep(self._patience.pause)
        return False

    async def _reached(self, attempt: _Try, sighting: Sighting) -> bool:
        facts = dict(sighting.facts)
        if attempt.attempt:
            await attempt.ledger.write(
                Phase.VERIFIED, command=attempt.command, attempt=attempt.attempt, detail=sighting.detail, facts=facts
            )
        return await self._settle(attempt, Phase.DONE, sighting.detail, sighting)

    async def _busy(self, effector: Effector, attempt: _Try, sighting: Sighting) -> bool:
        task = sighting.facts.get("task")
        reference = task if isinstance(task, str) else attempt.reference
        if reference is None:
            await self._clock.sleep(self._patience.poll)
            return False
        attempt.reference = reference
        return await self._try(attempt, effector.follow(attempt.command, reference))

    async def _ready(self, effector: Effector, attempt: _Try, sighting: Sighting) -> bool:
        now = self._clock.monotonic()
        if attempt.doubt_until is not None and now < attempt.doubt_until:
            await self._clock.sleep(self._patience.poll)
            return False
        if attempt.attempt >= attempt.most(self._patience):
            detail = f"{attempt.attempt} attempt(s) did not bring it about: {sighting.detail}"
            return await self._settle(attempt, Phase.FAILED, detail, sighting)
        if attempt.attempt:
            await self._clock.sleep(attempt.pause(self._patience))
        for scope in (attempt.command.target, attempt.run):
            stopped = await self._stop(scope) if scope is not None else None
            if stopped is not None:
                return await self._settle(attempt, Phase.HELD, f"stopped: {stopped}", sighting)
        attempt.attempt, attempt.reference, attempt.doubt_until = attempt.attempt + 1, None, None
        await attempt.ledger.write(
            Phase.START,
            command=attempt.command,
            attempt=attempt.attempt,
            detail=f"{attempt.command.verb}: {sighting.detail}",
            facts=dict(sighting.facts),
        )
        attempt.ledger.guard()

        async def called(reference: str) -> None:
            attempt.reference = reference
            await attempt.ledger.write(
                Phase.CALLED, command=attempt.command, attempt=attempt.attempt, reference=reference
            )

        return await self._try(attempt, effector.act(attempt.command, called))

    async def _try(self, attempt: _Try, work: Coroutine[object, object, None]) -> bool:
        remaining = max(0.0, attempt.until - self._clock.monotonic())
        try:
            async with asyncio.timeout(remaining):
                await work
        except (InDoubt, TimeoutError) as error:
            log.warning("run.command.in_doubt", command=attempt.command.id, error=str(error))
            attempt.doubt_until = self._clock.monotonic() + self._patience.grace
        except Transient as error:
            log.warning("run.command.transient", command=attempt.command.id, error=str(error))
            await self._clock.sleep(min(error.retry_after, attempt.pause(self._patience)))
        except Permanent as error:
            return await self._settle(attempt, Phase.FAILED, str(error), None)
        return False

    async def _settle(self, attempt: _Try, phase: Phase, detail: str, sighting: Sighting | None) -> bool:
        facts = dict(sighting.facts) if sighting is not None else {}
        await attempt.ledger.write(phase, command=attempt.command, attempt=attempt.attempt, detail=detail, facts=facts)
        return True
