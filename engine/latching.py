"""What a decision shuts until a person opens it again: a policy's breaker, a host's quarantine.

Both are written before the decision that says so is stored: whoever reads of it finds it shut.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.guard.control import Control
from engine.model.decision import Decision, Hold
from engine.model.errors import TobanError
from engine.model.match import Match
from engine.model.policy import Policy
from engine.situating import Round

Judged = Decision | TobanError
"""The decision about a match, or why there is none: the match is to be decided again."""


@dataclass(slots=True)
class Case:
    """One match of a round."""

    match: Match
    policy: Policy
    judged: Judged | None = None
    new: bool = False
    """It has to be stored."""
    opens: bool = False
    """It opens its policy's breaker."""


async def latch(control: Control, together: Round, cases: Sequence[Case]) -> bool:
    """Shut what these decisions shut; whether anything was. What cannot be written leaves its match undecided."""
    shut = False
    for case in cases:
        judged = case.judged
        if not isinstance(judged, Hold) or not (case.opens or case.new):
            continue
        try:
            if case.opens:
                await control.open_breaker(case.policy.name, _why(judged, "breaker"), judged.at)
                shut = True
            shut = await _quarantine(control, together, case, judged) or shut
        except TobanError as error:
            case.judged = error
    return shut


async def _quarantine(control: Control, together: Round, case: Case, judged: Hold) -> bool:
    place = together.places.of(case.match.key)
    why = _why(judged, "flapping").partition(";")[0]
    if not why or place is None or together.orders.quarantined(place.id):
        return False
    await control.put_into_quarantine(place.id, why)
    return True


def _why(judged: Hold, code: str) -> str:
    return next((reason.en for reason in judged.reasons if reason.code == code), "")
