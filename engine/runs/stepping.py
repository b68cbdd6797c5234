"""Which step may run, and how steps fold into the end of a run; pure."""

from collections.abc import Iterable, Mapping

from engine.model.policy import After, Step
from engine.model.run import Outcome, Phase

SETTLED = frozenset({Phase.DONE, Phase.FAILED, Phase.UNKNOWN, Phase.HELD, Phase.SKIPPED})
"""A command in one of these is over."""

_GOOD = frozenset({Outcome.SUCCESS, Outcome.PARTIAL})


def requirements(steps: tuple[Step, ...], index: int) -> dict[str, After]:
    """What step `index` waits for. A step without `after` needs the success of the one above it: fail closed."""
    step = steps[index]
    if isinstance(step.after, dict):
        return dict(step.after)
    if index == 0:
        return {}
    return {steps[index - 1].id: step.after or After.SUCCESS}


def allowed(requirements: Mapping[str, After], ended: Mapping[str, Outcome]) -> bool:
    """Whether every named step ended the way this one asks for; `completed` means it ended in any way."""
    return all(_fits(after, ended.get(step)) for step, after in requirements.items())


def _fits(after: After, outcome: Outcome | None) -> bool:
    if outcome is None:
        return False
    if after is After.COMPLETED:
        return True
    good = outcome in _GOOD
    return good if after is After.SUCCESS else not good and outcome is not Outcome.SKIPPED


def outcome_of_step(phases: Iterable[Phase], unplaced: int) -> Outcome:
    """A step is as good as its worst command; a VM without a place makes it partial."""
    seen = set(phases)
    if seen & {Phase.UNKNOWN, Phase.HELD}:
        return Outcome.HELD
    if Phase.FAILED in seen:
        return Outcome.FAILED
    return Outcome.PARTIAL if unplaced or Phase.SKIPPED in seen else Outcome.SUCCESS


def outcome_of_run(steps: Iterable[Outcome]) -> Outcome:
    """A run is as good as its worst step; skipped steps do not count."""
    seen = set(steps) - {Outcome.SKIPPED}
    for worst in (Outcome.HELD, Outcome.FAILED, Outcome.PARTIAL):
        if worst in seen:
            return worst
    return Outcome.SUCCESS if seen else Outcome.SKIPPED
