"""Blades that come into service and leave it: what is ordered, in which order, and why nothing is."""

import pytest

from engine.estate import projecting
from engine.model.estate import Connection, Estate, Power
from engine.model.event import Event
from tests.engine import worlds
from tests.engine.test_planning import NOW, one, told

REPLACE = {"machine": "$machine", "from": "pool"}
OFF = {"connection": Connection.NOT_RESPONDING, "power": Power.OFF}


def estate(**changes) -> Estate:
    """Three hosts with a VM each, the first one gone; a free blade, and a host definition without one."""
    world = worlds.fleet((4096,), (4096,), (4096,))
    hosts = {**world.hosts, "esx1": worlds.host(1, **OFF)}
    site = worlds.with_spare(world.site, vacant="esx9")
    return world.model_copy(update={"site": site, "hosts": hosts, "ran": {"esx1": ("u11",)}, **changes})


def why(step) -> str:
    (left,) = step.unplaced
    return left.en


def test_a_spare_joins_before_the_old_host_leaves_the_inventory_and_its_vms_follow() -> None:
    step = one(estate(statuses={"host:esx1": "faulted"}), "host:esx1", replace=REPLACE)
    assert told(step) == [
        ("machine.prove_off", "machine:chassis1/1"),
        ("machine.power_on", "machine:chassis1/9"),
        ("host.add", "host:esx1"),
        ("host.exit_maintenance", "host:esx1"),
        ("machine.assign", "host:esx1"),
        ("object.mark", "host:esx1"),
        ("host.disconnect", "host:esx1"),
        ("host.remove", "host:esx1"),
        ("vm.register", "vm:VM-11"),
        ("vm.power_on", "vm:VM-11"),
    ]
    by_verb = {command.verb: command for command in step.commands}
    assert by_verb["machine.assign"].undo.parameters == {"machine": "chassis1/1"}
    assert by_verb["host.add"].parameters["uuid"] == by_verb["vm.power_on"].parameters["host_uuid"]
    assert by_verb["host.remove"].parameters["name"] == "esx1"
    chain = [command.id for command in step.commands[:5]]
    assert [command.needs for command in step.commands[1:5]] == [(name,) for name in chain[:4]]


def test_a_host_that_still_answers_must_be_empty_by_the_time_it_is_replaced() -> None:
    world = estate(hosts=worlds.fleet((4096,), (4096,), (4096,)).hosts)
    step = one(world, "host:esx1", replace=REPLACE)
    assert told(step)[-1] == ("host.remove", "host:esx1")
    assert step.commands[-1].parameters["retired"] is True


def test_a_vm_that_runs_elsewhere_by_now_stays_there() -> None:
    world = estate()
    moved = world.vms["u11"].model_copy(update={"host": "esx2"})
    step = one(world.model_copy(update={"vms": {**world.vms, "u11": moved}}), "machine:chassis1/1", replace=REPLACE)
    assert [verb for verb, _ in told(step)][-1] == "host.remove"


@pytest.mark.parametrize(
    ("changes", "parameters", "reason"),
    [
        ({"statuses": {"machine:chassis1/9": "faulted"}}, {}, "chassis1/9 is marked faulted"),
        ({}, {"with": "chassis1/2"}, "chassis1/2 cannot serve esx1"),
        ({"site": worlds.site(3)}, {}, "no blade can serve esx1"),
        ({"hosts": {}}, {}, "where to join is not known"),
    ],
)
def test_why_nothing_takes_a_blades_place(changes, parameters, reason) -> None:
    step = one(estate(**changes), "host:esx1", replace={**REPLACE, **parameters})
    assert step.commands == ()
    assert reason in why(step)


def test_a_blade_that_serves_nobody_needs_no_replacement() -> None:
    assert "serves no host" in why(one(estate(), "machine:chassis1/9", replace=REPLACE))


def test_a_spare_whose_hypervisor_nobody_named_cannot_join_by_itself() -> None:
    site = worlds.with_spare(worlds.site(3))
    (chassis,) = site.chassis
    bare = chassis.slots[-1].model_copy(update={"hypervisor": None})
    plain = site.model_copy(update={"chassis": (chassis.model_copy(update={"slots": (*chassis.slots[:-1], bare)}),)})
    assert "names no hypervisor for chassis1/9" in why(one(estate(site=plain), "host:esx1", replace=REPLACE))


def test_a_group_is_scaled_out_by_a_host_definition_that_has_no_blade() -> None:
    step = one(estate(), "group:esx", {"schedule": "0 8 * * *"}, **{"scale-out": {"group": "$group"}})
    assert told(step) == [
        ("machine.power_on", "machine:chassis1/9"),
        ("host.add", "host:esx9"),
        ("host.exit_maintenance", "host:esx9"),
        ("machine.assign", "host:esx9"),
    ]
    full = one(estate(site=worlds.with_spare(worlds.site(3))), "group:esx", **{"scale-out": {"group": "$group"}})
    assert "every host definition of esx has a blade" in why(full)


def test_a_group_is_scaled_in_by_emptying_stopping_and_removing_one_host() -> None:
    world = worlds.fleet((4096,), (4096,), (4096,), (4096,))
    step = one(world, "group:esx", **{"scale-in": {"group": "$group", "below": 60, "spare": 1}})
    verbs = [verb for verb, _ in told(step)]
    assert verbs == [
        "vm.migrate", "host.enter_maintenance", "host.shutdown", "host.disconnect", "host.remove", "machine.assign"
    ]  # fmt: skip
    assert step.commands[-1].parameters["machine"] == "released/0"
    assert step.commands[-2].parameters["retired"] is True


def test_stopped_hosts_are_started_until_the_reserve_is_there() -> None:
    stopped = {"maintenance": True, **OFF}
    hosts = {f"esx{n}": worlds.host(n, **(stopped if n > 2 else {})) for n in range(1, 5)}
    world = worlds.fleet((4096,), (4096,), (), ()).model_copy(update={"hosts": hosts})
    step = one(world, "group:esx", refill={"group": "$group", "spare": 2})
    assert [target for verb, target in told(step) if verb == "machine.power_on"] == [
        "machine:chassis1/3", "machine:chassis1/4"
    ]  # fmt: skip
    short = one(world, "group:esx", refill={"group": "$group", "spare": 3})
    assert len(short.commands) == 6
    assert "is not off" in why(short)
    idle = world.model_copy(update={"hosts": {**hosts, "esx3": worlds.host(3)}})
    assert "without a running VM already" in why(one(idle, "group:esx", refill={"group": "$group"}))


def test_after_an_assignment_the_host_goes_by_the_name_of_its_new_hypervisor() -> None:
    data = {"machine": "chassis1/9"}
    said = Event(id="a", type="inventory.assignment", source="t", subject="host:esx1", time=NOW, data=data)
    world = projecting.apply(estate(), said)
    assert (world.site.standings["esx1"].inventory_name, world.site.by_hypervisor["spare"]) == ("spare", "esx1")
    live = worlds.host(9, name="spare").model_dump(mode="json")
    seen = Event(id="b", type="inventory.host", source="t", subject="host:spare", time=NOW, data=live)
    assert projecting.apply(world, seen).hosts["esx1"].name == "spare"


def from_hardware(world: Estate, source: str, **step: object):
    event = Event(id="e1", type="cpu.failed", source=source, subject="machine:chassis1/1", time=NOW)
    return one(world, "machine:chassis1/1", event=event, **step)


def test_what_hardware_reported_is_confirmed_by_its_sensors_and_anything_else_is_marked_at_once() -> None:
    mark = {"machine": "$machine", "as": "degraded"}
    step = from_hardware(estate(), "snmp/192.0.2.1", **{"mark-by-sensors": mark})
    assert [verb for verb, _ in told(step)] == ["machine.diagnose_sensors", "object.mark"]
    assert step.commands[1].needs == (step.commands[0].id,)
    assert step.commands[1].parameters["status"] == "degraded"
    other = from_hardware(estate(), "vcenter/vc1", **{"mark-by-sensors": mark})
    assert told(other) == [("object.mark", "machine:chassis1/1")]


def test_marks_are_taken_away_by_a_diagnosis_of_everything_and_the_lamp_is_switched() -> None:
    step = one(estate(), "host:esx2", **{"mark-ready-by-diagnosis": {"machine": "$machine"}})
    assert told(step) == [
        ("machine.diagnose_total", "machine:chassis1/2"),
        ("object.mark", "machine:chassis1/2"),
        ("object.mark", "host:esx2"),
    ]
    lamp = one(estate(), "host:esx2", identify={"machine": "$machine", "lamp": "off"})
    assert (told(lamp), lamp.commands[0].parameters["on"]) == ([("machine.identify", "machine:chassis1/2")], False)
    assert "serves no host" in why(one(estate(), "machine:chassis1/9", identify={"machine": "$machine"}))
