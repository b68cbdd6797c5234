"""What counters say becomes numbers by field, and of VMs only what moved is told."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from collectors.vsphere import measuring
from collectors.vsphere.measuring import AT_LATEST, BAND, HOST_COUNTERS, VM_COUNTERS, PerformanceSettings, Worth
from engine.clients.vsphere_performance import Counter, Measured, Series
from engine.model import catalogue

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
CPU = Counter(2, "cpu.usage.average", "percent")
LATENCY = Counter(7, "disk.maxTotalLatency.latest", "millisecond")
READS = Counter(9, "datastore.totalReadLatency.average", "millisecond")
DROPS = Counter(11, "net.droppedRx.summation", "number")
NETWORK = Counter(13, "net.usage.average", "kiloBytesPerSecond")


def measured(counter: Counter, **lines: tuple[int | None, ...]) -> Measured:
    by_instance = {"" if name == "whole" else name: line for name, line in lines.items()}
    return Measured("host-1", NOW, (Series(counter, by_instance),))


def value(counter: Counter, field: str, **lines: tuple[int | None, ...]) -> float | None:
    return measuring.numbers(measured(counter, **lines), {field: counter.name}).get(field)


def test_percentages_come_in_hundredths_and_are_averaged_over_the_samples():
    assert value(CPU, "cpu_percent", whole=(5000, 7000)) == 60.0


def test_a_sample_that_was_not_taken_is_left_out_and_none_at_all_is_no_number():
    assert value(CPU, "cpu_percent", whole=(None, 7000)) == 70.0
    assert value(CPU, "cpu_percent", whole=(None, None)) is None


def test_of_latencies_the_worst_counts_over_time_and_devices():
    assert value(LATENCY, "disk_latency_ms", whole=(3, 80, 4)) == 80.0
    assert value(READS, "disk_read_latency_ms", san1=(3, 3), san2=(40, 60)) == 50.0


def test_counts_and_rates_of_devices_are_added_up():
    assert value(DROPS, "network_drops", vmnic0=(1, 2), vmnic1=(0, 4)) == 7.0
    assert value(NETWORK, "network_kbps", vmnic0=(100, 200), vmnic1=(50, 50)) == 200.0


def test_a_counter_of_another_unit_than_the_fields_is_not_taken():
    assert value(NETWORK, "disk_latency_ms", whole=(100,)) is None
    assert value(CPU, "network_drops", whole=(100,)) is None


def test_the_usual_counters_feed_fields_that_a_policy_may_name():
    for kind, counters in (("host", HOST_COUNTERS), ("vm", VM_COUNTERS)):
        fields = catalogue.shipped().types[f"{kind}.performance"].fields
        assert set(counters) <= set(fields)


def test_one_reading_looks_back_to_the_one_before():
    assert (PerformanceSettings().samples("host"), PerformanceSettings().samples("vm")) == (1, 3)
    assert PerformanceSettings(every=5.0).samples("host") == 1


@given(st.lists(st.tuples(st.integers(20, 400), st.floats(0, 100)), min_size=1, max_size=40))
def test_what_the_engine_knows_of_a_vm_is_never_further_off_than_the_band_nor_older_than_five_minutes(line):
    worth, at, known = Worth(), NOW, None
    for pause, percent in line:
        at += timedelta(seconds=pause)
        if worth.is_news("vm-1", at, {"cpu_percent": percent}):
            known = (at, percent)
        assert known is not None
        assert abs(known[1] - percent) < BAND
        assert at - known[0] < AT_LATEST


def test_the_same_sample_is_told_once_and_one_that_lacks_a_number_is_news():
    worth = Worth()
    assert worth.is_news("vm-1", NOW, {"cpu_percent": 5.0, "disk_kbps": 100.0})
    assert not worth.is_news("vm-1", NOW, {"cpu_percent": 50.0, "disk_kbps": 100.0})
    later = NOW + timedelta(seconds=20)
    assert not worth.is_news("vm-1", later, {"cpu_percent": 5.0, "disk_kbps": 109.0})
    assert worth.is_news("vm-1", later, {"cpu_percent": 5.0})
    worth.forget(later + timedelta(hours=2))
    assert worth.told == {}
