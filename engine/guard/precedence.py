"""Who goes first where several policies match one object at once; pure and deterministic."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from engine.model.decision import Decision, Hold

NEVER_GOES_ON = frozenset({"mode.recommend", "disarmed", "breaker"})
"""Codes of what is held until a person does something about the policy: it keeps nobody else waiting."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A match that is open, or whose run has not ended."""

    match: str
    policy: str
    priority: int
    opened_at: datetime
    running: bool = False

    @property
    def rank(self) -> tuple[int, bool, datetime, str, str]:
        """The lower, the earlier its turn: priority, then what is going already, then the order of time."""
        return (-self.priority, not self.running, self.opened_at, self.policy, self.match)


class Claims:
    """Claims by object; `names` of an object are all under which it may be matched."""

    def __init__(self) -> None:
        """Nobody wants anything."""
        self._by_object: dict[str, dict[str, Claim]] = {}
        self._objects: dict[str, str] = {}

    def put(self, key: str, claim: Claim) -> None:
        """A match wants its object; what it said before is replaced."""
        self.drop(claim.match)
        self._by_object.setdefault(key, {})[claim.match] = claim
        self._objects[claim.match] = key

    def drop(self, match: str) -> None:
        """A match wants nothing any more."""
        key = self._objects.pop(match, None)
        if key is None:
            return
        del self._by_object[key][match]
        if not self._by_object[key]:
            del self._by_object[key]

    def known(self, match: str) -> Claim | None:
        """The claim of a match."""
        key = self._objects.get(match)
        return self._by_object[key][match] if key is not None else None

    def rival(self, mine: Claim, names: Iterable[str]) -> Claim | None:
        """Of the claims of other policies on these objects the first that goes before this one, or None."""
        found = [
            one
            for name in names
            for one in self._by_object.get(name, {}).values()
            if one.policy != mine.policy and one.rank < mine.rank
        ]
        return min(found, key=lambda one: one.rank, default=None)


def waits(decision: Decision) -> bool:
    """Whether a decision keeps lower policies waiting: held for now, and able to go on by itself or by an approval."""
    return isinstance(decision, Hold) and not NEVER_GOES_ON & {reason.code for reason in decision.reasons}
