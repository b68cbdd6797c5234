"""What one try has moved so far, so that it can be weighed as a whole and undone. Compiled."""

# pyright: reportArgumentType=false
# One element of an array is a number here; numpy's types do not say so.

from typing import NamedTuple

import numpy as np

from engine.placement.reassignment import shifting
from engine.placement.reassignment.compiling import compiled
from engine.placement.reassignment.problem import Problem, Whole
from engine.placement.reassignment.state import State

MOST = 50
"""VMs that move at once, at most."""
TRIES = 8
"""Hosts that are looked at for each."""
COUNT, CHANGE, LEFT, TOP = 0, 1, 2, 3
"""Where the sums are."""

differs, leaves, may, shift = shifting.differs, shifting.leaves, shifting.may, shifting.shift


class Trail(NamedTuple):
    """Arrays that grow with each move."""

    who: Whole
    """MOST: the VMs that moved."""
    was: Whole
    """MOST: from where."""
    sums: Whole
    """4: how many moved, how much more it costs, how many left home, the most moves within one group."""


@compiled
def begin(top: int) -> Trail:
    """Nothing has moved."""
    sums = np.zeros(4, dtype=np.int64)
    sums[TOP] = top
    return Trail(np.empty(MOST, dtype=np.int64), np.empty(MOST, dtype=np.int64), sums)


@compiled
def go(problem: Problem, state: State, trail: Trail, vm: int, host: int) -> None:
    """Move one more, whether a rule is broken on the way or not."""
    source, sums = state.at[vm], trail.sums
    trail.who[sums[COUNT]], trail.was[sums[COUNT]] = vm, source
    sums[COUNT] += 1
    sums[CHANGE] += differs(problem, state, vm, host, sums[TOP])
    sums[LEFT] += leaves(problem, vm, source, host)
    sums[TOP] = shift(problem, state, vm, host, sums[TOP])


@compiled
def undo(problem: Problem, state: State, trail: Trail) -> None:
    """Everybody back to where they were, the last one first."""
    top = trail.sums[TOP]
    for k in range(trail.sums[COUNT] - 1, -1, -1):
        top = shift(problem, state, trail.who[k], trail.was[k], top)


@compiled
def cheapest(problem: Problem, state: State, trail: Trail, vm: int, first: int) -> int:
    """The best of the host `first`, the VM's home and some others; -1: none takes it."""
    best, least = -1, 0
    for t in range(TRIES):
        host = np.random.randint(problem.capacity.shape[0])  # noqa: NPY002
        if t < 2:
            host = first if t == 0 else problem.home[vm]
        if host == state.at[vm]:
            continue
        change = differs(problem, state, vm, host, trail.sums[TOP])
        if (best < 0 or change < least) and may(problem, state, vm, host):
            best, least = host, change
    return best
