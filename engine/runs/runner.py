"""The runner walks a plan: look, START, act, look, DONE, each line durable before the next move."""

import structlog

from engine.clock import Clock
from engine.model import following
from engine.model.errors import TobanError
from engine.model.run import Outcome, Phase, PlannedStep, RunPlan
from engine.runs import stepping
from engine.runs.commanding import Commander
from engine.runs.ledger import Ledger
from engine.runs.port import Journal, Leases

log = structlog.get_logger()


class Runner:
    """Carries runs to their end; one run at a time per target by its lease. Safe to start again after any crash."""

    def __init__(self, journal: Journal, leases: Leases, commander: Commander, clock: Clock) -> None:
        """All parts are handed in."""
        self._journal, self._leases, self._commander, self._clock = journal, leases, commander, clock

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
            await ledger.write(Phase.PLANNED, plan=plan, detail=f"{plan.policy} for {plan.object}")
        known = ledger.view.plan or plan
        if known is None:  # pragma: no cover  the branch above wrote it
            msg = f"run {run} has no plan"
            raise TobanError(msg)
        async with self._leases.hold(known.object) as lease:
            ledger.lease = lease
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
        if not following.allowed(step.after, ledger.view.steps):
            return Outcome.SKIPPED
        for command in step.commands:
            standing = ledger.view.commands.get(command.id)
            if standing is not None and standing.phase in stepping.SETTLED:
                continue
            missing = [need for need in command.needs if not ledger.is_done(need)]
            if missing:
                detail = f"not tried: {', '.join(missing)} did not succeed"
                await ledger.write(Phase.SKIPPED, command=command, detail=detail)
                continue
            await self._commander.carry_out(command, plan, ledger)
        phases = [ledger.view.commands[command.id].phase for command in step.commands]
        return stepping.outcome_of_step(step, phases)


def _told(step: PlannedStep, outcome: Outcome) -> str:
    left = "; ".join(item.en for item in step.unplaced)
    return f"{step.verb}: {outcome.value}" + (f"; not done: {left}" if left else "")
