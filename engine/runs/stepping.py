"""How commands fold into the end of a step, and steps into the end of a run; pure.

The table is the original system's (SigmaSystemCenter Data Reference Guide, pages 58 and 59).
"""

from collections.abc import Iterable, Mapping

from engine.model import actions
from engine.model.run import Outcome, Phase, PlannedStep

SETTLED = frozenset({Phase.DONE, Phase.FAILED, Phase.UNKNOWN, Phase.HELD, Phase.SKIPPED, Phase.COMPENSATED})
"""A command in one of these is over."""
RESET = "reset-result"


def outcome_of_step(step: PlannedStep, phases: Iterable[Phase]) -> Outcome:
    """A step is as good as its worst command; a VM without a place makes it partial.

    A step that was to take power and came to no command has failed: nobody may take its end for a proof (S5).
    """
    seen = set(phases)
    if seen & {Phase.UNKNOWN, Phase.HELD}:
        return Outcome.HELD
    if Phase.FAILED in seen or (not seen and step.unplaced and _is_ungraceful(step.verb)):
        return Outcome.FAILED
    return Outcome.PARTIAL if step.unplaced or Phase.SKIPPED in seen else Outcome.SUCCESS


def outcome_of_run(steps: Iterable[PlannedStep], ended: Mapping[str, Outcome]) -> Outcome:
    """A run is as good as its worst step among those that ran.

    `reset-result` that ran takes the failures before it out of the account, but nothing that is in doubt: a person
    looks at that. Actions that count as normal never spoil it, however they end.
    """
    counted: list[Outcome] = []
    for step in steps:
        outcome = ended.get(step.id, Outcome.SKIPPED)
        if outcome is Outcome.SKIPPED:
            continue
        if step.verb == RESET:
            counted = [one for one in counted if one is Outcome.HELD]
        counted.append(Outcome.SUCCESS if _counts_as_normal(step.verb) else outcome)
    for worst in (Outcome.HELD, Outcome.FAILED, Outcome.PARTIAL):
        if worst in counted:
            return worst
    return Outcome.SUCCESS if counted else Outcome.SKIPPED


def _is_ungraceful(verb: str) -> bool:
    action = actions.shipped().get(verb)
    return action is None or action.ungraceful


def _counts_as_normal(verb: str) -> bool:
    action = actions.shipped().get(verb)
    return action is not None and action.counts_as_normal
