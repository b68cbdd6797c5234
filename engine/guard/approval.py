"""What a person's yes or no, or nobody's word until the deadline, means for a policy in `approve`; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from engine.model.decision import Decision, Hold
from engine.model.policy import Approval

WAITS = "mode.approve"
Standing = Literal["waiting", "approved", "rejected", "ignore", "hold", "act"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said about a match."""

    yes: bool
    by: str
    at: datetime
    """When it was stored, by the broker's clock."""
    why: str = ""


def standing(approval: Approval, since: datetime | None, answer: Answer | None, now: datetime) -> Standing:
    """How it stands. `since`: when nothing but the person was first waited for.

    A no always counts. A yes counts until the deadline; behind it only where the policy still waits (`hold`). After the
    deadline without an answer it is what `otherwise` says.
    """
    if answer is not None and not answer.yes:
        return "rejected"
    deadline = since + timedelta(seconds=approval.deadline) if since is not None else None
    if answer is not None and (deadline is None or answer.at <= deadline or approval.otherwise == "hold"):
        return "approved"
    if deadline is None or now < deadline:
        return "waiting"
    return approval.otherwise


def waits_only_for_a_person(decision: Decision) -> bool:
    """From the first such decision on the deadline is counted."""
    return isinstance(decision, Hold) and [reason.code for reason in decision.reasons] == [WAITS]
