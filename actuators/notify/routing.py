"""Where a notice goes, and how many a channel is given; pure."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.model.event import Severity
from engine.model.notice import Moment, Notice

ORDER = tuple(Severity)
"""From harmless to worst."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach people."""

    name: str
    fallback: str | None = None
    """Tried when this one does not take a notice."""
    most: int = 20
    """Notices of one severity within `within`; what is more is counted and told in one line later."""
    within: float = 600.0
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Report:
    """A rule of the site: what is told without a policy asking for it."""

    channel: str
    at: frozenset[Moment]
    severity: Severity = Severity.INFO
    """Only what is at least so bad."""


def channels(notice: Notice, reports: Iterable[Report]) -> tuple[str, ...]:
    """The channels of a notice, each once: the one that it names, or those of the site's reports."""
    if notice.channel is not None:
        return (notice.channel,)
    fits = (one.channel for one in reports if notice.moment in one.at and at_least(notice.severity, one.severity))
    return tuple(dict.fromkeys(fits))


def at_least(severity: Severity, least: Severity) -> bool:
    """Whether it is at least so bad."""
    return ORDER.index(severity) >= ORDER.index(least)


def chain(first: str, known: Mapping[str, Channel]) -> tuple[str, ...]:
    """A channel and its fallbacks, in the order in which they are tried; each once, unknown ones left out."""
    found: list[str] = []
    name: str | None = first
    while name is not None and name in known and name not in found:
        found.append(name)
        name = known[name].fallback
    return tuple(found)


@dataclass(slots=True)
class Allowance:
    """What one channel was given lately, by severity: a flood of warnings takes nothing from a page."""

    channel: Channel
    _given: dict[Severity, deque[datetime]] = field(default_factory=dict)
    _withheld: dict[Severity, int] = field(default_factory=dict)

    def take(self, severity: Severity, now: datetime) -> bool:
        """Whether one more may be given now; if not, it is counted."""
        given = self._given.setdefault(severity, deque())
        while given and given[0] <= now - timedelta(seconds=self.channel.within):
            given.popleft()
        if len(given) >= self.channel.most:
            self._withheld[severity] = self._withheld.get(severity, 0) + 1
            return False
        given.append(now)
        return True

    def due(self, now: datetime) -> dict[Severity, int]:
        """Withheld counts that may be told by now, because their time has passed."""
        ready = {}
        for severity, count in self._withheld.items():
            given = self._given.get(severity)
            if count and (not given or given[0] <= now - timedelta(seconds=self.channel.within)):
                ready[severity] = count
        return ready

    def told(self, severity: Severity, count: int) -> None:
        """So many withheld ones are told."""
        self._withheld[severity] = max(0, self._withheld.get(severity, 0) - count)
