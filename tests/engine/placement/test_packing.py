"""Where the heuristic leaves VMs over, the solver finds the packing, and only a better one counts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.placement import evacuating
from engine.placement.binding import Purpose
from engine.placement.evacuating import Wish
from tests.engine.placement.test_binding import fleet

THOROUGH = Wish(Purpose.RESCUE, thorough=True)
TIGHT = ((29000, 25000, 21000, 18000, 14000), (11536,), (11536,))
"""Two hosts with 54,000 MB left each; 25 + 29 and 21 + 18 + 14 is the only way that takes them all."""


def names(plan) -> set[str]:
    return {move.vm.name for move in plan.moves}


def test_a_packing_that_the_heuristic_misses_is_found() -> None:
    quick = evacuating.evacuate(fleet(*TIGHT), "esx1", wish=Wish(Purpose.RESCUE))
    thorough = evacuating.evacuate(fleet(*TIGHT), "esx1", wish=THOROUGH)
    assert (len(quick.moves), len(thorough.moves)) == (4, 5)
    assert thorough.unplaced == ()


def test_the_same_estate_gives_the_same_plan() -> None:
    world = fleet(*TIGHT)
    first = evacuating.evacuate(world, "esx1", wish=THOROUGH)
    assert all(evacuating.evacuate(world, "esx1", wish=THOROUGH) == first for _ in range(3))


def test_what_cannot_be_placed_at_all_is_named_with_its_reason() -> None:
    (left,) = evacuating.evacuate(fleet((70000, 1000), (), ()), "esx1", wish=THOROUGH).unplaced
    assert left.vm == "VM-11"
    assert "needs 70000 MB" in left.en


def test_the_solver_keeps_vms_apart_too() -> None:
    world = fleet((30000, 20000, 20000), (11536,), (11536,), rules=[{"apart": ["VM-12", "VM-13"]}])
    plan = evacuating.evacuate(world, "esx1", wish=THOROUGH)
    where = {move.vm.name: move.target for move in plan.moves}
    assert names(plan) == {"VM-11", "VM-12", "VM-13"}
    assert where["VM-12"] != where["VM-13"]


sizes = st.lists(st.integers(5000, 30000), min_size=1, max_size=7)


@settings(max_examples=40, deadline=None)
@given(sizes, st.integers(0, 50000), st.integers(0, 50000))
def test_a_thorough_plan_places_as_much_as_can_be_placed_and_fills_nothing_beyond_its_room(vms, two, three) -> None:
    world = fleet(tuple(vms), (two,) if two else (), (three,) if three else ())
    quick = evacuating.evacuate(world, "esx1", wish=Wish(Purpose.RESCUE))
    plan = evacuating.evacuate(world, "esx1", wish=THOROUGH)
    assert len(plan.moves) + len(plan.unplaced) == len(vms)
    room = {"esx2": 65536 - two, "esx3": 65536 - three}
    for move in plan.moves:
        room[move.target] -= move.vm.memory_mb
    assert min(room.values()) >= 0
    assert len(plan.moves) >= len(quick.moves)
    assert len(plan.moves) == best(vms, 65536 - two, 65536 - three) or sum_of(plan) >= sum_of(quick)


def sum_of(plan) -> int:
    return sum(1000 + move.vm.memory_mb // 64 for move in plan.moves)


def best(vms: list[int], one: int, two: int) -> int:
    """The most that fit, by trying everything."""
    most = 0
    for code in range(3 ** len(vms)):
        left, count, rest = [one, two], 0, code
        for size in vms:
            rest, where = divmod(rest, 3)
            if where < 2:
                left[where] -= size
                count += 1
        if min(left) >= 0:
            most = max(most, count)
    return most
