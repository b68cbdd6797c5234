"""A million events through 100 policies with joins and holds: what the process needs at the beginning and the end."""

import sys
import time
from pathlib import Path

from benchmarks import rules
from engine.model.catalogue import shipped

WARM = 300_000
"""Events until as many conditions are open as there ever will be."""
EVENTS = WARM + 1_000_000
PROGRESS = 100_000


def resident_mib() -> float:
    """The process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def run() -> dict[str, object]:
    """Resident memory after warming up and at the end, in MiB, and the rate over all of it."""
    words = shipped()
    ours = rules.matcher(words)
    marks: list[float] = []
    began, found = time.perf_counter(), 0
    for number, arrival in enumerate(rules.arrivals(words, EVENTS), start=1):
        found += len(ours.advance(arrival.stored_at)) + len(ours.feed(arrival))
        if number % PROGRESS == 0:
            marks.append(resident_mib())
            sys.stderr.write(f"  {number} events, {marks[-1]:.0f} MiB\n")
    took = time.perf_counter() - began
    warm = marks[WARM // PROGRESS - 1]
    return {
        "name": "memory-over-a-million-events",
        "events": EVENTS,
        "findings": found,
        "faults": ours.counts.faults,
        "overflows": ours.counts.overflows,
        "rss_mib_warm": round(warm, 1),
        "rss_mib_end": round(marks[-1], 1),
        "rss_mib_most": round(max(marks), 1),
        "growth_percent": round(100 * (max(marks) - warm) / warm, 2),
        "events_per_s": round(EVENTS / took),
        "note": "the rate includes making the events",
    }
