"""Whether a vCenter can be heard: when it last answered, and since when it may be believed about its hosts."""

from dataclasses import dataclass, field

from engine.clock import Clock
from engine.model.source import Source

DISTRUST = 600.0
"""Seconds after an outage during which hosts may wrongly show as not responding (VMware: vCenter restart)."""


@dataclass(slots=True)
class Counts:
    """Of one vCenter's events since the start of the process."""

    lost: int = 0
    """Numbers that were used and that nobody will see any more."""
    unreadable: int = 0
    """Answers with an event that could not be parsed."""
    unmapped: int = 0
    """Events that no table knows."""
    refused: int = 0
    """Events that the bus will never take."""


@dataclass(slots=True)
class Contact:
    """One vCenter's contact; changed by its collector only."""

    name: str
    clock: Clock
    silent_after: float
    heard: float
    """When it last answered, on the monotonic clock."""
    silent: bool = False
    believed_from: float = 0.0
    reason: str = ""
    """Why it is not believed before then, where that is more than an outage."""
    followed: float = 0.0
    """When its events were last read to their end, on the monotonic clock."""
    counts: Counts = field(default_factory=Counts)

    def answered(self) -> bool:
        """It answered now; True if it had been silent."""
        self.heard = self.clock.monotonic()
        was_silent, self.silent = self.silent, False
        if was_silent:
            self.believed_from = self.heard + DISTRUST
            self.reason = ""
        return was_silent

    def distrust(self, reason: str) -> None:
        """It is no witness for a while, though it answers: what it shows may be of another time."""
        self.believed_from, self.reason = self.clock.monotonic() + DISTRUST, reason

    def excuse(self, seconds: float) -> None:
        """For so long we waited for our own bus and asked nothing: that is no silence of the vCenter's."""
        now = self.clock.monotonic()
        self.heard, self.followed = min(now, self.heard + seconds), min(now, self.followed + seconds)

    def overdue(self) -> float | None:
        """Seconds of silence, once they are too many and not told yet."""
        quiet = self.clock.monotonic() - self.heard
        return quiet if not self.silent and quiet > self.silent_after else None

    def source(self) -> Source:
        """How this vCenter stands; what no table knows became no event unless it is bad news."""
        counts = self.counts
        drops = {"unreadable": counts.unreadable, "unmapped": counts.unmapped, "bus": counts.refused}
        age = self.clock.monotonic() - self.heard
        return Source(
            name=f"vcenter:{self.name}",
            age=age,
            beat=age,
            blind=self.doubt() or self._behind(),
            gaps=self.counts.lost,
            drops={reason: count for reason, count in drops.items() if count},
        )

    def _behind(self) -> str | None:
        """It answers, but its events are not followed: it is still a witness when it is asked."""
        late = self.clock.monotonic() - self.followed
        if late <= self.silent_after:
            return None
        return f"the events of vCenter {self.name} have not been followed for {late:.0f} s, though it answers"

    def doubt(self) -> str | None:
        """Why this vCenter is no witness now, or None."""
        now = self.clock.monotonic()
        if self.silent or now - self.heard > self.silent_after:
            return f"vCenter {self.name} has not answered for {now - self.heard:.0f} s: this may be our own blindness"
        if now < self.believed_from:
            if self.reason:
                return f"{self.reason} Not believed for {self.believed_from - now:.0f} s more"
            return f"vCenter {self.name} came back {DISTRUST - (self.believed_from - now):.0f} s ago; not believed yet"
        return None
