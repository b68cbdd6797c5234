"""Mutated datagrams through the whole listener: nothing crashes it, holds it up or makes it grow."""

import asyncio
import gc
import logging
import random
import sys
import time
from pathlib import Path

import pytest
import structlog

from collectors.snmp import collapsing, deduplicating, recognising, spool
from collectors.snmp.admitting import Limits
from engine.bus.memory import MemoryBus
from engine.clients import snmp
from engine.clock import SystemClock
from tests.collectors.snmp import sealing, traps
from tests.collectors.snmp.sealing import Seal, trap, user
from tests.collectors.snmp.wires import listening
from tests.engine.clients.snmp.mutating import mutated
from tests.engine.clients.snmp.vectors import vectors

STALL = 0.05
"""Seconds of our own computing for one datagram."""
GROWTH = 8 * 1024 * 1024
SEED = 20261125
EVER = (1e9, 1e9)
UNLIMITED = Limits(strangers=EVER, declared=EVER, total=1e9, flood=EVER, flood_total=1e9)


class KeepingNothing(MemoryBus):
    """Takes every event and keeps none."""

    async def publish(self, event):
        return None

    async def publish_all(self, events):
        return [None for _ in events]


@pytest.fixture(autouse=True)
def quiet():
    """Log lines would be kept by the test runner, and counted as growth."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def corpus():
    """Real and built traps, and sealed ones at every level."""
    sealed = [trap(seal=Seal(level=level, message=level)) for level in (0, 1, 2)]
    plain = [*vectors("valid_notifications").values(), *vectors("lenient_notifications").values()]
    return [*plain, *vectors("reconstructed").values(), *list(vectors("mib_synthetic").values())[::7], *sealed]


def resident():
    """Octets of memory in use now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def fill_memories():
    """What remembers names up to a bound has reached it."""
    for number in range(9000):
        snmp.decode(traps.notification(f"1.3.6.1.4.1.99999.{number}", [(f"1.3.6.1.4.1.99998.{number}", 1)]))


async def battered(folder, number, monkeypatch):
    """Counts, the longest computing for one datagram, and the growth since the first fifth."""
    fill_memories()
    for room in (deduplicating, collapsing, recognising):
        monkeypatch.setattr(room, "LIMIT", 256)
    monkeypatch.setattr(spool, "SpoolSize", lambda limit: BOUND)
    dice, seeds, slowest, early = random.Random(SEED), corpus(), 0.0, 0
    anybody = user(least="noAuthNoPriv", engines={sealing.ENGINE: ("0.0.0.0/0",)})
    async with listening(folder, KeepingNothing(SystemClock()), users=(anybody,), limits=UNLIMITED) as wire:
        for done in range(number):
            datagram = mutated(dice.choice(seeds), dice, seeds)
            start = time.thread_time()
            wire.listener._hear(datagram, f"192.0.2.{done % 250}", 9)
            slowest = max(slowest, time.thread_time() - start)
            if done % 500 == 0:
                await settled(wire)
            if done == number // 5:
                early = resident()
        await settled(wire)
        growth = resident() - early
        before = wire.listener.counts().published
        wire.listener._hear(traps.blade(22056, 1), "192.0.2.251", 9)
        await wire.until(published=before + 1)
        return wire.listener.counts(), slowest, growth


BOUND = spool.SpoolSize(limit=64 * 1024 * 1024, segment=1024 * 1024, history=1024 * 1024)


async def settled(wire):
    """Until all that was taken is on the bus, or was found to be none of its business."""
    counts = wire.listener.counts()
    while counts.accepted > counts.published + counts.duplicates + counts.unexplained + counts.unreadable:
        await asyncio.sleep(0.002)
        counts = wire.listener.counts()


def whole(counts, number):
    """Every datagram is counted once, as one thing."""
    rejected = sum(counts.rejected.values())
    assert counts.received == number + 1
    assert counts.received == counts.accepted + counts.collapsed + rejected
    assert set(counts.drops()) <= {*counts.rejected, "unexplained", "count"}
    assert counts.accepted > number // 25
    assert rejected > number // 3
    return counts


def test_3000_mutated_datagrams_are_each_counted_and_the_next_trap_is_heard(tmp_path, monkeypatch):
    counts, _, _ = asyncio.run(battered(tmp_path, 3000, monkeypatch))
    whole(counts, 3000)


@pytest.mark.soak
def test_200000_mutated_datagrams_neither_stall_nor_grow_the_listener(tmp_path, monkeypatch, capsys):
    counts, slowest, growth = asyncio.run(battered(tmp_path, 200_000, monkeypatch))
    with capsys.disabled():
        sys.stdout.write(f"\nslowest {slowest * 1000:.1f} ms, growth {growth / 1024:.0f} KiB; {counts}\n")
    whole(counts, 200_000)
    assert slowest < STALL
    assert growth < GROWTH


def test_every_malformed_vector_is_counted_over_the_wire_and_the_next_trap_is_heard(tmp_path):
    damaged = [*vectors("malformed").values(), *vectors("malformed_derived").values()]

    async def go():
        async with listening(tmp_path, users=(user(least="noAuthNoPriv"),)) as wire:
            for number, datagram in enumerate(damaged, 1):
                wire.send(datagram)
                await wire.until(received=number)
            wire.send(traps.blade(22056, 1))
            await wire.until(published=1)
            return wire.listener.counts()

    counts = asyncio.run(go())
    assert sum(counts.rejected.values()) == len(damaged) == 551
    assert (counts.accepted, counts.published) == (1, 1)
