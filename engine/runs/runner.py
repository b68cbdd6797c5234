"""The runner walks a plan: look, START, act, look, DONE, each line durable before the next move."""

import asyncio
from contextlib import AsyncExitStack

import structlog

from engine.clock import Clock
from engine.model import following
from engine.model.command import Command
from engine.model.errors import TobanError
from engine.model.run import Outcome, Phase, PlannedStep, RunPlan
from engine.runs import alternatives, compensating, scheduling, stepping
from engine.runs.commanding import Commander
from engine.runs.ledger import Ledger, Together
from engine.runs.port import Journal, Leases
from engine.runs.scheduling import Bounds

log = structlog.get_logger()


class Runner:
    """Carries runs to their end; one run at a time per target by its leases. Safe to start again after any crash."""

    def __init__(
        self, journal: Journal, leases: Leases, commander: Commander, clock: Clock, bounds: Bounds | None = None
    ) -> None:
        """All parts are handed in. `bounds`: how much goes on side by side within a step."""
        self._journal, self._leases, self._commander, self._clock = journal, leases, commander, clock
        self._bounds = bounds or Bounds()

    async def start(self, plan: RunPlan) -> Outcome:
        """Carry out a plan. If the run exists already (an earlier life wrote it), it is resumed instead."""
        return await self._carry(plan.run, plan)

    async def resume(self, run: str) -> Outcome:
        """Carry on with a run that the journal knows."""
        return await self._carry(run, None)

    async def unfinished(self) -> tuple[str, ...]:
        """Runs that an earlier life began and did not end."""
        return await self._journal.unfinished()

    async def _carry(self, run: str, plan: RunPlan | None) -> Outcome:
        ledger = await Ledger.open(self._journal, run, self._clock)
        if ledger.view.outcome is not None:
            return ledger.view.outcome
        if ledger.view.plan is None:
            if plan is None:
                msg = f"run {run} has no plan in its journal; nothing can be resumed"
                raise TobanError(msg)
            await ledger.write(Phase.PLANNED, plan=plan, detail=_planned(plan))
        known = ledger.view.plan or plan
        if known is None:  # pragma: no cover  the branch above wrote it
            msg = f"run {run} has no plan"
            raise TobanError(msg)
        commands = [command for step in known.steps for command in step.commands]
        async with AsyncExitStack() as stack:
            targets = scheduling.exclusive(commands, known.object)
            ledger.lease = Together([await stack.enter_async_context(self._leases.hold(one)) for one in targets])
            return await self._walk(known, ledger)

    async def _walk(self, plan: RunPlan, ledger: Ledger) -> Outcome:
        for step in plan.steps:
            if step.id not in ledger.view.steps:
                outcome = await self._step(step, plan, ledger)
                await ledger.write(Phase.STEP, step=step.id, outcome=outcome, detail=_told(step, outcome))
                log.info("run.step.ended", run=plan.run, step=step.id, outcome=outcome.value)
        ended = stepping.outcome_of_run(plan.steps, ledger.view.steps)
        await ledger.write(Phase.ENDED, outcome=ended, detail=f"the run ended: {ended.value}")
        log.info("run.ended", run=plan.run, policy=plan.policy, object=plan.object, outcome=ended.value)
        return ended

    async def _step(self, step: PlannedStep, plan: RunPlan, ledger: Ledger) -> Outcome:
        cancelled = await self._commander.cancelled(plan)
        begun = any(command.id in ledger.view.commands for command in step.commands)
        if not begun and (cancelled is not None or not following.allowed(step.after, ledger.view.steps)):
            return Outcome.SKIPPED if cancelled is None else Outcome.HELD
        await self._all_of(step, plan, ledger)
        phases = {command.id: ledger.view.commands[command.id].phase for command in step.commands}
        cancelled = cancelled or await self._commander.cancelled(plan)
        for undo in compensating.undoing(step.commands, phases, cancelled=cancelled is not None):
            await self._take_back(undo, plan, ledger)
        return stepping.outcome_of_step(step, alternatives.counted(step.commands, phases).values())

    async def _all_of(self, step: PlannedStep, plan: RunPlan, ledger: Ledger) -> None:
        """Every command of the step to its end, side by side as far as they may."""
        going: dict[str, Command] = {}
        ended = asyncio.Event()

        async def one(command: Command) -> None:
            try:
                await self._commander.carry_out(command, plan, ledger)
            finally:
                del going[command.id]
                ended.set()

        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    ended.clear()
                    choice = scheduling.next_of(step.commands, _settled(ledger), list(going.values()), self._bounds)
                    for command, detail in choice.skip:
                        await ledger.write(Phase.SKIPPED, command=command, detail=detail)
                    for command in choice.go:
                        going[command.id] = command
                        group.create_task(one(command), name=f"command {command.id}")
                    if not going and not choice.skip:
                        return
                    if going:
                        await ended.wait()
        except BaseExceptionGroup as several:  # the first one says why the run stands still
            raise several.exceptions[0] from several

    async def _take_back(self, undo: Command, plan: RunPlan, ledger: Ledger) -> None:
        """Carry out an undo, and note that what it takes back is gone."""
        standing = ledger.view.commands.get(undo.id)
        if standing is None or standing.phase not in stepping.SETTLED:
            await self._commander.carry_out(undo, plan, ledger, compensating=True)
        if ledger.is_done(undo.id):
            taken = undo.model_copy(update={"id": compensating.undone(undo)})
            await ledger.write(Phase.COMPENSATED, command=taken, detail=f"taken back by {undo.verb}")


def _settled(ledger: Ledger) -> dict[str, Phase]:
    return {name: one.phase for name, one in ledger.view.commands.items() if one.phase in stepping.SETTLED}


def _planned(plan: RunPlan) -> str:
    notes = [note for step in plan.steps for note in step.notes]
    return "; ".join([f"{plan.policy} for {plan.object}", *notes])


def _told(step: PlannedStep, outcome: Outcome) -> str:
    left = "; ".join(item.en for item in step.unplaced)
    return f"{step.verb}: {outcome.value}" + (f"; not done: {left}" if left else "")
