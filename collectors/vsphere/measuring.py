"""Performance samples -> numbers by field, and which of them are worth an event; pure.

A field's name says its unit: `_percent`, `_ms`, `_kbps` (kilobytes a second), anything else is a plain number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.clients.vsphere_performance import Counter, Measured, Series

HOST_COUNTERS: Mapping[str, str] = {
    "cpu_percent": "cpu.usage.average",
    "memory_percent": "mem.usage.average",
    "swap_kbps": "mem.swapinRate.average",
    "disk_latency_ms": "disk.maxTotalLatency.latest",
    "disk_kbps": "disk.usage.average",
    "network_kbps": "net.usage.average",
}
VM_COUNTERS: Mapping[str, str] = {**HOST_COUNTERS, "cpu_ready_percent": "cpu.readiness.average"}
UNITS = {"percent": "percent", "ms": "millisecond", "kbps": "kiloBytesPerSecond"}
BAND, SHARE = 2.0, 0.1
"""A VM's sample is told when a number moved this far from what was told last: points of a percentage, or a share."""
AT_LATEST = timedelta(minutes=5)
FORGOTTEN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PerformanceSettings:
    """What is asked and how often; seconds. `every` 0: nothing is."""

    every: float = 20.0
    """Hosts."""
    vms_every: float = 60.0
    interval: int = 20
    """Of a sample: 20 is real time; 300 and more are vCenter's historical intervals, where it keeps them."""
    batch: int = 50
    """Objects of one query."""
    host: Mapping[str, str] = field(default_factory=lambda: HOST_COUNTERS)
    """Counter by field."""
    vm: Mapping[str, str] = field(default_factory=lambda: VM_COUNTERS)

    def samples(self, kind: str) -> int:
        """Samples that one reading looks back on."""
        every = self.every if kind == "host" else self.vms_every
        return max(1, round(every / self.interval))


def is_usable(name: str, counter: Counter) -> bool:
    """Whether a counter's unit is the one that the field's name says."""
    wanted = UNITS.get(name.rpartition("_")[2])
    return counter.unit == wanted if wanted is not None else counter.unit not in UNITS.values()


def numbers(measured: Measured, fields: Mapping[str, str]) -> dict[str, float]:
    """The value of each field over the samples and devices; one without any sample is left out."""
    by_counter = {one.counter.name: one for one in measured.series}
    found: dict[str, float] = {}
    for name, counter in sorted(fields.items()):
        series = by_counter.get(counter)
        value = _value(series) if series is not None and is_usable(name, series.counter) else None
        if value is not None:
            found[name] = value
    return found


def _value(series: Series) -> float | None:
    each = [value for line in series.by_instance.values() if (value := _over_time(series.counter, line)) is not None]
    if not each:
        return None
    if series.counter.unit == "percent":
        return round(sum(each) / len(each) / 100.0, 1)
    return round(max(each) if series.counter.unit == "millisecond" else sum(each), 1)


def _over_time(counter: Counter, line: Iterable[int | None]) -> float | None:
    known = [value for value in line if value is not None]
    if not known:
        return None
    match counter.rollup:
        case "average":
            return sum(known) / len(known)
        case "summation":
            return float(sum(known))
        case "minimum":
            return float(min(known))
        case "maximum":
            return float(max(known))
        case _:
            return float(max(known) if counter.unit == "millisecond" else known[-1])


@dataclass(slots=True)
class Worth:
    """What was told last of each VM: what the engine knows is never further off than a band, nor older than 5 min."""

    told: dict[str, tuple[datetime, dict[str, float]]] = field(default_factory=dict)

    def is_news(self, ref: str, at: datetime, now: Mapping[str, float]) -> bool:
        """Whether this sample is to be told; then it is remembered as told."""
        when, known = self.told.get(ref, (at - AT_LATEST, {}))
        if at <= when and known:
            return False
        if at - when < AT_LATEST and known.keys() == now.keys() and not any(_far(n, known[n], now[n]) for n in now):
            return False
        self.told[ref] = (at, dict(now))
        return True

    def forget(self, at: datetime) -> None:
        """VMs that have told nothing for an hour are gone."""
        self.told = {ref: one for ref, one in self.told.items() if at - one[0] < FORGOTTEN}


def _far(name: str, before: float, now: float) -> bool:
    if name.endswith("_percent"):
        return abs(now - before) >= BAND
    return abs(now - before) > max(1.0, SHARE * abs(before))
