"""What each step of a policy comes to: the commands, and what is named because it cannot be done."""

from datetime import UTC, datetime

import pytest

from engine import planning
from engine.model import actions
from engine.model.decision import Act
from engine.model.estate import Connection, Estate, Power
from engine.model.event import Event
from engine.model.match import Match
from engine.model.policy import Policy
from engine.model.run import PlannedStep
from tests.engine.worlds import estate, fleet, host, vm

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LOST = {"connection": Connection.NOT_RESPONDING, "power": Power.UNKNOWN}
HOST_1 = {"vcenter": "vc1", "name": "esx1", "uuid": "30000000-0000-4000-8000-000000000001", "ref": "host-1"}
BLADE_1 = {"bmc_url": "https://10.0.0.1", "system": "1", "serial": "BLD1", "chassis": "chassis1", "slot": 1}
UUID_1 = "30000000-0000-4000-8000-000000000001"


def policy(*steps: dict[str, object], when: dict[str, object] | None = None) -> Policy:
    return Policy.model_validate(
        {
            "apiVersion": "toban/v1",
            "kind": "Policy",
            "metadata": {"name": "p", "title": {"en": "A policy", "ja": "ポリシー"}},
            "spec": {"when": when or {"event": "host.unreachable", "by": "host"}, "do": list(steps)},
        }
    )


def planned(
    world: Estate, key: str, *steps: dict[str, object], when=None, tired=frozenset(), event=None
) -> tuple[PlannedStep, ...]:
    event = event or Event(id="e1", type="host.unreachable", source="vcenter/vc1", subject=key, time=NOW)
    match = Match("m1", "p", key, NOW, NOW, 0.0, (event,))
    act = Act(match="m1", policy="p", object=key, at=NOW, reasons=(), causes=("e1",))
    return planning.plan(act, match, policy(*steps, when=when), world, rehearsal=False, tired=tired).steps


def one(world: Estate, key: str, when=None, event=None, **step: object) -> PlannedStep:
    return planned(world, key, {"id": "s", **step}, when=when, event=event)[0]


def told(step: PlannedStep) -> list[tuple[str, str]]:
    return [(command.verb, command.target) for command in step.commands]


def changed(world: Estate, **hosts: object) -> Estate:
    return world.model_copy(update={"hosts": {**world.hosts, **hosts}})


def test_every_verb_has_its_planner_and_there_is_no_other() -> None:
    assert set(planning.PLANNERS) == set(actions.shipped())


@pytest.mark.parametrize("key", ["host:esx1", "machine:chassis1/1", "vm:VM-01"])
def test_a_host_is_found_from_itself_its_machine_and_its_vms(key) -> None:
    (command,) = one(estate(), key, fence={"host": "$host"}).commands
    assert (command.verb, command.target) == ("machine.power_off", "machine:chassis1/1")
    assert command.parameters == {**BLADE_1, "uuid": UUID_1}


@pytest.mark.parametrize(
    "step",
    [
        {"fence": {"host": "$host"}},
        {"diagnose-and-power-off": {"host": "$host"}},
        {"failover": {"from": "$host"}},
        {"migrate": {"from": "$host"}},
        {"evacuate": {"from": "$host"}},
        {"restart-vm": {"vm": "$vm"}},
        {"shutdown-host": {"host": "$host"}},
        {"start-host": {"group": "$group"}},
        {"power-save": {"group": "$group"}},
        {"await-ha": {"from": "$host"}},
        {"mark": {"object": "$machine", "as": "faulted"}},
    ],
)
def test_about_a_stranger_nothing_is_ordered_and_it_is_said(step) -> None:
    found = one(estate(), "host:stranger", **step)
    assert found.commands == ()
    assert "host:stranger" in found.unplaced[0].en
    assert found.unplaced[0].ja


def test_a_diagnosis_comes_before_the_power_and_knows_the_others_of_the_group() -> None:
    step = one(fleet((), (), ()), "host:esx1", **{"diagnose-and-power-off": {"host": "$host"}})
    look, cut = step.commands
    assert told(step) == [("host.diagnose", "host:esx1"), ("machine.power_off", "machine:chassis1/1")]
    peers = [{"vcenter": "vc1", "name": "esx2"}, {"vcenter": "vc1", "name": "esx3"}]
    assert look.parameters == {**HOST_1, **BLADE_1, "machine_uuid": UUID_1, "peers": peers}
    assert cut.parameters == {**BLADE_1, "uuid": UUID_1}
    assert cut.needs == (look.id,)


@pytest.mark.parametrize(
    ("vms", "verbs"), [("running", []), ("all", ["host.disconnect", "host.remove", "vm.register"])]
)
def test_where_nothing_ran_only_a_failover_of_all_vms_brings_the_others_along(vms, verbs) -> None:
    world = changed(estate(), esx1=host(1, **LOST))
    off = vm(1, 1, power=Power.OFF)
    world = world.model_copy(update={"vms": {off.instance_uuid: off}})
    step = one(world, "host:esx1", failover={"from": "$host", "vms": vms, "to": "best"})
    assert [verb for verb, _ in told(step)] == verbs


@pytest.mark.parametrize(("vms", "names"), [("running", ["VM-01"]), ("all", ["VM-01", "VM-02"])])
def test_an_evacuation_moves_running_vms_and_if_asked_those_that_are_off(vms, names) -> None:
    off = vm(2, 1, power=Power.OFF)
    world = estate().model_copy(update={"vms": {v.instance_uuid: v for v in (vm(1, 1), off, vm(3, 2))}})
    step = one(world, "host:esx1", evacuate={"from": "$host", "vms": vms})
    assert [command.parameters["name"] for command in step.commands] == names
    assert [command.parameters.get("cold") for command in step.commands] == [None, True][: len(names)]
    assert step.commands[0].parameters == {
        "vcenter": "vc1", "name": "VM-01", "instance_uuid": "50000001", "path": "[san1] VM-01/VM-01.vmx",
        "source": "esx1", "target": "esx2", "target_uuid": "30000000-0000-4000-8000-000000000002",
    }  # fmt: skip


def test_an_evacuation_names_what_cannot_leave() -> None:
    world = estate().model_copy(update={"vms": {"a": vm(1, 1, store="local-esx1")}})
    step = one(world, "host:esx1", evacuate={"from": "$host"})
    assert (step.commands, step.unplaced[0].vm) == ((), "VM-01")


def test_the_load_to_which_a_host_is_relieved_is_where_its_metric_clears() -> None:
    busy = changed(estate(), esx1=host(1, cpu_used_mhz=17000))
    loads = {"50000001": vm(1, 1, cpu_used_mhz=2000), "50000002": vm(2, 1, cpu_used_mhz=6000)}
    busy = busy.model_copy(update={"vms": loads})
    metric = {"metric": "host.load.cpu_percent", "above": 80, "for": "60s", "clear": 60}
    wide = {"any": [{"event": "host.overcommitted"}, metric], "by": "host"}
    for when in ({**metric, "by": "host"}, wide):
        step = one(busy, "host:esx1", when=when, migrate={"from": "$host", "vms": 1})
        assert [command.parameters["name"] for command in step.commands] == ["VM-02"]


def test_a_vm_is_restarted_where_it_is() -> None:
    (command,) = one(estate(), "vm:VM-03", **{"restart-vm": {"vm": "$vm"}}).commands
    assert (command.verb, command.target) == ("vm.restart", "vm:VM-03")
    assert command.parameters == {
        "vcenter": "vc1", "name": "VM-03", "instance_uuid": "50000003", "path": "[san1] VM-03/VM-03.vmx",
        "host": "esx2", "host_uuid": "30000000-0000-4000-8000-000000000002",
    }  # fmt: skip


@pytest.mark.parametrize("changes", [{"host": None}, {"host": "esx9"}])
def test_a_vm_whose_host_is_not_known_is_not_restarted(changes) -> None:
    world = estate().model_copy(update={"vms": {"50000003": vm(3, 2, **changes)}})
    step = one(world, "vm:VM-03", **{"restart-vm": {"vm": "$vm"}})
    assert (step.commands, step.unplaced[0].en) == ((), "the host of VM-03 is not known")


def test_a_host_is_shut_down_through_maintenance() -> None:
    step = one(estate(), "host:esx1", **{"shutdown-host": {"host": "$host"}})
    first, last = step.commands
    assert told(step) == [("host.enter_maintenance", "host:esx1"), ("host.shutdown", "host:esx1")]
    assert first.parameters == HOST_1
    assert last.parameters == {**HOST_1, **BLADE_1, "machine_uuid": UUID_1}
    assert last.needs == (first.id,)


def test_a_host_is_started_awaited_and_taken_out_of_maintenance() -> None:
    world = changed(estate(), esx1=host(1, **LOST, maintenance=True))
    step = one(world, "group:esx", **{"start-host": {"group": "$group"}})
    on, back, out = step.commands
    assert [verb for verb, _ in told(step)] == ["machine.power_on", "host.await_connected", "host.exit_maintenance"]
    assert (on.target, on.parameters) == ("machine:chassis1/1", {**BLADE_1, "uuid": UUID_1})
    assert back.parameters == {"vcenter": "vc1", "name": "esx1", "uuid": UUID_1}
    assert (back.deadline, back.needs, out.needs) == (900, (on.id,), (back.id,))
    assert out.parameters == HOST_1


@pytest.mark.parametrize("key", ["group:esx", "host:esx3"])
def test_power_is_saved_by_emptying_one_host_and_shutting_it_down_behind_the_moves(key) -> None:
    step = one(fleet((8192,), (4096,), (8192,), (8192,)), key, **{"power-save": {"group": "$group", "spare": 1}})
    assert [verb for verb, _ in told(step)] == ["vm.migrate", "host.enter_maintenance", "host.shutdown"]
    assert [command.target for command in step.commands[1:]] == ["host:esx2", "host:esx2"]
    assert step.commands[1].needs == (step.commands[0].id,)
    assert step.unplaced == ()


def test_power_that_cannot_be_saved_moves_nothing_and_says_why() -> None:
    step = one(fleet((8192,), (8192,)), "group:esx", **{"power-save": {"group": "$group"}})
    assert step.commands == ()
    assert "the failure of esx2" in step.unplaced[0].en


def test_the_vms_of_a_dead_host_are_left_to_vsphere_ha_and_looked_for() -> None:
    vms = (vm(1, 1, ha_protected=True), vm(2, 1, ha_protected=False), vm(4, 2, instance_uuid="moved"))
    world = changed(estate(), esx1=host(1, **LOST, ha=True))
    ran = {"esx1": ("50000001", "50000002", "moved")}
    world = world.model_copy(update={"vms": {v.instance_uuid: v for v in vms}, "ran": ran})
    step = one(world, "host:esx1", **{"await-ha": {"from": "$host"}})
    assert told(step) == [("vm.await_ha", "vm:VM-01"), ("vm.verify", "vm:VM-04")]
    assert [(item.vm, item.en) for item in step.unplaced] == [
        ("VM-02", "vSphere HA does not protect VM-02: nobody restarts it")
    ]
    assert step.commands[0].deadline == 180


@pytest.mark.parametrize(
    ("reference", "target"), [("$host", "host:esx2"), ("$machine", "machine:chassis1/2"), ("$vm", "vm:VM-03")]
)
def test_a_mark_says_which_object_what_and_why(reference, target) -> None:
    (command,) = one(estate(), "vm:VM-03", mark={"object": reference, "as": "faulted"}).commands
    assert (command.verb, command.target) == ("object.mark", target)
    assert command.parameters == {"status": "faulted", "text": "p, run m1: host.unreachable"}


def test_people_are_told_in_both_languages_and_a_reset_touches_nothing() -> None:
    tell, reset = planned(
        estate(), "host:esx1", {"id": "tell", "notify": {"channel": "oncall"}}, {"id": "over", "reset-result": {}}
    )
    (command,) = tell.commands
    assert command.parameters["en"] == "A policy: host:esx1 (seen: host.unreachable); the run is m1"
    assert "ポリシー: host:esx1" in str(command.parameters["ja"])
    assert (reset.commands, reset.unplaced) == ((), ())


def test_a_step_hands_its_timeout_and_its_tries_to_every_command() -> None:
    step = one(
        estate(), "host:esx1", timeout="2m", retry={"attempts": 5, "pause": "30s"}, evacuate={"from": "$host"}
    )  # fmt: skip
    assert {(c.deadline, c.attempts, c.pause) for c in step.commands} == {(120, 5, 30)}
    plain = one(estate(), "host:esx1", evacuate={"from": "$host"})
    assert {(c.deadline, c.attempts, c.pause) for c in plain.commands} == {(600, None, None)}


def test_the_same_decision_over_the_same_estate_is_the_same_plan() -> None:
    steps = ({"id": "save", "power-save": {"group": "$group"}}, {"id": "tell", "notify": {"channel": "a"}})
    world = fleet((8192,), (4096,), (8192,), (8192,))
    assert planned(world, "group:esx", *steps) == planned(world, "group:esx", *steps)


def test_a_vm_that_failed_over_too_often_is_put_in_place_but_not_started_and_is_named() -> None:
    world = changed(estate(), esx1=host(1, connection=Connection.NOT_RESPONDING))
    move = {"id": "move", "failover": {"from": "$host", "vms": "running"}}
    (step,) = planned(world, "host:esx1", move, tired=frozenset({vm(1, 1).instance_uuid}))
    started = [command.target for command in step.commands if command.verb == "vm.power_on"]
    registered = [command.target for command in step.commands if command.verb == "vm.register"]
    assert (started, registered) == (["vm:VM-02"], ["vm:VM-01", "vm:VM-02"])
    assert "failed over twice within an hour" in step.unplaced[0].en


def test_a_diagnosis_is_not_compared_with_hosts_that_are_not_to_be_in_service() -> None:
    world = fleet((4000,), (), (), (), ())
    out = {"esx2": host(2, removed=True), "esx3": host(3, maintenance=True)}
    world = changed(world, **out).model_copy(update={"statuses": {"host:esx4": "faulted"}})
    (found,) = planned(world, "host:esx1", {"id": "off", "diagnose-and-power-off": {"host": "$host"}})
    assert [peer["name"] for peer in found.commands[0].parameters["peers"]] == ["esx5"]


@pytest.mark.parametrize(
    ("method", "verbs"),
    [
        ("migrate", ["vm.migrate"]),
        ("quick", ["vm.check_move", "vm.suspend", "vm.migrate", "vm.power_on"]),
        ("move", ["vm.check_move", "vm.shutdown", "vm.migrate", "vm.power_on"]),
    ],
)
def test_a_vm_is_moved_by_the_method_that_is_asked_for_and_comes_back_if_it_cannot_be_moved(method, verbs) -> None:
    (found,) = planned(estate(), "vm:VM-01", {"id": "go", "move-vm": {"vm": "$vm", "to": "esx2", "method": method}})
    assert [command.verb for command in found.commands] == verbs
    if len(verbs) > 1:
        asked, rest, moved, starts = found.commands
        assert rest.undo is not None
        assert (rest.undo.verb, rest.parameters["host"]) == ("vm.power_on", "esx1")
        assert [one.needs for one in (rest, moved, starts)] == [(asked.id,), (rest.id,), (moved.id,)]
        assert asked.parameters == moved.parameters
