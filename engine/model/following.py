"""Which step of a run may follow which; pure.

The table is the original system's (SigmaSystemCenter Data Reference Guide, pages 58 and 59).
"""

from collections.abc import Mapping

from engine.model.policy import After, Step
from engine.model.run import Outcome


def requirements(steps: tuple[Step, ...], index: int) -> dict[str, After]:
    """What step `index` waits for. A step without `after` needs the success of the one above it: fail closed."""
    step = steps[index]
    if isinstance(step.after, dict):
        return dict(step.after)
    if index == 0:
        return {}
    return {steps[index - 1].id: step.after or After.SUCCESS}


def allowed(requirements: Mapping[str, After], ended: Mapping[str, Outcome]) -> bool:
    """Whether every named step ended the way this one asks for; one that did not run ended in no way at all."""
    return all(_fits(after, ended.get(step)) for step, after in requirements.items())


def _fits(after: After, outcome: Outcome | None) -> bool:
    """`success`: all of it was done; `failed`: it was not, or not all of it; `completed`: either."""
    if outcome is None or outcome is Outcome.SKIPPED:
        return False
    if after is After.COMPLETED:
        return True
    return (outcome is Outcome.SUCCESS) is (after is After.SUCCESS)
