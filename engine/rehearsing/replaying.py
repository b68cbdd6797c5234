"""A policy played over a record of what really happened, and what came of it held against something else; pure."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.clock import HandClock
from engine.deciding import Decider, DeciderSettings
from engine.estate import projecting
from engine.model.catalogue import Catalogue
from engine.model.decision import Decision, Observation
from engine.model.estate import Estate, Site, Standing
from engine.model.event import Arrival
from engine.model.policy import Policy
from engine.rehearsing.places import TUTORIAL
from engine.rehearsing.playing import Played, Stage
from engine.rehearsing.recording import Recording
from engine.rehearsing.scenarios import Answering, Scenario

NEAR = timedelta(minutes=2)
"""How far from a recorded decision what was seen then still counts."""
AFTER = timedelta(hours=1)
"""How long time goes on behind the last event, so that what is held can ripen; at most the longest `for`."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how a record is played."""

    site: Site
    catalogue: Catalogue
    guard: DeciderSettings
    ours: frozenset[str] = frozenset()
    """Accounts under which no person acts."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision as it is compared: what about which object because of which events; not when to the second."""

    at: datetime
    kind: str
    about: str
    why: str
    causes: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """What makes two of them the same."""
        return self.kind, self.about, self.causes

    def __str__(self) -> str:
        """`2026-11-24 12:03:01 act host:esx1 witnesses`."""
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.kind} {self.about} {self.why}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a change brings."""

    lines: tuple[tuple[str, Verdict], ...]
    """`-` what comes no more, `+` what comes now, by time."""
    same: int
    acts_before: int
    acts_after: int
    days: float
    held_for: tuple[tuple[str, int], ...]
    """What the limits held after the change: reason code, how often."""
    out_of_scope: int
    remembered_looks: int
    """Decisions that rest on what was seen when the recorded one was made."""


class RecordedSight:
    """Sees what the recorded decisions saw at about that time."""

    def __init__(self, decisions: Iterable[Decision], clock: HandClock) -> None:
        """Looks are not in the record themselves; the observations of decisions are."""
        self._clock, self.used = clock, 0
        self._seen = [(one.at, one.observations) for one in decisions if one.observations]

    async def look(self, place: Standing) -> tuple[Observation, ...]:
        """See the port."""
        now = self._clock.now()
        near = [(abs(at - now), words) for at, words in self._seen if abs(at - now) <= NEAR]
        about = [(gap, word) for gap, words in near for word in words if word.subject == place.id]
        newest: dict[str, Observation] = {}
        for _, word in sorted(about, key=lambda pair: pair[0], reverse=True):
            newest[word.witness] = word.model_copy(update={"at": now})
        self.used += bool(newest)
        return tuple(newest.values())

    def blind(self, place: Standing) -> str | None:  # noqa: ARG002  the record does not say
        """See the port."""
        return None


class Replay(Stage):
    """The scenarios' stage, fed with a record."""

    def __init__(self, record: Recording, policy: Policy, setting: Setting, until: datetime) -> None:
        """`record` has at least one event."""
        begins = record.events[0].stored_at
        length = f"{max(1.0, (until - begins).total_seconds()):.3f}s"
        scenario = Scenario.model_validate({"name": "record", "starts": begins, "until": length, "expect": []})
        super().__init__(scenario, TUTORIAL, policy, setting.catalogue)
        self.ours, self._record = setting.ours, record
        self.estate = Estate(site=setting.site)
        for arrival in record.inventory:
            self.estate = projecting.apply(self.estate, arrival.event)
        self.sight = RecordedSight(record.decisions, self.clock)
        self.decider = Decider(self.bus, self.clock, self.control, self.sight, self.policies, setting.guard)

    def timeline(self) -> Iterable[tuple[datetime, Arrival | Answering]]:
        """The recorded events."""
        return [(arrival.stored_at, arrival) for arrival in self._record.events]


def replay(record: Recording, policy: Policy, setting: Setting) -> tuple[Played, int]:
    """What comes of a record under a policy, and how many looks were remembered ones."""
    if not record.events:
        return Played(), 0
    until = record.events[-1].stored_at + AFTER
    stage = Replay(record, policy, setting, until)
    return asyncio.run(stage.play()), stage.sight.used


def verdicts(decisions: Iterable[Decision]) -> tuple[Verdict, ...]:
    """Decisions that are news: the same kind about the same match for the same reason counts once."""
    found: dict[tuple[str, str, str], Verdict] = {}
    for one in decisions:
        why = one.reasons[0].code if one.reasons else ""
        found.setdefault((one.match, one.kind, why), Verdict(one.at, one.kind, one.object, why, one.causes))
    return tuple(found.values())


def difference(before: Sequence[Verdict], played: Played, record: Recording, looks: int) -> Difference:
    """What was, against what would be."""
    after = verdicts(told.decision for told in played.told)
    left, right = Counter(one.key for one in before), Counter(one.key for one in after)
    lines = [("-", one) for one in _over(before, left - right)] + [("+", one) for one in _over(after, right - left)]
    span = record.events[-1].stored_at - record.events[0].stored_at if record.events else timedelta()
    held = Counter(one.why for one in after if one.kind == "hold")
    return Difference(
        lines=tuple(sorted(lines, key=lambda pair: (pair[1].at, pair[0]))),
        same=(left & right).total(),
        acts_before=sum(one.kind == "act" for one in before),
        acts_after=sum(one.kind == "act" for one in after),
        days=max(span.total_seconds(), 1.0) / 86400,
        held_for=tuple(held.most_common()),
        out_of_scope=played.out_of_scope,
        remembered_looks=looks,
    )


def _over(verdicts: Iterable[Verdict], surplus: Counter[tuple[str, str, tuple[str, ...]]]) -> list[Verdict]:
    left = surplus.copy()
    found: list[Verdict] = []
    for one in verdicts:
        if left[one.key] > 0:
            left[one.key] -= 1
            found.append(one)
    return found
