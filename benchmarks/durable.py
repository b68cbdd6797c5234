"""The durable path: events into JetStream, matched by 100 policies, decisions recorded in JetStream; nothing skipped.

The broker syncs every write to disk. The events are published while the engine stands still (SIGSTOP), then it goes on:
so the rate is the engine's own, not the publisher's.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import duty, rules, worlds
from benchmarks.duty import Duty
from engine.bus import subjects
from engine.clock import SystemClock
from engine.model.catalogue import shipped
from engine.model.event import Event
from engine.rules import watching

MIXED = 20_000
EACH = 10_000
OBJECTS = 1000
AT_ONCE = 128


def run() -> dict[str, object]:
    """Events per second from JetStream to the recorded decision: a mix, and the case that every event is decided."""
    with tempfile.TemporaryDirectory(prefix="toban-bench-") as folder:
        return asyncio.run(_measured(Path(folder)))


async def _measured(folder: Path) -> dict[str, object]:
    words = shipped()
    each = worlds.document("each", {"event": "chassis.inventory.changed", "by": "subject"})
    last = worlds.document("last", {"event": "log.cleared", "by": "subject"})
    policies = [*worlds.documents(words)[:98], each, last]
    async with duty.on_duty(folder, duty.hosts(OBJECTS), policies) as engine:
        now = SystemClock().now()
        mixed = [one.event.model_copy(update={"time": now}) for one in rules.arrivals(words, MIXED, OBJECTS)]
        mixed = [one for one in mixed if one.type != "log.cleared"]
        mix = await _through(engine, mixed, "mixed")
        every = [_event(number, "chassis.inventory.changed", f"chassis:c{number}") for number in range(EACH)]
        decided = await _through(engine, every, "each")
        lost = EACH - await engine.decided("each", "chassis:c")
        memory = engine.resident_mib()
    return {
        "name": "durable-path",
        "events_per_s": mix["events_per_s"],
        "mixed": mix,
        "every_event_decided": {**decided, "lost": lost},
        "policies": len(policies),
        "objects": OBJECTS,
        "rss_mib": round(memory, 1),
        "path": "JetStream (sync_interval: always), rules, guard, JetStream; engine and broker on the same machine",
    }


async def _through(engine: Duty, events: Sequence[Event], name: str) -> dict[str, object]:
    sys.stderr.write(f"  durable path, {name}: publishing {len(events)} events\n")
    before = await engine.decided()
    os.kill(engine.pid, signal.SIGSTOP)
    try:
        await _publish(engine, events)
        last = _event(len(events), "log.cleared", f"machine:{name}/1")
        await engine.bus.publish(last)
    finally:
        began, used = time.perf_counter(), engine.cpu_seconds()
        os.kill(engine.pid, signal.SIGCONT)
    await _decided(engine, "last", last)
    took, used = time.perf_counter() - began, engine.cpu_seconds() - used
    return {
        "events": len(events),
        "events_per_s": round(len(events) / took),
        "decisions": await engine.decided() - before,
        "engine_cpu_share": round(used / took, 2),
    }


async def _decided(engine: Duty, policy: str, event: Event) -> None:
    """Wait for one decision, asking for it alone: following them all would take the broker's time."""
    match = watching.match_id(policy, (event.subject,), [event])
    async with asyncio.timeout(120):
        while await engine.bus.last(subjects.decision(match, 0)) is None:  # noqa: ASYNC110  nobody tells us
            await asyncio.sleep(0.02)


async def _publish(engine: Duty, events: Sequence[Event]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(event: Event) -> None:
        async with gate:
            await engine.bus.publish(event)

    async with asyncio.TaskGroup() as group:
        for event in events:
            group.create_task(one(event))


def _event(number: int, kind: str, subject: str) -> Event:
    name = f"{kind.replace('.', '_')}-{number}"
    return Event(id=name, type=kind, source="bench", subject=subject, time=SystemClock().now())
