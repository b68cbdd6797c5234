"""VMs that rest on others are started behind them, line by line, with a deadline for guest tools."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.command import Command
from engine.model.estate import Connection, Estate, Power, Site
from engine.model.ids import ObjectId
from engine.model.order import Asked, Order, requested
from engine.model.placement import Placement, Start, tier_of
from engine.model.policy import Step
from engine.model.run import Outcome, Phase
from engine.runs import ordering_starts
from engine.runs.ordering import Orders
from engine.runs.ordering_starts import Beside, Starting
from tests.engine import worlds
from tests.engine.runs.test_side_by_side import Slow, carried
from tests.engine.test_planning import NOW, planned
from tests.engine.worlds import host, vm
from toban import byhand

DATABASE = Start(vms=("VM-01",), wait="tools", within="60s")
ORDER = (DATABASE, Start(vms=("VM-02", "VM-03")), Start(vms=("VM-04",)))


ALONE = Beside()


def ordered(*names: str, order=ORDER, beside=ALONE) -> Orders:
    """The starts of these VMs, each behind a registration of its own."""
    orders = Orders("r1", Step.model_validate({"id": "move", "failover": {"from": "$host"}}))
    starts = []
    for name in names:
        one = vm(1, 1, name=name, instance_uuid=name)
        there = orders.add("vm.register", f"vm:{name}")
        starts.append(Starting(one, there, "esx2", "u2"))
    ordering_starts.in_order(orders, order, starts, beside)
    return orders


def shape(orders: Orders) -> list[tuple[str, str]]:
    return [(one.verb, one.target.removeprefix("vm:")) for one in orders.commands if one.verb != "vm.register"]


def before(commands: list[Command], one: Command) -> set[str]:
    """Everything that has ended before this command goes."""
    known = {command.id: command for command in commands}
    found: set[str] = set()
    left = [*one.needs, *one.behind]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [*known[name].needs, *known[name].behind]
    return found


def test_what_rests_on_a_database_is_started_once_its_guest_tools_run() -> None:
    orders = ordered("VM-02", "VM-01", "VM-09")
    assert shape(orders) == [
        ("vm.power_on", "VM-09"),
        ("vm.power_on", "VM-01"),
        ("vm.await_tools", "VM-01"),
        ("start.gate", "VM-01"),
        ("vm.power_on", "VM-02"),
    ]
    _, database, tools, gate, app = orders.commands[3:]
    assert (tools.needs, tools.deadline, tools.parameters["within"]) == ((database.id,), 180.0, 60.0)
    assert (gate.needs, gate.behind) == ((), (tools.id,))
    assert app.needs[1:] == (gate.id,)


def test_a_required_line_that_is_not_there_keeps_the_next_ones_down() -> None:
    strict = (DATABASE.model_copy(update={"required": True}), *ORDER[1:])
    gates = [one for one in ordered("VM-01", "VM-02", "VM-04", order=strict).commands if one.verb == "start.gate"]
    assert len(gates) == 2
    assert len(gates[0].needs) == 1
    assert gates[1].needs == (gates[0].id,)


def test_nothing_waits_where_nobody_comes_behind_and_lines_without_a_vm_have_no_gate() -> None:
    assert [verb for verb, _ in shape(ordered("VM-04"))] == ["vm.power_on"]
    assert [verb for verb, _ in shape(ordered("VM-01", "VM-04"))].count("start.gate") == 1
    assert shape(ordered("VM-09", order=())) == [("vm.power_on", "VM-09")]


def test_a_vm_that_vsphere_ha_brings_back_is_waited_for_too() -> None:
    orders = Orders("r1", Step.model_validate({"id": "move", "failover": {"from": "$host"}}))
    there, watch = orders.add("vm.register", "vm:VM-02"), orders.add("vm.await_ha", "vm:VM-01")
    database = vm(1, 1)
    app = Starting(vm(2, 1), there, "esx2", "u2")
    ordering_starts.in_order(orders, ORDER, [app], Beside(((database, watch),)))
    assert shape(orders)[1:] == [("vm.await_tools", "VM-01"), ("start.gate", "VM-01"), ("vm.power_on", "VM-02")]


@pytest.mark.parametrize(("required", "started"), [(True, []), (False, ["VM-02"])])
def test_what_rests_on_a_vm_that_stays_down_is_started_only_if_it_can_do_without(required, started) -> None:
    order = (DATABASE.model_copy(update={"required": required}), *ORDER[1:])
    orders = ordered("VM-02", order=order, beside=Beside(down=("VM-01",)))
    assert [name for verb, name in shape(orders) if verb == "vm.power_on"] == started
    said = ["VM-02 are not started: they come after VM-01, which stays down"] if required else []
    assert orders.notes == said


NAMES = [f"VM-{n:02}" for n in range(1, 8)]
LINES = st.lists(st.builds(Start, vms=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple)), max_size=5)


@given(st.lists(st.sampled_from(NAMES), unique=True), LINES)
def test_every_vm_is_started_once_and_behind_all_of_the_lines_before_its_own(names, lines) -> None:
    orders = ordered(*names, order=lines)
    starts = {one.target.removeprefix("vm:"): one for one in orders.commands if one.verb == "vm.power_on"}
    assert sorted(starts) == sorted(names)
    for name, one in starts.items():
        mine, earlier = tier_of(lines, name), before(orders.commands, one)
        for other, start in starts.items():
            line = tier_of(lines, other)
            assert (start.id in earlier) == (mine is not None and line is not None and line < mine)


def test_a_database_that_does_not_start_keeps_nobody_down_unless_it_is_required() -> None:
    for required, app, outcome in ((False, Phase.DONE, Outcome.FAILED), (True, Phase.SKIPPED, Outcome.FAILED)):
        order = (DATABASE.model_copy(update={"required": required}), *ORDER[1:])
        commands = ordered("VM-01", "VM-02", order=order).commands
        on = {one.target: one.id.removeprefix("r1.move.") for one in commands if one.verb == "vm.power_on"}
        ended, _, ends = carried(Slow(fails={on["vm:VM-01"]}), *commands)
        assert (ended, ends[on["vm:VM-02"]]) == (outcome, app)


def site(*lines: Start) -> Site:
    known = worlds.site()
    (category,) = known.categories
    (group,) = category.groups
    ruled = group.model_copy(update={"placement": Placement(start=lines)})
    wider = category.model_copy(update={"groups": (ruled,)})
    return Site(vcenters=known.vcenters, chassis=known.chassis, models=known.models, categories=(wider,))


def dead() -> Estate:
    world = worlds.estate()
    lost = host(1, connection=Connection.NOT_RESPONDING, power=Power.UNKNOWN)
    ran = {"esx1": ("50000001", "50000002")}
    return world.model_copy(update={"site": site(*ORDER), "hosts": {**world.hosts, "esx1": lost}, "ran": ran})


def test_a_failover_starts_the_vms_of_a_dead_host_in_the_order_of_its_group() -> None:
    (found,) = planned(dead(), "host:esx1", {"id": "go", "failover": {"from": "$host"}})
    verbs = [(one.verb, one.target) for one in found.commands if one.verb not in ("host.disconnect", "host.remove")]
    assert verbs == [
        ("vm.register", "vm:VM-01"),
        ("vm.register", "vm:VM-02"),
        ("vm.power_on", "vm:VM-01"),
        ("vm.await_tools", "vm:VM-01"),
        ("start.gate", "vm:VM-01"),
        ("vm.power_on", "vm:VM-02"),
    ]


def test_a_tired_database_that_is_required_leaves_its_application_down_and_says_so() -> None:
    world = dead()
    strict = DATABASE.model_copy(update={"required": True})
    world = world.model_copy(update={"site": site(strict, *ORDER[1:])})
    step = {"id": "go", "failover": {"from": "$host"}}
    (found,) = planned(world, "host:esx1", step, tired=frozenset({"50000001"}))
    assert [one.target for one in found.commands if one.verb == "vm.power_on"] == []
    assert found.notes == ("VM-02 are not started: they come after VM-01, which stays down",)


def test_an_evacuation_by_shutting_down_starts_in_order_as_well() -> None:
    world = worlds.estate()
    world = world.model_copy(update={"site": site(*ORDER)})
    order = Order(about=ObjectId("host:esx1"), steps=(Asked(verb="evacuate", parameters={"method": "move"}),), by="t")
    (found,) = byhand.preview(world, order, requested(order, NOW, "n")).steps
    starts = [one.target for one in found.commands if one.verb in ("vm.power_on", "start.gate")]
    assert starts == ["vm:VM-01", "vm:VM-01", "vm:VM-02"]
