"""Which host may be switched off, and which may be started again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.estate import reading
from engine.model.estate import Connection, Estate, Power, Standing
from engine.model.plan import Unplaced
from engine.placement import consolidating, evacuating, starting
from engine.placement.consolidating import Bounds
from tests.engine.worlds import fleet, host, vm

LOW = Bounds(below=0.60, spare=1)


def test_the_least_loaded_host_is_emptied_when_the_rest_keeps_its_reserve() -> None:
    packing = consolidating.pack(fleet((8192, 8192), (4096,), (8192,), (8192,)), "esx", LOW)
    assert packing.host == "esx2"
    assert [move.vm.name for move in packing.plan.moves] == ["VM-21"]
    assert packing.plan.unplaced == ()


def test_a_host_that_carries_nothing_goes_first() -> None:
    packing = consolidating.pack(fleet((8192,), (4096,), ()), "esx", Bounds(spare=0))
    assert (packing.host, packing.plan.moves) == ("esx3", ())


def test_vms_that_are_off_leave_too() -> None:
    world = fleet((8192,), (4096,), (4096,), (8192,))
    off = world.vms["u21"].model_copy(update={"power": Power.OFF})
    packing = consolidating.pack(world.model_copy(update={"vms": {**world.vms, "u21": off}}), "esx", LOW)
    assert (packing.host, [move.vm.name for move in packing.plan.moves]) == ("esx2", ["VM-21"])


@pytest.mark.parametrize(
    ("loads", "bounds", "why"),
    [
        ((), LOW, "no healthy host"),
        (((4096,),), LOW, "no healthy host is left beside esx1"),
        (((4096,), (4096,)), Bounds(spare=0), "without esx1 the failure of esx2 would leave 2 VM(s) without a place"),
        (((8192,), (8192,), (8192,)), Bounds(spare=2), "only 1 of 2 spare host(s) could be emptied below 60%"),
        (((30000,), (30000,), (30000,)), LOW, "VM-11 needs 30000 MB"),
    ],
)
def test_where_the_rest_would_not_keep_its_reserve_nothing_is_done_and_the_reason_is_said(loads, bounds, why) -> None:
    packing = consolidating.pack(fleet(*loads), "esx", bounds)
    assert (packing.host, packing.plan.moves) == (None, ())
    assert why in packing.plan.unplaced[0].en


def test_a_vm_on_a_local_disk_keeps_its_host_on() -> None:
    world = fleet((8192,), (4096,), (8192,), (8192,))
    pinned = world.vms["u21"].model_copy(update={"datastores": ("local-esx2",)})
    packing = consolidating.pack(world.model_copy(update={"vms": {**world.vms, "u21": pinned}}), "esx", LOW)
    assert packing.host == "esx1"


@pytest.mark.parametrize("about", ["host:esx3", "machine:chassis1/3"])
@pytest.mark.parametrize("word", ["faulted", "degraded"])
def test_a_marked_host_or_machine_takes_no_vms(about, word) -> None:
    world = fleet((4096,), (8192, 8192), (), statuses={about: word})
    assert reading.status_of(world, "esx3") == word
    assert [move.target for move in evacuating.evacuate(world, "esx1").moves] == ["esx2"]


@given(
    loads=st.lists(st.lists(st.integers(1024, 24_000), max_size=4).map(tuple), min_size=1, max_size=6),
    spare=st.integers(0, 2),
    below=st.integers(20, 90),
)
def test_whatever_is_switched_off_the_rest_carries_everything_and_stands_one_failure(loads, spare, below) -> None:
    world = fleet(*loads)
    packing = consolidating.pack(world, "esx", Bounds(below / 100, spare))
    if packing.host is None:
        assert packing.plan.unplaced
        return
    where = {v.instance_uuid: v.host for v in world.vms.values()}
    where |= {move.vm.instance_uuid: move.target for move in packing.plan.moves}
    assert packing.host not in where.values()
    used = {
        name: sum(v.memory_mb for v in world.vms.values() if where[v.instance_uuid] == name) for name in world.hosts
    }
    targets = {move.target for move in packing.plan.moves}
    assert all(used[name] <= 65536 * below / 100 for name in targets)
    staying = sorted(set(world.hosts) - {packing.host})
    assert len(staying) > spare
    for lost in staying:
        assert sum(used[name] for name in staying) <= 65536 * (len(staying) - 1) or not used[lost]


OFF = {"connection": Connection.NOT_RESPONDING, "power": Power.UNKNOWN, "maintenance": True}


def startable(**changes: object) -> Standing | Unplaced:
    world = fleet((8192,), ())
    return starting.choose(
        world.model_copy(update={"hosts": {**world.hosts, "esx2": host(2, **{**OFF, **changes})}}), "esx"
    )


def test_a_host_that_was_shut_down_in_good_order_is_started() -> None:
    found = startable()
    assert isinstance(found, Standing)
    assert found.host.name == "esx2"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"maintenance": False}, "esx2 was lost, not shut down in good order"),
        ({"removed": True}, "esx2 is not in the inventory"),
        ({"power": Power.ON}, "esx2 is not off"),
        ({"connection": Connection.CONNECTED}, "esx2 is not off"),
    ],
)
def test_a_host_that_was_fenced_lost_or_is_on_is_not_started(changes, why) -> None:
    found = startable(**changes)
    assert isinstance(found, Unplaced)
    assert why in found.en


def test_a_faulted_host_is_not_started() -> None:
    world = fleet((8192,), (), statuses={"machine:chassis1/2": "faulted"})
    world = world.model_copy(update={"hosts": {**world.hosts, "esx2": host(2, **OFF)}})
    found = starting.choose(world, "esx")
    assert isinstance(found, Unplaced)
    assert "esx2 is marked faulted" in found.en


def test_two_vms_of_one_name_are_nobodys() -> None:
    world = fleet((8192,), ())
    twin = vm(1, 2, name="VM-11", instance_uuid="other")
    assert reading.vm_named(world, "VM-11") is not None
    both = Estate(site=world.site, hosts=world.hosts, vms={**world.vms, "other": twin})
    assert reading.vm_named(both, "VM-11") is None
