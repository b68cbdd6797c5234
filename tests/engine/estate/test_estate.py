"""From a trap about slot 1 to the host, its group and its VMs."""

import itertools
from datetime import UTC, datetime

import pytest

from engine import documents
from engine.estate import linking, loading, projecting, reading
from engine.model.catalogue import FieldType
from engine.model.estate import Connection, Estate, Power
from engine.model.event import Event
from engine.model.ids import Kind
from engine.model.policy import Scope
from engine.rules import conditions
from tests.engine.worlds import estate, host, site, vm

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def event(kind: str, subject: str, **data: object) -> Event:
    return Event(id="e1", type=kind, source="test", subject=subject, time=NOW, data=data)


def test_a_trap_about_slot_one_is_known_to_be_about_esx1_and_its_group() -> None:
    trap = event("blade.power.lost", "machine:chassis1/1")
    keys = {by: linking.key_for(estate(), trap, by) for by in ("subject", "host", "machine", "chassis", "group")}
    assert keys == {
        "subject": "machine:chassis1/1",
        "host": "host:esx1",
        "machine": "machine:chassis1/1",
        "chassis": "chassis:chassis1",
        "group": "group:esx",
    }
    assert [v.name for v in reading.running_vms(estate(), "esx1")] == ["VM-01", "VM-02"]


@pytest.mark.parametrize("subject", ["machine:chassis1/9", "host:unknown", "sender:10.9.9.9", "vm:VM-99"])
def test_an_unknown_object_resolves_to_nothing(subject) -> None:
    assert linking.key_for(estate(), event("blade.power.lost", subject), "host") is None


def test_a_vm_resolves_to_the_host_it_runs_on() -> None:
    assert linking.host_of(estate(), "vm:VM-03") == "esx2"


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        ({}, True),
        ({"group": "esx"}, True),
        ({"group": "other"}, False),
        ({"category": "tutorial", "model": "blade", "host": "esx1"}, True),
        ({"host": "esx2"}, False),
    ],
)
def test_a_scope_narrows_by_every_line_it_has(scope, inside) -> None:
    assert linking.in_scope(estate(), Scope(**scope), "host:esx1") is inside


def test_vms_that_ran_on_a_host_are_remembered_when_vcenter_loses_it_even_after_they_moved() -> None:
    lost = host(1, connection=Connection.NOT_RESPONDING, power=Power.UNKNOWN)
    picture = projecting.apply(estate(), event("inventory.host", "host:esx1", **lost.model_dump(mode="json")))
    moved = vm(1, 2)
    picture = projecting.apply(picture, event("inventory.vm", "vm:VM-01", **moved.model_dump(mode="json")))
    assert {v.name: v.host for v in reading.ran_on(picture, "esx1")} == {"VM-01": "esx2", "VM-02": "esx1"}
    back = projecting.apply(picture, event("inventory.host", "host:esx1", **host(1).model_dump(mode="json")))
    assert [v.name for v in reading.ran_on(back, "esx1")] == ["VM-02"]


def test_a_spare_blade_and_a_chassis_are_grouped_though_no_host_stands_for_them() -> None:
    spare = estate().model_copy(update={"site": site(3).model_copy(update={"categories": site(2).categories})})
    about_spare = event("bmc.failed", "machine:chassis1/3")
    assert {by: linking.key_for(spare, about_spare, by) for by in ("host", "machine", "chassis", "group", "vm")} == {
        "host": None,
        "machine": "machine:chassis1/3",
        "chassis": "chassis:chassis1",
        "group": None,
        "vm": None,
    }
    assert linking.key_for(spare, event("fan.failed", "chassis:chassis1"), "chassis") == "chassis:chassis1"
    assert linking.key_for(spare, event("fan.failed", "chassis:other"), "chassis") is None
    assert linking.related(spare, "group:esx", Kind.GROUP) == "group:esx"
    assert linking.related(spare, "group:other", Kind.GROUP) is None


def test_a_mark_stands_until_the_object_is_ready_again() -> None:
    marked = projecting.apply(estate(), event("inventory.status", "machine:chassis1/1", status="degraded", text="t"))
    assert reading.status_of(marked, "esx1") == "degraded"
    assert not reading.is_healthy(marked, "esx1")
    worse = projecting.apply(marked, event("inventory.status", "host:esx1", status="faulted", text="t"))
    assert reading.status_of(worse, "esx1") == "faulted"
    better = projecting.apply(worse, event("inventory.status", "host:esx1", status="ready", text="t"))
    ready = projecting.apply(better, event("inventory.status", "machine:chassis1/1", status="ready", text="t"))
    assert (ready.statuses, reading.status_of(ready, "esx1")) == ({}, "ready")
    assert reading.is_healthy(ready, "esx1")


@pytest.mark.parametrize("word", ["normal", "", None, 7, True])
def test_a_status_that_is_no_word_of_ours_leaves_the_mark_as_it_is(word) -> None:
    marked = projecting.apply(estate(), event("inventory.status", "host:esx1", status="faulted", text="t"))
    assert projecting.apply(marked, event("inventory.status", "host:esx1", status=word, text="t")) is marked


def test_every_name_that_a_condition_may_read_of_the_estate_has_a_value_of_its_type() -> None:
    python = {FieldType.STRING: str, FieldType.INTEGER: int, FieldType.NUMBER: float, FieldType.BOOLEAN: bool}
    told = reading.values_for(estate(), "vm:VM-01")
    assert {name: type(value) for name, value in told.items()} == {n: python[t] for n, t in conditions.ESTATE.items()}


@pytest.mark.parametrize(
    ("key", "kinds"),
    [("host:esx1", {"host", "group"}), ("group:esx", {"group"}), ("vm:VM-99", set()), ("chassis:chassis1", set())],
)
def test_what_the_estate_does_not_say_about_an_object_is_left_out(key, kinds) -> None:
    assert {name.partition(".")[0] for name in reading.values_for(estate(), key)} == kinds


def test_what_a_condition_reads_is_what_the_estate_shows() -> None:
    world = estate().model_copy(update={"statuses": {"machine:chassis1/2": "faulted"}})
    busy = world.model_copy(update={"hosts": {**world.hosts, "esx1": host(1, cpu_used_mhz=5000, memory_used_mb=16384)}})
    told = reading.values_for(busy, "vm:VM-01")
    wanted = {
        "host.cpu_percent": 25.0,
        "host.memory_percent": 25.0,
        "host.chassis": "chassis1",
        "host.status": "ready",
        "group.hosts": 2,
        "group.healthy_hosts": 1,
        "vm.host": "esx1",
        "vm.power": "on",
        "vm.ha_protected": False,
    }
    assert wanted.items() <= told.items()


def test_inventory_that_does_not_parse_changes_nothing() -> None:
    world = estate()
    assert projecting.apply(world, event("inventory.vm", "vm:VM-01", name=7)) is world


def test_a_removed_vm_leaves_the_picture() -> None:
    gone = vm(3, 2, removed=True)
    picture = projecting.apply(estate(), event("inventory.vm", "vm:VM-03", **gone.model_dump(mode="json")))
    assert reading.vms_on(picture, "esx2") == ()


def test_an_unknown_power_word_is_never_taken_for_off() -> None:
    assert Power("poweringDown") is Power.UNKNOWN
    assert Connection("weird") is Connection.UNKNOWN


ESTATE = """\
apiVersion: toban/v1
kind: Estate
vcenters:
  - {name: vc1, url: "https://127.0.0.1:18443/sdk"}
chassis:
  - name: chassis1
    vendor: hpe-c7000
    serial: CZ1
    address: 127.0.0.1
    slots:
      - {slot: 1, serial: B1, uuid: u1, bmc: {url: "https://127.0.0.1:1"}}
models:
  - {name: blade, category: tutorial, cpu_mhz: 1, memory_mb: 1}
categories:
  - name: tutorial
    groups:
      - name: esx
        hosts:
          - {name: esx1, model: blade, machine: chassis1/1, vcenter: vc1}
"""


def load(tmp_path, text):
    path = tmp_path / "estate.yaml"
    path.write_text(text)
    return loading.load(path)


def test_an_estate_file_loads_and_joins_host_and_slot(tmp_path) -> None:
    site = load(tmp_path, ESTATE)
    assert site.standings["esx1"].machine == "machine:chassis1/1"


@pytest.mark.parametrize(
    ("change", "line", "sentence"),
    [
        (("machine: chassis1/1", "machine: chassis1/2"), 19, "names the machine 'chassis1/2'"),
        (("model: blade, machine", "model: blad, machine"), 19, "did you mean 'blade'?"),
        (("vcenter: vc1}", "vcenter: vc2}"), 19, "names the vcenter 'vc2'"),
        (("serial: CZ1", "serail: CZ1"), 8, "unknown field 'serail'"),
        (("slot: 1,", "slot: one,"), 11, "chassis.0.slots.0.slot"),
        (("kind: Estate", "kind: Policy"), 1, "this is not an estate"),
    ],
)
def test_each_mistake_is_told_at_its_line_with_the_word_that_was_meant(tmp_path, change, line, sentence) -> None:
    with pytest.raises(documents.Unreadable) as caught:
        load(tmp_path, ESTATE.replace(*change))
    told = [str(problem) for problem in caught.value.problems]
    assert any(f":{line}:" in one and sentence in one for one in told), told


@pytest.mark.parametrize(
    "text",
    ["a: &x 1\nb: *x", "a: !!str 1", "a: 1\na: 2", "a: [1", "[" * 30, "\x00", "? [a]\n: 1", "- 1\n- 2\n", "just text"],
)
def test_traps_of_yaml_are_refused_in_one_sentence(tmp_path, text) -> None:
    with pytest.raises(documents.Unreadable):
        load(tmp_path, text)


def test_two_hosts_cannot_claim_one_machine(tmp_path) -> None:
    twin = "          - {name: esx2, model: blade, machine: chassis1/1, vcenter: vc1}\n"
    with pytest.raises(documents.Unreadable, match="machine chassis1/1 is already used by group esx, host esx1"):
        load(tmp_path, ESTATE + twin)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_whatever_order_a_restart_reads_the_inventory_in_the_vms_of_a_lost_host_are_known(order) -> None:
    lost = host(1, connection=Connection.NOT_RESPONDING, power=Power.UNKNOWN)
    told = [
        event("inventory.host", "host:esx1", **lost.model_dump(mode="json")),
        event("inventory.vm", "vm:VM-01", **vm(1, 1, connection=Connection.DISCONNECTED).model_dump(mode="json")),
        event("inventory.vm", "vm:VM-02", **vm(2, 1, connection=Connection.DISCONNECTED).model_dump(mode="json")),
    ]
    picture = Estate(site=site())
    for number in order:
        picture = projecting.apply(picture, told[number])
    assert sorted(v.name for v in reading.ran_on(picture, "esx1")) == ["VM-01", "VM-02"]


def test_a_vm_that_is_off_on_a_lost_host_did_not_run_there() -> None:
    lost = host(1, connection=Connection.NOT_RESPONDING)
    picture = projecting.apply(
        Estate(site=site()), event("inventory.host", "host:esx1", **lost.model_dump(mode="json"))
    )
    off = vm(1, 1, power=Power.OFF)
    picture = projecting.apply(picture, event("inventory.vm", "vm:VM-01", **off.model_dump(mode="json")))
    assert reading.ran_on(picture, "esx1") == ()


def test_the_index_of_names_follows_every_change_of_the_vms() -> None:
    picture = estate()
    vm = next(iter(picture.vms.values()))
    renamed = vm.model_copy(update={"name": "VM-new"})
    gone = vm.model_copy(update={"name": "VM-new", "removed": True})
    for change in (renamed, gone, vm):
        picture = projecting.apply(picture, event("inventory.vm", f"vm:{vm.name}", **change.model_dump(mode="json")))
        assert picture.named == Estate(site=picture.site, vms=picture.vms).named
    assert linking.host_of(picture, "vm:VM-new") is None
