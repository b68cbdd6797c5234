"""Whether a vCenter can be heard: when it last answered, and since when it may be believed about its hosts."""

from dataclasses import dataclass

from engine.clock import Clock
from engine.model.source import Source

DISTRUST = 600.0
"""Seconds after an outage during which hosts may wrongly show as not responding (VMware: vCenter restart)."""


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

    def overdue(self) -> float | None:
        """Seconds of silence, once they are too many and not told yet."""
        quiet = self.clock.monotonic() - self.heard
        return quiet if not self.silent and quiet > self.silent_after else None

    def source(self) -> Source:
        """How this vCenter stands."""
        age = self.clock.monotonic() - self.heard
        return Source(name=f"vcenter:{self.name}", age=age, beat=age, blind=self.doubt())

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
