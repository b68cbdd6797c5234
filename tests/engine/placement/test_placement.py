"""Who goes where, and who cannot go."""

from hypothesis import given
from hypothesis import strategies as st

from engine.model.estate import Connection, Power
from engine.placement import balancing, evacuating
from tests.engine.worlds import estate, fleet, host, vm


def with_vms(*vms, **hosts):
    world = estate()
    return world.model_copy(update={"vms": {v.instance_uuid: v for v in vms}, "hosts": {**world.hosts, **hosts}})


def test_the_running_vms_of_a_dead_host_go_to_the_other_one() -> None:
    plan = evacuating.evacuate(estate(), "esx1")
    assert [(move.vm.name, move.target) for move in plan.moves] == [("VM-01", "esx2"), ("VM-02", "esx2")]
    assert plan.unplaced == ()


def test_a_vm_on_a_local_disk_is_named_as_not_recoverable_and_the_others_go() -> None:
    plan = evacuating.evacuate(with_vms(vm(1, 1), vm(2, 1, store="local-esx1")), "esx1")
    assert [move.vm.name for move in plan.moves] == ["VM-01"]
    assert plan.unplaced[0].en == "VM-02 is on local-esx1, which esx2 does not mount"


def test_no_healthy_host_means_no_move_and_says_so() -> None:
    for sick in (
        host(2, connection=Connection.NOT_RESPONDING),
        host(2, maintenance=True),
        host(2, power=Power.UNKNOWN),
        host(2, removed=True),
    ):
        plan = evacuating.evacuate(with_vms(vm(1, 1), esx2=sick), "esx1")
        assert plan.moves == ()
        assert plan.unplaced[0].en == "no healthy host is left beside esx1"


def test_a_vm_that_no_host_of_a_large_group_takes_names_the_roomiest_and_how_many_more() -> None:
    (left,) = evacuating.evacuate(fleet((60000,), *[(60000,)] * 9), "esx1").unplaced
    assert left.en.count("needs 60000 MB") == 3
    assert left.en.endswith("and 6 more hosts refuse it")


def test_a_powered_off_vm_needs_no_memory_at_its_target() -> None:
    big = vm(1, 1, memory_mb=10**6, power=Power.OFF)
    assert len(evacuating.evacuate(with_vms(big), "esx1", [big]).moves) == 1


@given(sizes=st.lists(st.integers(1, 40_000), max_size=12))
def test_no_plan_fills_a_host_beyond_its_memory_and_every_vm_is_accounted_for(sizes) -> None:
    vms = [vm(n, 1, memory_mb=size, instance_uuid=f"u{n}", cpu_used_mhz=0) for n, size in enumerate(sizes)]
    plan = evacuating.evacuate(with_vms(*vms), "esx1")
    assert sum(move.vm.memory_mb for move in plan.moves) <= 65536
    assert len(plan.moves) + len(plan.unplaced) == len(vms)


def test_the_smallest_vm_whose_leaving_suffices_is_the_one_that_moves() -> None:
    world = with_vms(
        vm(1, 1, cpu_used_mhz=9000), vm(2, 1, cpu_used_mhz=6000), vm(3, 2), esx1=host(1, cpu_used_mhz=17000)
    )
    plan = balancing.relieve(world, "esx1", 0.6)
    assert [(m.vm.name, m.target) for m in plan.moves] == [("VM-02", "esx2")]


def test_a_vm_that_would_only_carry_the_overload_along_stays() -> None:
    world = with_vms(vm(1, 1, cpu_used_mhz=16000), vm(3, 2), esx1=host(1, cpu_used_mhz=17000))
    plan = balancing.relieve(world, "esx1", 0.6)
    assert plan.moves == ()
    assert "above 80%" in plan.unplaced[0].en


def test_an_unknown_load_moves_nothing() -> None:
    world = estate().model_copy(update={"hosts": {}})
    assert balancing.relieve(world, "esx1", 0.6).moves == ()
