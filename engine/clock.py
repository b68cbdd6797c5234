"""Time is handed in: the Clock port, the system's clock, and one that is turned by hand."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the time is; nobody else asks."""

    def now(self) -> datetime:
        """Aware UTC time, for records."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step back, for decisions and deadlines (safety rule S20)."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after at least `seconds`."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Aware UTC time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop."""
        await asyncio.sleep(seconds)


class HandClock:
    """A clock turned by hand: `sleep` advances it and returns at once. For tests, scenarios and replay."""

    def __init__(self, start: datetime) -> None:
        """Start at an aware UTC time."""
        self._start = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        """Start plus all that was turned."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds turned so far."""
        return self._elapsed

    def turn(self, seconds: float) -> None:
        """Advance; time never goes back."""
        if seconds < 0:
            msg = "time does not go back"
            raise ValueError(msg)
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        """Advance by `seconds` and let others run."""
        self.turn(max(0.0, seconds))
        await asyncio.sleep(0)
