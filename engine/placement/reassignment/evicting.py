"""Room for one VM: those on its new host make way one by one, until the whole is worth it. Compiled.

What single moves and exchanges never find: a big VM whose only fitting host holds many small ones (the "big process
rearrangement" of the challenge's literature, found step by step here).
"""

# pyright: reportArgumentType=false
# One element of an array is a number here; numpy's types do not say so.

import numpy as np

from engine.placement.reassignment import shifting
from engine.placement.reassignment.compiling import compiled, inlined
from engine.placement.reassignment.problem import Problem
from engine.placement.reassignment.state import State

MOST = 48
"""VMs that may make way for one."""
TRIES = 8
"""Hosts that are looked at for each."""

depends, spreads = shifting.depends, shifting.spreads
differs, leaves, may, shift = shifting.differs, shifting.leaves, shifting.may, shifting.shift


@compiled
def evicted(problem: Problem, state: State, top: int, limit: float, away: float) -> tuple[int, int]:
    """Do it if the change, and `away` for each VM that leaves its home, come to at most `limit`; or nothing."""
    vm, target = chosen(problem, state)
    if vm < 0:
        return 0, top
    source, first, group = state.at[vm], top, problem.group[vm]
    if not spreads(problem, state, group, source, target):
        return 0, top
    if not depends(problem, state, group, problem.area[source], problem.area[target]):
        return 0, top
    who = np.empty(MOST, dtype=np.int64)
    count, vms = 0, state.at.shape[0]
    start = np.random.randint(vms)  # noqa: NPY002
    weighed = away * leaves(problem, vm, source, target)
    total = differs(problem, state, vm, target, top)
    top = shift(problem, state, vm, target, top)
    for i in range(vms):
        other = (start + i) % vms
        if state.at[other] != target or other == vm:
            continue
        if count == MOST:
            break
        host, change = cheapest(problem, state, other, source, top)
        if host < 0:
            continue
        who[count] = other
        count += 1
        weighed += away * leaves(problem, other, target, host)
        total += change
        top = shift(problem, state, other, host, top)
        if total + weighed <= limit and state.on_host[group, target] == 1 and holds(problem, state, target):
            return total, top
    for k in range(count - 1, -1, -1):
        top = shift(problem, state, who[k], target, top)
    shift(problem, state, vm, source, top)
    return 0, first


@inlined
def holds(problem: Problem, state: State, host: int) -> bool:
    """The host is not overloaded, even on the way."""
    for r in range(problem.weight.shape[0]):
        if state.load[host, r] + state.behind[host, r] > problem.capacity[host, r]:
            return False
    return True


@compiled
def cheapest(problem: Problem, state: State, vm: int, first: int, top: int) -> tuple[int, int]:
    """The best of the host `first`, the VM's home and some others; -1: none takes it."""
    best, change = -1, 0
    for t in range(TRIES):
        host = np.random.randint(problem.capacity.shape[0])  # noqa: NPY002
        if t < 2:
            host = first if t == 0 else problem.home[vm]
        if host == state.at[vm]:
            continue
        found = differs(problem, state, vm, host, top)
        if (best < 0 or found < change) and may(problem, state, vm, host):
            best, change = host, found
    return best, change


@compiled
def chosen(problem: Problem, state: State) -> tuple[int, int]:
    """A VM on a host whose load costs, and another host that could take it if it were empty; -1: none was found."""
    hosts, vms = problem.capacity.shape[0], state.at.shape[0]
    start = np.random.randint(hosts)  # noqa: NPY002
    hot = -1
    for i in range(hosts):
        if state.price[(start + i) % hosts] > 0:
            hot = (start + i) % hosts
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
