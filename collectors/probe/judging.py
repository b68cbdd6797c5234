"""What a round of questions says: who is down, who is back, and whether it is us who cannot see. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from collectors.probe.asking import Outcome


@dataclass(frozen=True, slots=True)
class Health:
    """One target, as far as it was asked."""

    failures: int = 0
    """Rounds in a row in which it was asked and silent."""
    down: bool = False
    answered: bool = False
    """It answered in the last round in which it could be asked."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A round, judged."""

    healths: Mapping[str, Health]
    blind: str | None
    """Why nobody is called down now, or None."""


def judge(
    before: Mapping[str, Health], outcomes: Mapping[str, Outcome], anchors: Mapping[str, Outcome], failures: int
) -> Verdict:
    """Fold one round in; `failures` silent rounds in a row are a death, one answer is life.

    Where nothing answers any more it is our own sight that is gone (safety rule S3): while that is so, nobody is called
    down and no failure counts. With anchors (routers, other sites) they alone decide that; without, it needs two
    targets, since one that is silent may simply be dead.
    """
    blind = _blindness(outcomes, anchors)
    healths = {name: _after(before.get(name, Health()), one, failures, blind) for name, one in outcomes.items()}
    return Verdict(healths, blind)


def _after(before: Health, outcome: Outcome, failures: int, blind: str | None) -> Health:
    if outcome is Outcome.ANSWERED:
        return Health(answered=True)
    if outcome is Outcome.UNKNOWN or blind is not None:
        return replace(before, answered=False)
    count = before.failures + 1
    return Health(count, down=before.down or count >= failures)


def _blindness(outcomes: Mapping[str, Outcome], anchors: Mapping[str, Outcome]) -> str | None:
    if anchors:
        if Outcome.ANSWERED in anchors.values():
            return None
        return f"none of the {len(anchors)} anchors answers: our own network may be gone"
    asked = [one for one in outcomes.values() if one is not Outcome.UNKNOWN]
    if not asked:
        return "no target could be asked" if outcomes else None
    if len(asked) > 1 and Outcome.ANSWERED not in asked:
        return f"none of {len(asked)} targets answers: our own network may be gone"
    return None
