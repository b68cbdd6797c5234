"""500 hosts go down in the same second under `for: 60s`: when each is decided, on real time, and what it costs."""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import duty
from engine.bus import codec, subjects
from engine.clock import SystemClock
from engine.model.decision import DecisionRecord
from engine.model.event import Event

HOSTS = 500
HOLD = 60.0
POLICY: dict[str, object] = {
    "apiVersion": "toban/v1",
    "kind": "Policy",
    "metadata": {"name": "mass", "title": {"en": "mass", "ja": "mass"}},
    "spec": {
        "mode": "automatic",
        "when": {"event": "host.unreachable", "for": f"{HOLD:.0f}s", "by": "host"},
        "witnesses": {"need": 2, "of": ["vcenter", "chassis", "bmc"], "within": "60s"},
        "unless": ["maintenance", "planned", {"human": "15m"}],
        "if": "host.running_vms >= 0",
        "do": [
            {"id": "fence", "fence": {"host": "$host"}},
            {
                "id": "move",
                "failover": {"from": "$host", "vms": "running", "to": "best"},
                "after": {"fence": "success"},
            },
        ],
        "budget": {"rate": "2 per 10m", "concurrent": 1},
    },
}
"""The policy of the authoring sentence; 500 dead hosts are a mass failure, so each is decided to be held, and paged."""


def run() -> dict[str, object]:
    """Seconds from the storing of each host's event to the storing of its decision."""
    with tempfile.TemporaryDirectory(prefix="toban-bench-") as folder:
        return asyncio.run(_measured(Path(folder)))


async def _measured(folder: Path) -> dict[str, object]:
    async with duty.on_duty(folder, duty.hosts(HOSTS), [POLICY]) as engine:
        before, used = engine.resident_mib(), engine.cpu_seconds()
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(HOSTS):
                group.create_task(engine.bus.publish(_down(number)))
        published = time.perf_counter() - began
        sys.stderr.write(f"  {HOSTS} hosts went down within {published:.2f} s; waiting {HOLD:.0f} s\n")
        await asyncio.sleep(HOLD - published - 5)
        idle = engine.cpu_seconds() - used
        await asyncio.sleep(5 + 4)
        busy = engine.cpu_seconds() - used - idle
        opened = {
            (arrival := codec.decode(record)).event.subject: arrival.stored_at
            async for record in engine.bus.replay(subjects.ALL_EVENTS)
            if b'"host.unreachable"' in record.body
        }
        stored = {}
        kinds: dict[str, int] = {}
        async for record in engine.bus.replay(subjects.ALL_DECISIONS):
            decision = DecisionRecord.model_validate_json(record.body).decision
            if decision.object not in stored:
                stored[decision.object] = record.stored_at
                word = f"{decision.kind}: {decision.reasons[0].code}"
                kinds[word] = kinds.get(word, 0) + 1
        took = sorted((stored[host] - at).total_seconds() for host, at in opened.items() if host in stored)
        after = engine.resident_mib()
    return {
        "name": "500-hosts-in-one-second",
        "hosts": HOSTS,
        "down_within_s": round(published, 3),
        "decided": len(took),
        "first_s": round(took[0], 3),
        "median_s": round(statistics.median(took), 3),
        "last_s": round(took[-1], 3),
        "decisions": kinds,
        "cpu_s_while_waiting": round(idle, 2),
        "cpu_s_around_the_decisions": round(busy, 2),
        "rss_mib_before": round(before, 1),
        "rss_mib_after": round(after, 1),
    }


def _down(number: int) -> Event:
    return Event(
        id=f"down-{number}",
        type="host.unreachable",
        source="vcenter/vc1",
        subject=f"host:esx{number}",
        time=SystemClock().now(),
    )
