"""Room for one VM: those on its new host make way one by one, until the whole is worth it. Compiled.

What single moves and exchanges never find: a big VM whose only fitting host holds many small ones (the "big process
rearrangement" of the challenge's literature, found step by step here), or one that the rules hold where it is.
"""

# pyright: reportArgumentType=false
# One element of an array is a number here; numpy's types do not say so.

import numpy as np

from engine.placement.reassignment import freeing, trail
from engine.placement.reassignment.compiling import compiled, inlined
from engine.placement.reassignment.problem import Problem
from engine.placement.reassignment.state import State
from engine.placement.reassignment.trail import CHANGE, COUNT, LEFT, MOST, TOP, Trail

begin, go, undo, cheapest, freed = trail.begin, trail.go, trail.undo, trail.cheapest, freeing.freed


@compiled
def evicted(problem: Problem, state: State, top: int, limit: float, away: float) -> tuple[int, int]:
    """Do it if the change, and `away` for each VM that leaves its home, come to at most `limit`; or nothing."""
    vm, target = chosen(problem, state)
    if vm < 0:
        return 0, top
    moved = begin(top)
    if freed(problem, state, moved, vm, target):
        source = state.at[vm]
        go(problem, state, moved, vm, target)
        if cleared(problem, state, moved, source, limit, away):
            return moved.sums[CHANGE], moved.sums[TOP]
    undo(problem, state, moved)
    return 0, top


@compiled
def cleared(problem: Problem, state: State, moved: Trail, source: int, limit: float, away: float) -> bool:
    """Others leave the host of the VM that moved last, to its `source` or elsewhere, until all is well and worth it."""
    vm, vms = moved.who[moved.sums[COUNT] - 1], state.at.shape[0]
    target, group = state.at[vm], problem.group[vm]
    start = np.random.randint(vms)  # noqa: NPY002
    for i in range(vms + 1):
        weighed = moved.sums[CHANGE] + away * moved.sums[LEFT]
        if weighed <= limit and state.on_host[group, target] == 1 and holds(problem, state, target):
            return True
        other = (start + i) % vms
        if state.at[other] != target or other == vm:
            continue
        if moved.sums[COUNT] == MOST:
            return False
        host = cheapest(problem, state, moved, other, source)
        if host >= 0:
            go(problem, state, moved, other, host)
    return False


@inlined
def holds(problem: Problem, state: State, host: int) -> bool:
    """The host is not overloaded, even on the way."""
    for r in range(problem.weight.shape[0]):
        if state.load[host, r] + state.behind[host, r] > problem.capacity[host, r]:
            return False
    return True


@compiled
def chosen(problem: Problem, state: State) -> tuple[int, int]:
    """A VM of a host, the likelier the more its load costs, and another that could take it if empty; -1: none found."""
    hosts, vms = problem.capacity.shape[0], state.at.shape[0]
    left, hot = np.random.random() * state.price.sum(), -1  # noqa: NPY002
    for host in range(hosts):
        left -= state.price[host]
        if left < 0:
            hot = host
            break
    if hot < 0:
        return -1, -1
    start, vm = np.random.randint(vms), -1  # noqa: NPY002
    for i in range(vms):
        if state.at[(start + i) % vms] == hot:
            vm = (start + i) % vms
            break
    target = np.random.randint(hosts)  # noqa: NPY002
    if vm < 0 or target == hot or not problem.allowed[vm, target]:
        return -1, -1
    for r in range(problem.weight.shape[0]):
        if problem.demand[vm, r] > problem.capacity[target, r]:
            return -1, -1
    return vm, target
