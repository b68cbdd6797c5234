"""What was decided and is going on: folded from decisions, runs and matches; rebuilt from the streams at a start."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.guard import approval, limits, precedence
from engine.guard.deeds import Deed, Deeds
from engine.guard.precedence import Claim, Claims
from engine.model.decision import Act, Decision, Hold
from engine.model.match import Match
from engine.model.policy import Mode, Policy

KEPT = timedelta(days=4)
"""How long a decision is remembered: longer than a match can be brought back by a restart."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """When a match was first seen in this life, and how many seconds too late."""

    at: datetime
    overdue: float
    opened_at: datetime


@dataclass(slots=True)
class Remembered:
    """By match, which is also the name of its run."""

    latest: dict[str, Decision] = field(default_factory=dict)
    deeds: Deeds = field(default_factory=Deeds)
    claims: Claims = field(default_factory=Claims)
    waiting: dict[str, datetime] = field(default_factory=dict)
    """Since when nothing but a person's word is missing."""
    noticed: dict[str, Noticed] = field(default_factory=dict)

    def take(self, decision: Decision, policy: Policy | None) -> None:
        """A decision as it is stored; its policy, if it still exists."""
        self.latest[decision.match] = decision
        if approval.waits_only_for_a_person(decision):
            self.waiting.setdefault(decision.match, decision.at)
        if isinstance(decision, Act):
            self.deeds.record(decision.match, _deed(decision, policy))
        self._claim(decision, policy)
        if not isinstance(decision, Hold):
            self.waiting.pop(decision.match, None)
            self.noticed.pop(decision.match, None)

    def notice(self, match: Match, policy: Policy, now: datetime) -> None:
        """A match is there, whatever will be decided: from now on policies behind it wait."""
        if match.id in self.noticed:
            return
        latest = self.latest.get(match.id)
        behind = 0.0
        if latest is None or "late.recheck" in {reason.code for reason in latest.reasons}:
            behind = max(match.late_by, (now - match.at).total_seconds(), 0.0)
        self.noticed[match.id] = Noticed(now, behind, match.opened_at)
        self._wants(match, policy)

    def intend(self, decision: Decision, policy: Policy) -> None:
        """It is decided and about to be stored: what is decided after it counts with it already."""
        if isinstance(decision, Act):
            self.deeds.record(decision.match, _deed(decision, policy))
        self._claim(decision, policy)

    def withdraw(self, match: Match, policy: Policy) -> None:
        """What was intended could not be stored: it was never decided."""
        self.deeds.withdraw(match.id)
        self.claims.drop(match.id)
        self._wants(match, policy)

    def finish(self, run: str) -> None:
        """A run has ended."""
        self.deeds.finish(run)
        self.claims.drop(run)

    def end(self, match: str) -> None:
        """The condition behind a match is over; a run that goes on keeps its object."""
        claim = self.claims.known(match)
        if claim is not None and not claim.running:
            self.claims.drop(match)
        self.noticed.pop(match, None)
        self.waiting.pop(match, None)

    def forget(self, now: datetime, reach: timedelta) -> None:
        """Drop what no decision can rest on any more."""
        self.deeds.forget(now - reach)
        before = now - KEPT
        self.latest = {
            name: one
            for name, one in self.latest.items()
            if one.at >= before or (isinstance(one, Hold) and name in self.noticed)
        }
        self.waiting = {name: at for name, at in self.waiting.items() if name in self.latest}

    def _wants(self, match: Match, policy: Policy) -> None:
        latest = self.latest.get(match.id)
        if policy.spec.mode in (Mode.OBSERVE, Mode.RECOMMEND):
            return
        if latest is None or precedence.waits(latest):
            self.claims.put(match.key, Claim(match.id, policy.name, policy.spec.priority, match.opened_at))

    def _claim(self, decision: Decision, policy: Policy | None) -> None:
        known = self.claims.known(decision.match)
        if isinstance(decision, Act):
            priority = policy.spec.priority if policy is not None else 50
            opened = known.opened_at if known is not None else decision.at
            self.claims.put(decision.object, Claim(decision.match, decision.policy, priority, opened, running=True))
        elif isinstance(decision, Hold) and precedence.waits(decision):
            here = self.noticed.get(decision.match)
            if known is None and here is not None and policy is not None:
                claim = Claim(decision.match, policy.name, policy.spec.priority, here.opened_at)
                self.claims.put(decision.object, claim)
        else:
            self.claims.drop(decision.match)


def _deed(decision: Act, policy: Policy | None) -> Deed:
    rough = policy is None or limits.is_ungraceful(policy)
    takes = policy is None or limits.takes_capacity(policy)
    return Deed(decision.at, decision.policy, decision.object, rough, takes_capacity=takes)
