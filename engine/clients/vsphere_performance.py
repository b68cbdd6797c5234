"""Performance statistics of hosts and VMs by QueryPerf, in batches, as plain values. Blocking.

Which number a counter has, and whether an object tells it as a whole or by device only, differs from vCenter to
vCenter: both are asked once a session (vSphere API reference, PerformanceManager).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from pyVmomi import vim

from engine.clients import vsphere_faults
from engine.clients.vsphere import Session
from engine.model.errors import Transient

log = structlog.get_logger()

manager = vim.PerformanceManager
KINDS = {"host": vim.HostSystem, "vm": vim.VirtualMachine}
REAL_TIME = 20
"""Seconds of a real-time sample; every longer interval is a historical one, and needs a beginning."""
ASKED = 3
"""Objects of a kind that are asked what they tell; an object may tell nothing while it starts."""
LONGEST_LINE = 10_000


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter of this vCenter."""

    key: int
    name: str
    """`cpu.usage.average`: group, name and rollup."""
    unit: str
    """percent (in hundredths), millisecond, kiloBytesPerSecond, number, ..."""

    @property
    def rollup(self) -> str:
        """average, latest, maximum, minimum, summation."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Series:
    """What one counter of one object showed, by device; oldest sample first, None where there was none."""

    counter: Counter
    by_instance: Mapping[str, tuple[int | None, ...]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One object's statistics."""

    ref: str
    at: datetime
    """Of its newest sample, by vCenter's clock."""
    series: tuple[Series, ...]


class Performance:
    """What one session knows of the counters; for one thread."""

    def __init__(self, session: Session, wanted: Mapping[str, Iterable[str]], interval: int) -> None:
        """`wanted`: names of counters by kind (`host`, `vm`); asks vCenter which numbers they have."""
        self._session, self._interval = session, interval
        self._manager: Any = session.content.perfManager
        self.batch = 0
        """Objects of a query that vCenter took lately; 0: it never refused one."""
        named = {one.name: one for one in self._counters()}
        self._wanted = {kind: [named[name] for name in names if name in named] for kind, names in wanted.items()}
        self.unknown = tuple(sorted({name for names in wanted.values() for name in names} - set(named)))
        """Counters that this vCenter does not have."""
        self._metrics: dict[str, list[Any]] = {}

    def _counters(self) -> Iterator[Counter]:
        found = self._session.read_one(self._manager, ["perfCounter"]).get("perfCounter")
        for one in found or ():
            name = f"{one.groupInfo.key}.{one.nameInfo.key}.{one.rollupType}"
            yield Counter(int(one.key), name, str(one.unitInfo.key))

    def read(self, kind: str, refs: Sequence[str], *, batch: int, samples: int) -> list[Measured]:
        """The newest samples of these objects; one that tells nothing now is left out.

        A query that vCenter refuses as too large is asked again in halves, and so from then on.
        """
        metrics = self._metrics_of(kind, refs)
        if not metrics:
            return []
        found: list[Measured] = []
        rest, size = list(refs), min(batch, self.batch or batch)
        while rest:
            try:
                found += self._query(kind, rest[:size], metrics, samples)
            except vim.fault.RestrictedByAdministrator as error:
                if size == 1:
                    msg = f"vCenter refuses the statistics of a single object ({vsphere_faults.words(error)})"
                    raise Transient(msg) from error
                size = self.batch = max(1, size // 2)
                log.info("vcenter.performance.smaller", batch=size)
                continue
            rest = rest[size:]
        return found

    def _metrics_of(self, kind: str, refs: Sequence[str]) -> list[Any]:
        """The whole where an object tells it, else every device; asked once, of the first that tell anything."""
        if kind in self._metrics:
            return self._metrics[kind]
        offered: dict[int, set[str]] = {}
        for ref in refs[:ASKED]:
            entity = self._session.managed(KINDS[kind], ref)
            for one in self._manager.QueryAvailablePerfMetric(entity, None, None, self._interval) or ():
                offered.setdefault(int(one.counterId), set()).add(str(one.instance or ""))
        found = [
            manager.MetricId(counterId=one.key, instance="" if "" in offered[one.key] else "*")
            for one in self._wanted.get(kind, ())
            if one.key in offered
        ]
        if found:
            self._metrics[kind] = found
        return found

    def _query(self, kind: str, refs: Sequence[str], metrics: list[Any], samples: int) -> list[Measured]:
        since = None
        if self._interval != REAL_TIME:
            since = self._session.now() - timedelta(seconds=self._interval * (samples + 2))
        specs = [
            manager.QuerySpec(
                entity=self._session.managed(KINDS[kind], ref),
                metricId=metrics,
                intervalId=self._interval,
                startTime=since,
                maxSample=samples if since is None else None,
                format="csv",
            )
            for ref in refs
        ]
        answer = vsphere_faults.parsed(lambda: self._manager.QueryPerf(specs)) or ()
        counters = {one.key: one for one in self._wanted.get(kind, ())}
        lines = (_measured(one, counters, samples) for one in answer)
        return [one for one in lines if one is not None]


def _measured(told: Any, counters: Mapping[int, Counter], samples: int) -> Measured | None:
    times = _times(str(told.sampleInfoCSV or "")[:LONGEST_LINE])
    if not times:
        return None
    order = sorted(range(len(times)), key=lambda index: times[index])[-samples:]
    found: dict[int, dict[str, tuple[int | None, ...]]] = {}
    for line in told.value or ():
        key, numbers = int(line.id.counterId), _numbers(str(line.value or "")[:LONGEST_LINE])
        if key in counters and len(numbers) == len(times):
            by_instance = found.setdefault(key, {})
            by_instance[str(line.id.instance or "")] = tuple(numbers[index] for index in order)
    series = tuple(Series(counters[key], by_instance) for key, by_instance in sorted(found.items()))
    return Measured(str(told.entity._moId), times[order[-1]], series)  # noqa: SLF001  pyVmomi's name


def _times(line: str) -> list[datetime]:
    """`20,2026-11-25T02:00:00Z,20,...`: interval and time in turn; nothing of a line that is anything else."""
    try:
        found = [datetime.fromisoformat(text) for text in line.split(",")[1::2]]
    except ValueError:
        return []
    return found if all(one.tzinfo is not None for one in found) else []


def _numbers(line: str) -> list[int | None]:
    """A negative number stands for a sample that was not taken."""
    try:
        found = [int(text) if text else -1 for text in line.split(",")]
    except ValueError:
        return []
    return [one if one >= 0 else None for one in found]
