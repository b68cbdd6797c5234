"""Performance statistics: counters, and real-time samples of every host and VM that answers."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyVmomi import vim

from toban.simulator import agenda
from toban.simulator.truth import Host, Truth, Vm
from toban.simulator.vcenter.inventory import Inventory
from toban.simulator.vcenter.registry import reference

manager = vim.PerformanceManager
REFRESH = 20
"""Seconds that a real-time sample stands for on the wire, whatever the pace of this datacenter is."""
KEPT = 180
"""Samples of an entity that are kept: an hour of real time."""
Values = Mapping[tuple[str, str], int]
"""By counter name and instance; `""` is the whole."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One line of the list of counters."""

    key: int
    name: str
    """`cpu.usage.average`."""
    unit: str
    stats: str
    per_device: bool = False
    """It has instances only, no whole."""


KNOWN = (
    ("cpu.usage.average", "percent", "rate"),
    ("cpu.usagemhz.average", "megaHertz", "rate"),
    ("cpu.readiness.average", "percent", "rate"),
    ("cpu.ready.summation", "millisecond", "delta"),
    ("mem.usage.average", "percent", "absolute"),
    ("mem.consumed.average", "kiloBytes", "absolute"),
    ("mem.swapinRate.average", "kiloBytesPerSecond", "rate"),
    ("disk.usage.average", "kiloBytesPerSecond", "rate"),
    ("disk.maxTotalLatency.latest", "millisecond", "absolute"),
    ("net.usage.average", "kiloBytesPerSecond", "rate"),
    ("net.droppedRx.summation", "number", "delta"),
)
DEVICES = (
    ("datastore.totalReadLatency.average", "millisecond", "absolute"),
    ("datastore.totalWriteLatency.average", "millisecond", "absolute"),
)


def counters(seed: int) -> dict[int, Counter]:
    """By key; which key a counter has differs from vCenter to vCenter."""
    lines = [Counter(0, *line) for line in KNOWN] + [Counter(0, *line, per_device=True) for line in DEVICES]
    first = 2 + seed % 97
    keyed = [Counter(first + 5 * n, one.name, one.unit, one.stats, one.per_device) for n, one in enumerate(lines)]
    return {one.key: one for one in keyed}


def described(counter: Counter) -> Any:
    """PerfCounterInfo."""
    group, name, rollup = counter.name.split(".")
    return manager.CounterInfo(
        key=counter.key,
        groupInfo=vim.ElementDescription(key=group, label=group, summary=group),
        nameInfo=vim.ElementDescription(key=name, label=name, summary=name),
        unitInfo=vim.ElementDescription(key=counter.unit, label=counter.unit, summary=counter.unit),
        rollupType=rollup,
        statsType=counter.stats,
        level=1,
        perDeviceLevel=3,
    )


@dataclass(frozen=True, slots=True)
class Sample:
    """What an entity did in one interval."""

    at: datetime
    values: Values


class Performance:
    """The statistics of one vCenter."""

    def __init__(self, truth: Truth, inventory: Inventory, seed: int, most_metrics: int) -> None:
        """No sample yet; `most_metrics`: how many one query may ask for (vpxd.stats.maxQueryMetrics)."""
        self._truth, self._inventory, self.most_metrics = truth, inventory, most_metrics
        self.counters = counters(seed)
        self._samples: dict[str, deque[Sample]] = {}

    def sample(self) -> None:
        """Take one more of every host that answers and of each VM that runs there; callers hold the world's lock."""
        at = agenda.now().replace(microsecond=0)
        gone = set(self._samples)
        for host in self._truth.hosts.values():
            record = self._inventory.hosts.get(host.name)
            if record is None or not host.reachable:
                continue
            self._keep(record, Sample(at, self._of_host(host)))
            gone.discard(reference(record))
            for vm in self._inventory.get(record, "vm") or ():
                files = self._inventory.files(vm)
                if files.name in host.running:
                    self._keep(vm, Sample(at, self._of_vm(files, host)))
                    gone.discard(reference(vm))
        for ref in gone:  # what does not answer has no real-time statistics
            del self._samples[ref]

    def _keep(self, record: Any, sample: Sample) -> None:
        self._samples.setdefault(reference(record), deque(maxlen=KEPT)).append(sample)

    def _of_host(self, host: Host) -> Values:
        used, memory = self._truth.used_mhz(host.name), self._truth.used_mb(host.name)
        stores = [store.name for store in self._truth.stores.values() if host.name in store.hosts]
        return self._values((used, host.cores * host.mhz), (memory, host.memory_mb), stores, 4 * len(host.running))

    def _of_vm(self, vm: Vm, host: Host) -> Values:
        asked = sum(self._truth.vms[name].demand_mhz for name in host.running) + 200
        used = vm.demand_mhz * self._truth.used_mhz(host.name) // asked
        waits = 100_00 * max(0, vm.demand_mhz - used) // max(1, vm.demand_mhz)
        return self._values((used, vm.cpus * host.mhz), (vm.memory_mb // 2, vm.memory_mb), [vm.datastore], 4, waits)

    def _values(
        self, cpu: tuple[int, int], memory: tuple[int, int], stores: list[str], share: int, waits: int = 0
    ) -> Values:
        """CPU in MHz and memory in MB, each used and there; percentages are hundredths, as on the wire."""
        latency = {name: self._truth.latency.get(name, 3) for name in stores}
        found = {
            ("cpu.usage.average", ""): 100_00 * cpu[0] // max(1, cpu[1]),
            ("cpu.usagemhz.average", ""): cpu[0],
            ("cpu.readiness.average", ""): waits,
            ("cpu.ready.summation", ""): waits * REFRESH // 10,
            ("mem.usage.average", ""): 100_00 * memory[0] // max(1, memory[1]),
            ("mem.consumed.average", ""): memory[0] * 1024,
            ("mem.swapinRate.average", ""): 0,
            ("disk.usage.average", ""): 25 * share,
            ("disk.maxTotalLatency.latest", ""): max(latency.values(), default=0),
            ("net.usage.average", ""): cpu[0] // 4,
            ("net.droppedRx.summation", ""): 0,
        }
        for name, slow in latency.items():
            found["datastore.totalReadLatency.average", name] = slow
            found["datastore.totalWriteLatency.average", name] = slow
        return found

    def samples(self, ref: str, spec: Any) -> list[Sample]:
        """Of one entity, oldest first: within the times that were asked for, and at most as many."""
        found = [
            one
            for one in self._samples.get(ref, ())
            if (spec.startTime is None or one.at > spec.startTime) and (spec.endTime is None or one.at <= spec.endTime)
        ]
        return found[-spec.maxSample :] if spec.maxSample else found

    def available(self, ref: str) -> list[Any]:
        """PerfMetricId of everything that the entity has told lately."""
        newest = self._samples.get(ref)
        if not newest:
            return []
        keys = {one.name: one.key for one in self.counters.values()}
        return [manager.MetricId(counterId=keys[name], instance=instance) for name, instance in newest[-1].values]


def series(one: Sample, counter: Counter, instance: str) -> Iterable[str]:
    """The instances of a sample that a metric id asks for: one by name, `*` for all."""
    return (known for name, known in one.values if name == counter.name and instance in (known, "*"))
