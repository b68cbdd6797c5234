"""Whether the calendar clock can be relied on: it must go as the monotonic one does (safety rules S3, S20)."""

from datetime import datetime

from engine.model.source import Source

JUMP = 2.0
"""Seconds by which the calendar may run away from the monotonic clock between two looks (safety rule S3)."""
UNSTEADY = 120.0
"""Seconds for which a clock that jumped is not relied on."""


class Steadiness:
    """Whether the calendar clock goes as the monotonic one does."""

    def __init__(self) -> None:
        """Never looked."""
        self._last: tuple[datetime, float] | None = None
        self._jumped: tuple[float, float] | None = None

    def look(self, now: datetime, monotonic: float) -> Source:
        """How the clock stands, after one more look."""
        last, self._last = self._last, (now, monotonic)
        if last is not None:
            off = (now - last[0]).total_seconds() - (monotonic - last[1])
            if abs(off) > JUMP:
                self._jumped = (monotonic, off)
        since, off = self._jumped or (monotonic - UNSTEADY, 0.0)
        word = "forward" if off > 0 else "back"
        blind = f"the clock was set {word} by {abs(off):.0f} s" if monotonic - since < UNSTEADY else None
        return Source(name="clock", age=0.0, beat=0.0, blind=blind)
