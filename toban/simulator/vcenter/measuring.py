"""The PerformanceManager's methods."""

from collections.abc import Callable
from typing import Any

from pyVmomi import vim, vmodl

from toban.simulator.vcenter import performance
from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.performance import Sample
from toban.simulator.vcenter.registry import reference
from toban.simulator.vcenter.sessions import Session

manager = vim.PerformanceManager
PROVIDERS = (vim.HostSystem, vim.VirtualMachine)


def summary(center: Center, _: Session, __: Any, entity: Any) -> Any:
    """QueryPerfProviderSummary."""
    found = center.registry.find(entity)
    if not isinstance(found, PROVIDERS):
        raise vmodl.fault.InvalidArgument(msg="no provider of statistics", invalidProperty="entity")
    return manager.ProviderSummary(
        entity=found, currentSupported=True, summarySupported=True, refreshRate=performance.REFRESH
    )


def available(center: Center, _: Session, __: Any, entity: Any, *___: Any) -> Any:
    """QueryAvailablePerfMetric."""
    return center.performance.available(reference(center.registry.find(entity)))


def by_key(center: Center, _: Session, __: Any, keys: Any) -> Any:
    """QueryPerfCounter; raises InvalidArgument for a key that is no counter's."""
    try:
        return [performance.described(center.performance.counters[key]) for key in keys]
    except KeyError as error:
        raise vmodl.fault.InvalidArgument(msg=f"no counter {error}", invalidProperty="counterId") from error


def by_level(center: Center, _: Session, __: Any, level: int) -> Any:
    """QueryPerfCounterByLevel."""
    if not 1 <= level <= 4:
        raise vmodl.fault.InvalidArgument(msg=f"no level {level}", invalidProperty="level")
    return [performance.described(one) for one in center.performance.counters.values()]


def query(center: Center, _: Session, __: Any, specs: Any) -> Any:
    """QueryPerf: an entity without statistics is left out; too much at once is refused."""
    asked = sum(len(spec.metricId or center.performance.counters) for spec in specs)
    if asked > center.performance.most_metrics:
        msg = "This operation is restricted by the administrator - 'vpxd.stats.maxQueryMetrics'."
        raise vim.fault.RestrictedByAdministrator(msg=msg, details="vpxd.stats.maxQueryMetrics")
    found = [_measured(center, spec) for spec in specs if center.registry.knows(reference(spec.entity))]
    return [one for one in found if one is not None]


def _measured(center: Center, spec: Any) -> Any:
    samples = center.performance.samples(reference(spec.entity), spec)
    if not samples:
        return None
    asked = spec.metricId or [manager.MetricId(counterId=key, instance="*") for key in center.performance.counters]
    lines: list[tuple[Any, list[int]]] = []
    for metric in asked:
        counter = center.performance.counters.get(metric.counterId)
        if counter is None:
            raise vmodl.fault.InvalidArgument(msg=f"no counter {metric.counterId}", invalidProperty="metricId")
        for instance in performance.series(samples[-1], counter, metric.instance):
            key = (counter.name, instance)
            identity = manager.MetricId(counterId=counter.key, instance=instance)
            lines.append((identity, [one.values.get(key, -1) for one in samples]))
    return _csv(spec.entity, samples, lines) if spec.format == "csv" else _normal(spec.entity, samples, lines)


def _csv(entity: Any, samples: list[Sample], lines: list[tuple[Any, list[int]]]) -> Any:
    told = ",".join(f"{performance.REFRESH},{one.at:%Y-%m-%dT%H:%M:%SZ}" for one in samples)
    values = [manager.MetricSeriesCSV(id=metric, value=",".join(map(str, numbers))) for metric, numbers in lines]
    return manager.EntityMetricCSV(entity=entity, sampleInfoCSV=told, value=values)


def _normal(entity: Any, samples: list[Sample], lines: list[tuple[Any, list[int]]]) -> Any:
    told = [manager.SampleInfo(timestamp=one.at, interval=performance.REFRESH) for one in samples]
    values = [manager.IntSeries(id=metric, value=numbers) for metric, numbers in lines]
    return manager.EntityMetric(entity=entity, sampleInfo=told, value=values)


METHODS: dict[str, Callable[..., Any]] = {
    "QueryPerfProviderSummary": summary,
    "QueryAvailablePerfMetric": available,
    "QueryPerfCounter": by_key,
    "QueryPerfCounterByLevel": by_level,
    "QueryPerf": query,
}
