"""The worst moments on real wires: broker killed in a storm, its stream full, our disk full, the clock stepped.

What was answered is stored, what was taken is stored once and in order, what could not be kept is counted and told.
"""

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from nats.aio.client import Client

from collectors.snmp.admitting import Limits
from engine.bus import codec, embedded, jetstream, subjects
from engine.clients import snmp
from engine.clock import SystemClock
from tests.collectors.snmp import traps, wires
from tests.collectors.snmp.traps import blade, notification

OPEN = Limits(strangers=(1e6, 1e6), declared=(1e6, 1e6), total=1e6, flood=(1e6, 1e6), flood_total=1e6)
PATIENCE = 120.0
LEFT_BEHIND = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
"""nats-py leaves the socket of a reconnect that came to nothing to the garbage collector; `broker` collects it."""


def change(number, **more):
    """Blades lose their power and get it back, one after the other: every trap changes a state."""
    return blade((22056, 22069)[number // 16 % 2], number % 16 + 1, uptime=number + 1, **more)


def number_of(event):
    return snmp.decode(bytes.fromhex(event.data["raw"])).uptime - 1


class Broker:
    """A real nats-server that is started again when it dies."""

    def __init__(self, store, bus, login):
        self.store, self.bus, self.login = store, bus, login

    async def kill(self):
        """Kill it, once it is there and answers."""
        async with asyncio.timeout(PATIENCE):
            while not (await self.bus.health()).connected:
                await asyncio.sleep(0.05)
        os.kill(int((self.store / "server.pid").read_text()), signal.SIGKILL)

    async def events(self):
        return [codec.decode(record).event async for record in self.bus.replay(subjects.ALL_EVENTS)]


@asynccontextmanager
async def broker(folder):
    clock, store = SystemClock(), folder / "nats"
    async with embedded.running(store, clock=clock) as server:
        login = {"user": server.user, "password": server.password}
        async with jetstream.connect(server.url, clock=clock, name="outage", **login) as bus:
            yield Broker(store, bus, {"servers": server.url, **login})
        gc.collect()


async def until(wire, **counts):
    end = time.monotonic() + PATIENCE
    while any(getattr(wire.listener.counts(), name) < number for name, number in counts.items()):
        assert time.monotonic() < end, wire.listener.counts()
        await asyncio.sleep(0.02)


async def storm(wire, numbers, at=None):
    """Send them as fast as they are heard; `at` some of them something happens."""
    start = wire.listener.counts().received
    for sent, number in enumerate(numbers, start=1):
        wire.send(change(number))
        if at is not None and number in at:
            await at[number]()
        if sent % 64 == 0:
            await until(wire, received=start + sent)
    await until(wire, received=start + len(numbers))


def in_order(events):
    """The numbers that are stored; those about one blade must be in the order in which they were sent."""
    told = {}
    for event in events:
        told.setdefault(event.subject, []).append(number_of(event))
    assert all(numbers == sorted(numbers) for numbers in told.values())
    return sorted(number for numbers in told.values() for number in numbers)


@LEFT_BEHIND
def test_a_broker_that_is_killed_twice_in_a_storm_has_every_trap_once_and_in_order(tmp_path):
    async def go():
        async with broker(tmp_path) as one, wires.listening(tmp_path, one.bus, limits=OPEN) as wire:
            await storm(wire, range(3000), {700: one.kill, 1900: one.kill})
            await until(wire, published=3000)
            return in_order(await one.events()), wire.listener.counts()

    stored, counts = asyncio.run(go())
    assert stored == list(range(3000))
    assert counts.drops() == {}


@LEFT_BEHIND
def test_an_inform_that_was_answered_is_stored_whenever_the_broker_was_killed(tmp_path):
    def inform(number):
        items = [(f"{traps.SLOT}.1.1", number % 16 + 1), (f"{traps.SERIAL}.1", b"ENCL-SER-1")]
        key = f"{traps.C7000}.{(22056, 22069)[number // 16 % 2]}"
        return notification(key, items, inform=True, request=number + 1, uptime=number + 1)

    async def answered(wire, number):
        """As a sender does: again and again until the answer comes."""
        wire.out.settimeout(1.0)
        for _ in range(60):
            wire.send(inform(number))
            with contextlib.suppress(TimeoutError):
                while await asyncio.to_thread(wire.out.recv, 2000) != snmp.response_to(inform(number)):
                    pass
                return
        raise AssertionError(f"inform {number} was never answered")

    async def go():
        async with broker(tmp_path) as one, wires.listening(tmp_path, one.bus, limits=OPEN) as wire:
            for number in range(48):
                if number in (10, 30):
                    await one.kill()
                await answered(wire, number)
                assert number in {number_of(event) for event in await one.events()}, "answered, so it is there"
            return in_order(await one.events())

    assert asyncio.run(go()) == list(range(48))


def test_a_stream_that_is_full_keeps_the_traps_in_the_spool_until_there_is_room(tmp_path):
    async def bounded(one, octets):
        client = Client()
        await client.connect(**one.login)
        js = client.jetstream()
        await js.update_stream(config=(await js.stream_info("EVENTS")).config.evolve(max_bytes=octets))
        await client.close()

    async def go():
        async with broker(tmp_path) as one, wires.listening(tmp_path, one.bus, limits=OPEN) as wire:
            await bounded(one, 64 * 1024)
            await storm(wire, range(600))
            await until(wire, spooled=600)
            before = wire.listener.counts().published
            await bounded(one, 64 * 1024 * 1024)
            await until(wire, published=600)
            return before, in_order(await one.events())

    before, stored = asyncio.run(go())
    assert before < 600
    assert stored == list(range(600))


def test_the_traps_of_a_long_outage_are_stored_by_the_next_life(tmp_path):
    async def away():
        bus = wires.MemoryBus(SystemClock())

        async def never(_events):
            raise OSError("the broker is away")

        bus.publish_all = never
        async with wires.listening(tmp_path, bus, limits=OPEN) as wire:
            await storm(wire, range(6000))
            await until(wire, spooled=6000)

    async def back():
        async with broker(tmp_path) as one, wires.listening(tmp_path, one.bus, limits=OPEN) as wire:
            await storm(wire, range(6000, 6100))
            await until(wire, published=6100)
            return in_order(await one.events()), wire.listener.counts()

    asyncio.run(away())
    stored, counts = asyncio.run(back())
    assert stored == list(range(6100))
    assert counts.replayed == 6000


@pytest.mark.soak
@LEFT_BEHIND
def test_ten_minutes_without_a_broker_at_200_traps_a_second_lose_nothing(tmp_path):
    total = 200 * 600

    async def go():
        async with broker(tmp_path) as one, wires.listening(tmp_path, one.bus, limits=OPEN) as wire:
            pid = int((one.store / "server.pid").read_text())
            os.kill(pid, signal.SIGSTOP)
            try:
                await storm(wire, range(total))
                await until(wire, spooled=total)
            finally:
                os.kill(pid, signal.SIGCONT)
            await until(wire, published=total)
            return in_order(await one.events()), wire.listener.counts()

    stored, counts = asyncio.run(go())
    assert stored == list(range(total))
    assert counts.drops() == {}


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_on_a_full_disk_what_was_taken_is_stored_and_what_was_lost_is_counted_and_told(small_disk):
    ballast = small_disk / "ballast"

    async def go():
        async with wires.listening(small_disk, limits=OPEN, waiting=400) as wire:
            await storm(wire, range(64))
            await until(wire, published=64)
            ballast.write_bytes(bytes(os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize))
            await storm(wire, range(64, 2000))
            full = wire.listener.counts()
            blind = wire.listener.source().blind
            ballast.unlink()
            await until(wire, published=full.accepted, told=1)
            return full, blind, wire.listener.source().blind, await wire.everything()

    full, blind, after, events = asyncio.run(go())
    assert full.backlog_lost > 0
    assert full.accepted + full.collapsed + full.backlog_lost == 2000
    assert "cannot be kept on disk" in blind
    assert after is None
    stored = [event for event in events if event.type.startswith("blade.")]
    assert len({number_of(event) for event in stored}) == len(stored) == full.accepted
    assert sum(event.data["count"] for event in events if event.type == "trap.dropped") == full.backlog_lost


class SteppedClock(SystemClock):
    """The wall clock is set, as by NTP or a hand; the monotonic one goes on."""

    step = timedelta(0)

    def now(self):
        return super().now() + self.step


def test_a_clock_that_is_stepped_back_and_forth_loses_no_change_of_state(tmp_path, monkeypatch):
    clock = SteppedClock()
    monkeypatch.setattr(wires, "SystemClock", lambda: clock)

    async def go():
        async with wires.listening(tmp_path, limits=OPEN) as wire:
            for hours in (0, -1, 24, -24, 0.001):
                clock.step = timedelta(hours=hours)
                for _ in range(2):
                    wire.send(blade(22056, 1, uptime=7))
                    wire.send(blade(22056, 1, uptime=7))
                    wire.send(blade(22069, 1, uptime=7))
            await wire.until(received=30, published=20)
            return [event.type for event in await wire.events()], wire.listener.counts()

    told, counts = asyncio.run(go())
    assert told == ["blade.power.lost", "blade.power.on"] * 10
    assert counts.collapsed == 10


def test_a_port_that_nobody_reads_for_a_while_says_what_it_missed(tmp_path, monkeypatch):
    monkeypatch.setattr("collectors.snmp.binding.RECEIVE_BUFFER", 8192)

    async def go():
        async with wires.listening(tmp_path, limits=OPEN) as wire:
            for number in range(200):  # the loop does not turn meanwhile
                wire.send(change(number))
            await wire.until(kernel_lost=1)
            await wire.until(told=1)
            return wire.listener.counts(), await wire.everything()

    counts, events = asyncio.run(go())
    assert counts.received + counts.kernel_lost >= 200
    (event,) = [event for event in events if event.type == "trap.dropped"]
    assert event.data["reason"] == "kernel"
    assert event.data["count"] == counts.kernel_lost
