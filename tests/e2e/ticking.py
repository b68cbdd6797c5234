"""A process that keeps schedules, sixty times as fast as life: python -m tests.e2e.ticking URL LEAD-FILE STEP-FILE.

The calendar is ahead by the seconds that STEP-FILE holds, read anew each time: that is how a test sets the clock.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.bus import jetstream
from engine.bus.leases import BusLeases
from engine.clock import SystemClock
from engine.schedule.ticking import Ticking, planned
from tests.engine.rules.patterns import policy

SPEED = 60.0
POLICIES = (
    policy({"schedule": "* * * * *", "about": "group:esx"}, "often"),
    policy({"schedule": "*/5 * * * *", "about": "group:spare"}, "sometimes"),
)
BEGAN = datetime(2026, 11, 25, 2, tzinfo=UTC)


class FastClock:
    """Wall time of all processes together, sixty times as fast."""

    def __init__(self, step: Path) -> None:
        self._step = step

    def now(self) -> datetime:
        real = time.clock_gettime(time.CLOCK_BOOTTIME)  # the same in every process
        return BEGAN + timedelta(seconds=real * SPEED + float(self._step.read_text()))

    def monotonic(self) -> float:
        return time.monotonic() * SPEED

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)


async def main(url: str, lead: Path, step: Path) -> None:
    clock = FastClock(step)
    async with jetstream.connect(url, clock=SystemClock(), name="ticking") as bus:
        leases = BusLeases(bus, SystemClock(), lead.name, life=2.0)
        ticking = Ticking(bus, clock, planned(POLICIES), every=3.0, leases=leases)
        real = leases.hold

        def hold(target: str):
            return _Marked(real(target), lead)

        leases.hold = hold  # type: ignore[method-assign]  # says who leads, for the test
        await ticking.run()


class _Marked:
    def __init__(self, inner, lead: Path) -> None:
        self._inner, self._lead = inner, lead

    async def __aenter__(self):
        lease = await self._inner.__aenter__()
        self._lead.touch()
        return lease

    async def __aexit__(self, *args: object):
        self._lead.unlink(missing_ok=True)
        return await self._inner.__aexit__(*args)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
