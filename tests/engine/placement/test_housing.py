"""Where the disks of a VM go that moves with them, and the move of one VM as a person or a policy asks for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.estate import Estate, LiveDatastore, Power
from engine.model.ids import ObjectId
from engine.model.order import Asked, Order, requested
from engine.placement import housing
from engine.placement.binding import Purpose
from engine.placement.evacuating import Wish
from tests.engine import worlds
from tests.engine.test_planning import NOW, planned, told
from tests.engine.worlds import host, vm
from toban import byhand


def store(name: str, *hosts: str, free: int = 1000, **more: object) -> LiveDatastore:
    known = {"ref": name, "vcenter": "vc1", "url": name, "accessible": True, "shared": len(hosts) > 1}
    return LiveDatastore.model_validate(
        {"name": name, "capacity_mb": free, "free_mb": free, "hosts": hosts, **known, **more}
    )


def estate(*vms, **changes: object) -> Estate:
    """Two hosts; VM-01 lies on the local disk of esx1."""
    stores = (
        store("local-esx1", "esx1"),
        store("local-esx2", "esx2", free=500),
        store("san1", "esx1", "esx2", free=2000),
    )
    chosen = vms or (vm(1, 1, "local-esx1"),)
    return worlds.estate().model_copy(
        update={
            "hosts": {"esx1": host(1), "esx2": host(2)},
            "vms": {one.instance_uuid: one for one in chosen},
            "datastores": {one.name: one for one in stores},
            **changes,
        }
    )


BY_HAND = Wish(Purpose.START)


def test_the_roomiest_datastore_that_a_host_mounts_takes_the_disks() -> None:
    found = housing.house(estate(), "esx1", (vm(1, 1, "local-esx1"),), BY_HAND)
    assert (found.datastore, [move.target for move in found.plan.moves]) == ("san1", ["esx2"])
    assert found.plan.moves[0].vm.datastores == ("local-esx1",)


def test_a_datastore_that_is_named_is_the_one_and_the_vm_stays_on_its_host_if_that_mounts_it() -> None:
    stays = housing.house(estate(), "esx1", (vm(1, 1, "local-esx1"),), BY_HAND, "san1")
    assert (stays.datastore, stays.plan.moves[0].target) == ("san1", "esx1")
    away = housing.house(estate(), "esx1", (vm(1, 1, "san1"),), BY_HAND, "local-esx2")
    assert (away.datastore, away.plan.moves[0].target) == ("local-esx2", "esx2")
    told_to = housing.house(estate(), "esx1", (vm(1, 1, "local-esx1"),), Wish(Purpose.START, only="esx2"), "san1")
    assert told_to.plan.moves[0].target == "esx2"


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("san9", "there is no datastore san9 in vc1; known: local-esx1, local-esx2, san1"),
        ("dark", "dark is not accessible"),
    ],
)
def test_a_datastore_that_cannot_be_is_refused_by_its_name(named, words) -> None:
    world = estate()
    dark = {"dark": store("dark", "esx1", accessible=False)} if named == "dark" else {}
    world = world.model_copy(update={"datastores": {**world.datastores, **dark}})
    found = housing.house(world, "esx1", (vm(1, 1, "local-esx1"),), BY_HAND, named)
    assert (found.datastore, found.plan.unplaced[0].en) == ("", words)


def test_a_vm_that_no_host_has_room_for_is_named_with_the_reason() -> None:
    big = vm(1, 1, "local-esx1", memory_mb=900_000)
    found = housing.house(estate(big), "esx1", (big,), BY_HAND)
    assert "needs 900000 MB" in found.plan.unplaced[0].en


@given(st.lists(st.tuples(st.integers(0, 9000), st.booleans(), st.sampled_from(["esx1", "esx2"])), max_size=6))
def test_what_is_chosen_is_accessible_mounted_and_new_to_the_vm(stores) -> None:
    known = {
        f"ds{n}": store(f"ds{n}", where, free=free, accessible=there) for n, (free, there, where) in enumerate(stores)
    }
    hosts = {
        name: host(int(name[-1]), datastores=tuple(one.name for one in known.values() if name in one.hosts))
        for name in ("esx1", "esx2")
    }
    one = vm(1, 1, "ds0")
    world = estate(one, datastores=known, hosts=hosts)
    found = housing.house(world, "esx1", (one,), BY_HAND)
    if found.datastore:
        (move,) = found.plan.moves
        assert known[found.datastore].accessible
        assert found.datastore in hosts[move.target].datastores
        assert found.datastore != "ds0"
        best = [other for other in known.values() if other.accessible and "esx2" in other.hosts and other.name != "ds0"]
        assert known[found.datastore].free_mb == max(other.free_mb for other in best)


def moved(world: Estate, **parameters: str):
    (found,) = planned(world, "vm:VM-01", {"id": "go", "move-vm": {"vm": "$vm", **parameters}})
    return found


def test_a_storage_migration_goes_as_it_runs_in_one_command() -> None:
    found = moved(estate(), datastore="san1")
    assert told(found) == [("vm.relocate", "vm:VM-01")]
    (command,) = found.commands
    assert (command.parameters["target"], command.parameters["datastore"]) == ("esx1", "san1")
    assert "cold" not in command.parameters
    assert command.deadline == 14400.0


def test_a_move_takes_the_disks_along_only_where_the_target_does_not_see_them() -> None:
    local = moved(estate(), method="move", to="esx2")
    assert [verb for verb, _ in told(local)] == ["vm.check_move", "vm.shutdown", "vm.relocate", "vm.power_on"]
    assert local.commands[2].parameters["rests"] == "poweredOff"
    shared = moved(estate(vm(1, 1, "san1")), method="move", to="esx2")
    assert [verb for verb, _ in told(shared)] == ["vm.check_move", "vm.shutdown", "vm.migrate", "vm.power_on"]


def test_a_vm_that_is_off_moves_with_its_disks_as_it_is() -> None:
    off = vm(1, 1, "local-esx1", power=Power.OFF)
    found = moved(estate(off), method="move", to="esx2")
    assert told(found) == [("vm.relocate", "vm:VM-01")]
    assert found.commands[0].parameters["cold"] is True


def test_a_migration_without_disks_says_why_a_local_vm_cannot_go_and_a_datastore_does_not_fit_it() -> None:
    alone = moved(estate(), to="esx2")
    assert "VM-01 is on local-esx1, which esx2 does not mount" in alone.unplaced[0].en
    odd = moved(estate(), datastore="san1", method="quick")
    assert (odd.commands, "leaves the disks where they are" in odd.unplaced[0].en) == ((), True)


def test_a_vm_that_is_to_stay_with_another_takes_it_along_and_only_its_own_disks_move() -> None:
    pair = (vm(1, 1, "local-esx1"), vm(2, 1, "san1"))
    world = estate(*pair)
    rule = {"placement": {"rules": [{"together": ["VM-01", "VM-02"]}]}}
    site = world.site.model_dump(mode="json")
    site["categories"][0]["groups"][0] |= rule
    world = world.model_copy(update={"site": type(world.site).model_validate(site)})
    found = moved(world, method="storage", to="esx2")
    assert sorted(told(found)) == [("vm.migrate", "vm:VM-02"), ("vm.relocate", "vm:VM-01")]


def shape(found) -> list[tuple[str, bool]]:
    """The verbs in order, and whether each begins another way."""
    return [(command.verb, bool(command.instead_of)) for command in found.commands]


REST = ["vm.check_move", "vm.shutdown", "vm.migrate", "vm.power_on"]


def test_any_method_is_migration_then_quick_migration_then_a_move() -> None:
    found = moved(estate(vm(1, 1, "san1")), method="any", to="esx2")
    assert shape(found) == [
        ("vm.migrate", False),
        *[(verb, n == 0) for n, verb in enumerate(["vm.check_move", "vm.suspend", "vm.migrate", "vm.power_on"])],
        ("vm.power_on", True),
        *[(verb, False) for verb in REST],
    ]
    hot, _, _, asleep, *_ = found.commands
    assert found.commands[5].instead_of == (hot.id, asleep.id)
    assert found.commands[5].parameters["host"] == "esx1"


def test_any_method_with_disks_is_storage_migration_then_a_move() -> None:
    found = moved(estate(), method="any", datastore="san1")
    assert shape(found) == [
        ("vm.relocate", False),
        ("vm.check_move", True),
        *[(verb, False) for verb in ["vm.shutdown", "vm.relocate", "vm.power_on"]],
    ]


def test_any_method_of_a_vm_that_is_off_is_one_move() -> None:
    assert shape(moved(estate(vm(1, 1, power=Power.OFF)), method="any", to="esx2")) == [("vm.migrate", False)]


def test_a_host_is_evacuated_by_any_method_vm_by_vm() -> None:
    world = estate(vm(1, 1, "san1"), vm(2, 1, "san1"))
    (found,) = planned(world, "host:esx1", {"id": "go", "evacuate": {"from": "$host", "method": "any"}})
    ways = {command.target for command in found.commands if command.instead_of}
    assert ways == {"vm:VM-01", "vm:VM-02"}
    assert all(
        {one.split(".")[0] for one in command.instead_of} == {"m1"} for command in found.commands if command.instead_of
    )


RULES = {"rules": [{"pin": ["VM-01"], "to": ["esx1"]}, {"apart": ["VM-01", "VM-03"]}]}


def by_hand(*overrides: str, **parameters: str):
    world = estate(vm(1, 1, "san1"), vm(3, 2, "san1"))
    site = world.site.model_dump(mode="json")
    site["categories"][0]["groups"][0]["placement"] = RULES
    world = world.model_copy(update={"site": type(world.site).model_validate(site)})
    asked = Asked(verb="move-vm", parameters={"to": "esx2", **parameters})
    order = Order(about=ObjectId("vm:VM-01"), steps=(asked,), by="tanaka", why="licence audit", overrides=overrides)
    event = requested(order, NOW, "n1")
    return byhand.preview(world, order, event).steps[0]


def test_a_move_against_the_placement_rules_is_refused() -> None:
    found = by_hand()
    assert found.commands == ()
    assert "VM-01 is pinned to esx1" in found.unplaced[0].en


def test_a_person_may_set_the_placement_rules_aside_and_it_is_kept_who_did_and_why() -> None:
    found = by_hand("constraints")
    assert told(found) == [("vm.migrate", "vm:VM-01")]
    (note,) = found.notes
    assert note == (
        "tanaka sets the placement rules aside (licence audit): VM-01 is pinned to esx1; "
        "VM-01 must not run beside VM-03"
    )


def test_what_is_set_aside_without_need_says_so() -> None:
    found = by_hand("constraints", to="best")
    assert "VM-01 is pinned to esx1" in found.notes[0]
    world = estate(vm(1, 1, "san1"))
    order = Order(
        about=ObjectId("vm:VM-01"), steps=(Asked(verb="move-vm"),), by="sato", why="w", overrides=("constraints",)
    )
    free = byhand.preview(world, order, requested(order, NOW, "n")).steps[0]
    assert free.notes == ("sato sets the placement rules aside (w): none is broken by it",)


def test_room_binds_a_person_also_when_the_rules_are_set_aside() -> None:
    world = estate(vm(1, 1, "san1", memory_mb=900_000))
    order = Order(
        about=ObjectId("vm:VM-01"), steps=(Asked(verb="move-vm"),), by="sato", why="w", overrides=("constraints",)
    )
    found = byhand.preview(world, order, requested(order, NOW, "n")).steps[0]
    assert (found.commands, "needs 900000 MB" in found.unplaced[0].en) == ((), True)
