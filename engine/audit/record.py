"""What a policy has to show before it is trusted with more (safety rule S16): decisions against events; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.model import accounts, actions
from engine.model.decision import Act, Decision, would_act
from engine.model.event import Arrival, Event
from engine.model.policy import Policy

MATCHES, DAYS = 20, 7.0
"""Of one of these a policy needs as much before it goes further without a reason given."""
SAME_WITHIN = timedelta(hours=1)
"""How long after a match a person's act counts as an answer to it."""


@dataclass(frozen=True, slots=True)
class Record:
    """Counts of matches since the policy waits for what it waits for."""

    policy: str
    since: datetime | None
    """None: no engine ever loaded it."""
    days: float
    matches: int = 0
    would_have_acted: int = 0
    """Acted, or would have if it had been let."""
    acted: int = 0
    people_did_the_same: int = 0
    """Where within an hour a person brought about on the object, or the host it hangs on, what its actions do."""
    approved: int = 0
    rejected: int = 0
    ended_by_itself: int = 0
    """False ones: the condition was over before anybody, Toban or a person, did anything."""

    @property
    def enough(self) -> bool:
        """Whether it may go further without a reason given."""
        return self.matches >= MATCHES or self.days >= DAYS


@dataclass(slots=True)
class _Case:
    object: str
    at: datetime
    would: bool = False
    acted: bool = False
    approved: bool = False
    rejected: bool = False


def record(
    policy: Policy,
    since: datetime | None,
    now: datetime,
    decisions: Iterable[Decision],
    story: "Story",
) -> Record:
    """The record of a policy at this moment."""
    days = (now - since).total_seconds() / 86400 if since is not None else 0.0
    cases = _cases(policy.name, since, decisions) if since is not None else {}
    same = {match for match, case in cases.items() if story.did_the_same(policy, case.object, case.at)}
    alone = [match for match in cases if match in story.ended and match not in same and not cases[match].acted]
    return Record(
        policy=policy.name,
        since=since,
        days=days,
        matches=len(cases),
        would_have_acted=sum(case.would for case in cases.values()),
        acted=sum(case.acted for case in cases.values()),
        people_did_the_same=len(same),
        approved=sum(case.approved for case in cases.values()),
        rejected=sum(case.rejected for case in cases.values()),
        ended_by_itself=len(alone),
    )


def _cases(policy: str, since: datetime, decisions: Iterable[Decision]) -> dict[str, _Case]:
    found: dict[str, _Case] = {}
    for decision in decisions:
        if decision.policy != policy or decision.at < since:
            continue
        case = found.setdefault(decision.match, _Case(decision.object, decision.at))
        codes = {reason.code for reason in decision.reasons}
        case.would |= would_act(decision)
        case.acted |= isinstance(decision, Act)
        case.approved |= "approved" in codes
        case.rejected |= "rejected" in codes
    return found


@dataclass(frozen=True, slots=True)
class Story:
    """What of the events matters for a record."""

    by_people: Mapping[str, tuple[tuple[str, datetime], ...]]
    """By object: (event type, when it was stored) of what people did."""
    ended: frozenset[str]
    """Matches whose condition is over."""
    hosts: Mapping[str, str]
    """Object -> the host it hangs on."""

    def did_the_same(self, policy: Policy, key: str, at: datetime) -> bool:
        """Whether a person did what the policy does, there and soon after."""
        causes = caused(policy)
        places = {key, self.hosts.get(key, key)}
        acts = (act for place in places for act in self.by_people.get(place, ()))
        return any(kind in causes and at <= when <= at + SAME_WITHIN for kind, when in acts)


def caused(policy: Policy) -> frozenset[str]:
    """Event types that the actions of a policy bring about."""
    known = actions.shipped()
    return frozenset(kind for step in policy.spec.do if step.verb in known for kind in known[step.verb].causes)


def told(arrivals: Iterable[Arrival], ours: frozenset[str], hosts: Mapping[str, str]) -> Story:
    """The story in these events; `ours` are accounts under which no person acts."""
    by_people: dict[str, list[tuple[str, datetime]]] = {}
    ended: set[str] = set()
    for arrival in arrivals:
        event: Event = arrival.event
        if event.type == "toban.condition.ended" and event.causationid is not None:
            ended.add(event.causationid)
        elif accounts.is_person(event.data.get("user"), ours):
            by_people.setdefault(event.subject, []).append((event.type, arrival.stored_at))
    return Story({name: tuple(acts) for name, acts in by_people.items()}, frozenset(ended), dict(hosts))
