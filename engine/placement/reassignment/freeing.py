"""A VM that the rules hold where it is: others of its group, and those that need it, go first. Compiled.

One move at a time never finds these where the moves in between cost more than they are worth by themselves.
"""

# pyright: reportArgumentType=false
# One element of an array is a number here; numpy's types do not say so.

import numpy as np

from engine.placement.reassignment import shifting, trail
from engine.placement.reassignment.compiling import compiled
from engine.placement.reassignment.problem import Problem
from engine.placement.reassignment.state import State
from engine.placement.reassignment.trail import COUNT, TOP, TRIES, Trail

FOLLOWERS = 8
"""VMs that leave an area, at most, because what they need leaves it."""
NONE = -1
"""No VM, or no host."""

depends, spreads, differs, may = shifting.depends, shifting.spreads, shifting.differs, shifting.may
go, cheapest = trail.go, trail.cheapest


@compiled
def freed(problem: Problem, state: State, moved: Trail, vm: int, target: int) -> bool:
    """Neither racks nor areas hold the VM back from `target` any more; False: they do, whatever has moved by then."""
    group, source = problem.group[vm], state.at[vm]
    if not spreads(problem, state, group, source, target):
        mate, host = relieving(problem, state, moved, vm, target)
        if mate == NONE:
            return False
        go(problem, state, moved, mate, host)
    here, there = problem.area[source], problem.area[target]
    if here != there and state.in_area[group, here] == 1:
        for k in range(problem.needed[0][group], problem.needed[0][group + 1]):
            emptied(problem, state, moved, problem.needed[1][k], here, target)
    return spreads(problem, state, group, source, target) and depends(problem, state, group, here, there)


@compiled
def relieving(problem: Problem, state: State, moved: Trail, vm: int, target: int) -> tuple[int, int]:
    """Another VM of the group without which `vm` may leave its rack for the one of `target`, and where it goes.

    It comes from a rack that the group has twice or that `vm` goes to; it goes to one without, or that `vm` leaves.
    """
    group, source = problem.group[vm], state.at[vm]
    mate, best, least = NONE, NONE, 0
    for k in range(state.first[group], state.first[group + 1]):
        other = state.members[k]
        rack = problem.rack[state.at[other]]
        if other == vm or (state.on_rack[group, rack] < 2 and rack != problem.rack[target]):
            continue
        for _ in range(TRIES):
            host = np.random.randint(problem.capacity.shape[0])  # noqa: NPY002
            there = problem.rack[host]
            if host == target or (state.on_rack[group, there] > 0 and there != problem.rack[source]):
                continue
            change = differs(problem, state, other, host, moved.sums[TOP])
            if (mate == NONE or change < least) and may(problem, state, other, host):
                mate, best, least = other, host, change
    return mate, best


@compiled
def emptied(problem: Problem, state: State, moved: Trail, group: int, area: int, target: int) -> None:
    """The VMs of a group leave an area one by one, to `target` where they may, until none is left or one cannot."""
    for k in range(state.first[group], state.first[group + 1]):
        vm = state.members[k]
        if problem.area[state.at[vm]] != area:
            continue
        host = cheapest(problem, state, moved, vm, target)
        if host == NONE or problem.area[host] == area or moved.sums[COUNT] >= FOLLOWERS:
            return
        go(problem, state, moved, vm, host)
