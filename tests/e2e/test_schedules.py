"""Two processes keep the schedules: leaders are killed and stopped, the clock is set; each slot is stored once."""

import asyncio
import itertools
import signal
import sys
import time
from collections import Counter
from datetime import datetime, timedelta

import pytest

from engine.bus import codec, jetstream, subjects
from engine.clock import SystemClock
from engine.cron import Cron
from engine.schedule.ticking import DUE
from tests.e2e.site import Process, broker
from tests.e2e.ticking import POLICIES, FastClock

pytestmark = pytest.mark.e2e


class Pair:
    """Two processes on one broker; the one that dies is started again."""

    def __init__(self, folder, url: str) -> None:
        self.folder, self.url, self.step = folder, url, folder / "step"
        self.step.write_text("0")
        self.lives = 0
        self.running: dict[str, Process] = {}

    def start(self) -> None:
        while len(self.running) < 2:
            self.lives += 1
            name = f"life{self.lives}"
            command = [sys.executable, "-m", "tests.e2e.ticking", self.url, str(self.folder / name), str(self.step)]
            self.running[name] = Process(self.folder / f"{name}.log", command)

    def leader(self, within: float = 20.0) -> str:
        end = time.monotonic() + within
        while True:
            leading = [name for name in self.running if (self.folder / name).exists()]
            if leading:
                return leading[0]
            assert time.monotonic() < end, {name: one.words()[-500:] for name, one in self.running.items()}
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9 whoever leads; the other one takes over, and a new one stands by."""
        name = self.leader()
        process = self.running.pop(name)
        process.child.kill()
        process.child.wait()
        (self.folder / name).unlink(missing_ok=True)
        self.start()

    def suspend(self, seconds: float) -> None:
        """Stop the leader until its lease has run out, then let it go on: it must not tell what it holds in hand."""
        name = self.leader()
        child = self.running[name].child
        child.send_signal(signal.SIGSTOP)
        (self.folder / name).unlink(missing_ok=True)
        time.sleep(seconds)
        child.send_signal(signal.SIGCONT)

    def set_clock(self, seconds: float) -> None:
        self.step.write_text(str(seconds))

    def stop(self) -> None:
        for one in self.running.values():
            one.child.kill()
            one.child.wait()


def told(url: str) -> list:
    async def read():
        async with jetstream.connect(url, clock=SystemClock(), name="reading") as bus:
            return [codec.decode(record) async for record in bus.replay(subjects.ALL_EVENTS)]

    return [one.event for one in asyncio.run(read()) if one.event.type == DUE]


@pytest.fixture
def pair(tmp_path):
    with broker(tmp_path / "broker") as url:
        found = Pair(tmp_path, url)
        found.start()
        try:
            yield found
        finally:
            found.stop()


def slots(events: list, name: str) -> list[datetime]:
    return [event.time for event in events if event.data["policy"] == name]


def accounted(events: list, name: str, cron: Cron) -> None:
    """Every slot between the first and the last one was told, or is counted as missed by the next that was."""
    ours = sorted((event for event in events if event.data["policy"] == name), key=lambda event: event.time)
    for before, after in itertools.pairwise(ours):
        between = len(cron.slots(before.time, after.time))
        assert after.data["missed"] == between - 1, (before.time, after.time, after.data)


def test_every_slot_is_told_exactly_once_while_leaders_are_killed_and_stopped(pair) -> None:
    for number in range(6):
        pair.leader()
        time.sleep(1.2)  # real time: a slot is due every second
        if number % 3 == 2:
            pair.suspend(3.0)
        else:
            pair.kill()
    pair.leader()
    time.sleep(3)
    events = told(pair.url)
    for one in POLICIES:
        counts = Counter(slots(events, one.name))
        assert set(counts.values()) == {1}, counts
    assert len(slots(events, "often")) >= 8
    accounted(events, "often", Cron("* * * * *", "UTC"))
    accounted(events, "sometimes", Cron("*/5 * * * *", "UTC"))
    assert "Traceback" not in "".join((pair.folder / f"life{n}.log").read_text() for n in range(1, pair.lives + 1))


@pytest.mark.parametrize("step", [5.0, -5.0, 3600.0, -3600.0, 86400.0])
def test_a_clock_that_is_set_and_set_right_again_tells_no_slot_twice_and_ends_no_schedule(pair, step) -> None:
    pair.leader()
    time.sleep(3)
    pair.set_clock(step)
    time.sleep(1.5)
    pair.kill()  # the next leader has never seen the right time
    time.sleep(4)
    pair.set_clock(0)
    time.sleep(6)
    events = told(pair.url)
    for one in POLICIES:
        counts = Counter(slots(events, one.name))
        assert max(counts.values()) == 1, counts
    now = FastClock(pair.step).now()
    late = [slot for slot in slots(events, "often") if now - timedelta(minutes=4) <= slot <= now]
    assert late, "the schedule goes on at the right time"
