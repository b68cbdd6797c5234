"""The simulated vCenter answers questions about performance as a real one does: over the wire, to a stock client."""

from datetime import timedelta

import pytest
from pyVmomi import vim, vmodl

from tests.toban.simulator.client import hosts, vms

manager = vim.PerformanceManager


def keys(client):
    found = client.RetrieveContent().perfManager.perfCounter
    return {f"{one.groupInfo.key}.{one.nameInfo.key}.{one.rollupType}": one.key for one in found}


def asked(client, entity, *names, instance="", form="csv", **more):
    known = keys(client)
    metrics = [manager.MetricId(counterId=known[name], instance=instance) for name in names]
    return manager.QuerySpec(entity=entity, metricId=metrics, intervalId=20, format=form, **more)


def test_hosts_are_providers_that_renew_their_numbers_every_twenty_seconds(client):
    perf = client.RetrieveContent().perfManager
    told = perf.QueryPerfProviderSummary(hosts(client)["esx1"])
    assert (told.currentSupported, told.refreshRate) == (True, 20)
    with pytest.raises(vmodl.fault.InvalidArgument):
        perf.QueryPerfProviderSummary(client.RetrieveContent().rootFolder)


def test_counters_are_described_by_key_and_by_level(client):
    perf, known = client.RetrieveContent().perfManager, keys(client)
    one = perf.QueryPerfCounter([known["disk.maxTotalLatency.latest"]])[0]
    assert (one.groupInfo.key, one.nameInfo.key, one.unitInfo.key, one.rollupType) == (
        "disk",
        "maxTotalLatency",
        "millisecond",
        "latest",
    )
    assert {counter.key for counter in perf.QueryPerfCounterByLevel(1)} == set(known.values())
    with pytest.raises(vmodl.fault.InvalidArgument):
        perf.QueryPerfCounter([99_999])


def test_what_is_available_is_told_by_device_where_there_is_no_whole(client):
    perf, known = client.RetrieveContent().perfManager, keys(client)
    found = {
        (one.counterId, one.instance) for one in perf.QueryAvailablePerfMetric(hosts(client)["esx1"], None, None, 20)
    }
    assert (known["cpu.usage.average"], "") in found
    assert (known["datastore.totalReadLatency.average"], "san1") in found
    assert (known["datastore.totalReadLatency.average"], "") not in found


@pytest.mark.parametrize("form", ["csv", "normal"])
def test_samples_come_in_both_formats_oldest_first_and_percentages_in_hundredths(world, client, form):
    for _ in range(3):
        world.center.performance.sample()
    spec = asked(client, hosts(client)["esx1"], "cpu.usage.average", form=form, maxSample=2)
    told = client.RetrieveContent().perfManager.QueryPerf([spec])[0]
    if form == "csv":
        assert told.sampleInfoCSV.split(",")[::2] == ["20", "20"]
        values = told.value[0].value.split(",")
    else:
        assert [one.interval for one in told.sampleInfo] == [20, 20]
        values = list(told.value[0].value)
    assert [int(one) for one in values] == [10_000 * (1500 + 2500 + 200) // 20_000] * 2


def test_a_slow_datastore_shows_on_every_host_and_vm_that_uses_it(world, client):
    world.faults.apply("datastore-slow:80", "san1")
    world.center.performance.sample()
    perf = client.RetrieveContent().perfManager
    specs = [
        asked(client, entity, "disk.maxTotalLatency.latest", maxSample=1)
        for entity in (hosts(client)["esx2"], vms(client)["VM-01"])
    ]
    assert [one.value[0].value for one in perf.QueryPerf(specs)] == ["80", "80"]
    devices = asked(client, hosts(client)["esx1"], "datastore.totalReadLatency.average", instance="*", maxSample=1)
    told = {line.id.instance: line.value for line in perf.QueryPerf([devices])[0].value}
    assert told == {"san1": "80", "local-esx1": "3"}


def test_what_does_not_answer_or_is_not_there_is_left_out_and_a_stretch_of_time_is_kept_to(world, client):
    world.faults.apply("host-hang", "esx1")
    world.center.performance.sample()
    perf, here = client.RetrieveContent().perfManager, hosts(client)
    gone = vim.HostSystem("host-99")
    specs = [asked(client, entity, "cpu.usage.average") for entity in (here["esx1"], here["esx2"], gone)]
    assert [one.entity for one in perf.QueryPerf(specs)] == [here["esx2"]]
    later = client.CurrentTime() + timedelta(seconds=5)
    assert perf.QueryPerf([asked(client, here["esx2"], "cpu.usage.average", startTime=later)]) == []


def test_too_much_at_once_is_refused_by_name(world, client):
    world.center.performance.most_metrics = 1
    specs = [asked(client, entity, "cpu.usage.average") for entity in hosts(client).values()]
    with pytest.raises(vim.fault.RestrictedByAdministrator, match="maxQueryMetrics"):
        client.RetrieveContent().perfManager.QueryPerf(specs)


def test_an_unknown_counter_is_refused(client):
    spec = manager.QuerySpec(
        entity=hosts(client)["esx1"], metricId=[manager.MetricId(counterId=99_999, instance="")], intervalId=20
    )
    with pytest.raises(vmodl.fault.InvalidArgument):
        client.RetrieveContent().perfManager.QueryPerf([spec])
