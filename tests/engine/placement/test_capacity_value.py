"""The original's capacity value: the VMs that are on cost at most what their host is worth, whoever places them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.model.estate import Estate, Power, Site
from engine.model.placement import Capacity, Cost, Placement
from engine.placement import balancing, consolidating, evacuating, rebalancing
from engine.placement.binding import Purpose
from engine.placement.consolidating import Bounds
from engine.placement.evacuating import Wish
from tests.engine import worlds

TEN = Capacity(value=100, cost=10)


def valued(world: Estate, capacity: Capacity | None = TEN, **own: int) -> Estate:
    """The estate with a capacity value, and hosts that are worth something of their own."""
    known = world.site
    (category,) = known.categories
    (group,) = category.groups
    hosts = tuple(one.model_copy(update={"capacity": own.get(one.name)}) for one in group.hosts)
    wider = group.model_copy(update={"hosts": hosts, "placement": Placement(capacity=capacity)})
    categories = (category.model_copy(update={"groups": (wider,)}),)
    site = Site(vcenters=known.vcenters, chassis=known.chassis, models=known.models, categories=categories)
    return world.model_copy(update={"site": site})


def fleet(*counts: int) -> Estate:
    return worlds.fleet(*((64,) * count for count in counts))


def test_a_host_that_is_worth_a_hundred_takes_ten_vms_that_cost_ten() -> None:
    plan = evacuating.evacuate(valued(fleet(4, 7)), "esx1")
    assert len(plan.moves) == 3
    (left,) = plan.unplaced
    assert left.en == f"{left.vm} costs 10, esx2 has 0 of its capacity value left"


def test_a_hosts_own_value_goes_before_its_groups_and_without_one_nothing_is_bounded() -> None:
    assert len(evacuating.evacuate(valued(fleet(4, 7), esx2=200), "esx1").moves) == 4
    assert len(evacuating.evacuate(valued(fleet(4, 7), None, esx2=10), "esx1").moves) == 4


def test_a_vm_costs_what_the_first_line_that_names_it_says_and_nothing_while_it_is_off() -> None:
    costs = (Cost(vms=("VM-11",), cost=90), Cost(vms=("VM-1*",), cost=0))
    assert [Capacity(costs=costs).of(name) for name in ("VM-11", "VM-12", "VM-21")] == [90, 0, 10]
    world = fleet(1, 9)
    off = {uuid: vm.model_copy(update={"power": Power.OFF}) for uuid, vm in world.vms.items() if vm.name == "VM-11"}
    dear = Capacity(value=100, cost=10, costs=(Cost(vms=("VM-11",), cost=90),))
    assert evacuating.evacuate(valued(world, dear), "esx1").moves == ()
    asleep = valued(world.model_copy(update={"vms": {**world.vms, **off}}), dear)
    assert len(evacuating.evacuate(asleep, "esx1", tuple(off.values())).moves) == 1


def test_load_balance_and_power_save_keep_to_it_too() -> None:
    loaded = valued(fleet(4, 10))
    assert "capacity value" in balancing.relieve(loaded, "esx1", 0.01).unplaced[0].en
    assert consolidating.pack(valued(fleet(2, 9, 9)), "esx", Bounds(below=0.9, spare=0)).host is None
    assert consolidating.pack(fleet(2, 9, 9), "esx", Bounds(below=0.9, spare=0)).host is not None


def test_the_solver_packs_by_it_where_the_heuristic_leaves_vms_over() -> None:
    world = worlds.fleet((8192,) * 6, (64,) * 7, (64,) * 7)
    plan = evacuating.evacuate(valued(world), "esx1", wish=Wish(Purpose.RESCUE, thorough=True))
    there = {host: sum(move.target == host for move in plan.moves) for host in ("esx2", "esx3")}
    assert there == {"esx2": 3, "esx3": 3}


@given(st.lists(st.integers(0, 12), min_size=2, max_size=4), st.integers(20, 160))
def test_no_plan_fills_a_host_above_its_value(counts, value) -> None:
    world = valued(fleet(*counts), Capacity(value=value, cost=10))
    plan = evacuating.evacuate(world, "esx1", wish=Wish(Purpose.RESCUE))
    for number, count in enumerate(counts[1:], start=2):
        came = sum(move.target == f"esx{number}" for move in plan.moves)
        assert came == 0 or (count + came) * 10 <= value
    assert len(plan.moves) + len(plan.unplaced) == counts[0]


def test_a_whole_group_is_spread_within_it() -> None:
    world = fleet(8, 1)
    hot = {uuid: vm.model_copy(update={"cpu_used_mhz": 2200}) for uuid, vm in world.vms.items()}
    hosts = {
        name: live.model_copy(update={"cpu_used_mhz": 2200 * count})
        for (name, live), count in zip(world.hosts.items(), (8, 1), strict=True)
    }
    busy = world.model_copy(update={"vms": hot, "hosts": hosts})
    free = rebalancing.rebalance(busy, "esx", 0.5)
    tight = rebalancing.rebalance(valued(busy, Capacity(value=200, cost=10), esx2=20), "esx", 0.5)
    assert len(free.moves) > 1
    assert len(tight.moves) == 1


@pytest.mark.parametrize("wrong", [{"value": 0}, {"cost": -1}, {"costs": [{"vms": [], "cost": 1}]}])
def test_a_value_that_means_nothing_is_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        Capacity.model_validate(wrong)
