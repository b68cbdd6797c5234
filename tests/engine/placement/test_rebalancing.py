"""A group is spread by few moves that may be made in any order, within the site's rules."""

from engine.model.placement import Placement, Rule
from engine.placement import rebalancing
from tests.engine import worlds
from tests.engine.test_planning import one, told


def loaded(*rules: Rule):
    """Three hosts of 64 GiB and 20 GHz; the first carries six VMs of 8 GiB and 3 GHz, the others none."""
    world = worlds.fleet((8192,) * 6, (), ())
    vms = {uuid: vm.model_copy(update={"cpu_used_mhz": 3000}) for uuid, vm in world.vms.items()}
    hosts = {**world.hosts, "esx1": worlds.host(1, cpu_used_mhz=18000)}
    (category,) = world.site.categories
    group = category.groups[0].model_copy(update={"placement": Placement(rules=rules)})
    site = world.site.model_copy(update={"categories": (category.model_copy(update={"groups": (group,)}),)})
    return world.model_copy(update={"vms": vms, "hosts": hosts, "site": type(site).model_validate(site.model_dump())})


def moves(plan):
    return [(move.vm.name, move.source, move.target) for move in plan.moves]


def test_loaded_hosts_come_below_the_bound_with_as_few_moves_as_can_be() -> None:
    plan = rebalancing.rebalance(loaded(), "esx", 0.5)
    assert len(plan.moves) == 3, "three of six leave: 9 of 20 GHz and 24 of 64 GiB stay"
    assert {move.source for move in plan.moves} == {"esx1"}
    assert moves(plan) == moves(rebalancing.rebalance(loaded(), "esx", 0.5)), "the same estate, the same plan"


def test_what_is_below_the_bound_stays_where_it_is() -> None:
    plan = rebalancing.rebalance(loaded(), "esx", 0.95)
    assert moves(plan) == []
    assert "no move would bring the hosts of esx nearer to 95%" in plan.unplaced[0].en


def test_rules_hold() -> None:
    held = rebalancing.rebalance(loaded(Rule(hold=("VM-1*",))), "esx", 0.5)
    assert moves(held) == []
    pinned = rebalancing.rebalance(loaded(Rule(pin=("VM-1*",), to=("esx1", "esx3"))), "esx", 0.5)
    assert {target for _, _, target in moves(pinned)} == {"esx3"}
    apart = rebalancing.rebalance(loaded(Rule(apart=("VM-11", "VM-12", "VM-13", "VM-14"))), "esx", 0.3)
    by_host: dict[str, list[str]] = {}
    for name, _, target in moves(apart):
        by_host.setdefault(target, []).append(name)
    assert all(sum(name in ("VM-11", "VM-12", "VM-13", "VM-14") for name in names) <= 1 for names in by_host.values())


def test_a_vm_goes_only_where_its_files_are_seen_and_a_lone_host_cannot_be_relieved() -> None:
    world = loaded()
    hosts = {**world.hosts, "esx2": worlds.host(2, datastores=("local-esx2",))}
    seen = rebalancing.rebalance(world.model_copy(update={"hosts": hosts}), "esx", 0.5)
    assert {target for _, _, target in moves(seen)} == {"esx3"}
    lone = world.model_copy(update={"hosts": {"esx1": world.hosts["esx1"]}})
    assert "fewer than two healthy hosts" in rebalancing.rebalance(lone, "esx", 0.5).unplaced[0].en


def test_the_action_comes_to_migrations() -> None:
    step = one(loaded(), "group:esx", rebalance={"group": "$group", "below": 50})
    assert [verb for verb, _ in told(step)] == ["vm.migrate"] * 3
