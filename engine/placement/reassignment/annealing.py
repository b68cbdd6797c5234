"""Simulated annealing (Kirkpatrick, Gelatt, Vecchi: Science 220, 1983) over single moves and exchanges. Compiled."""

# pyright: reportArgumentType=false
# One element of an array is a number here; numpy's types do not say so.

from typing import NamedTuple

import numpy as np
from numba import njit

from engine.placement.reassignment import moves
from engine.placement.reassignment.problem import Problem, Whole
from engine.placement.reassignment.state import State

STRETCH = 256
"""Steps between two changes of the temperature."""
HOT_TRIES = 6
HOMEWARD = 0.1
"""Share of single moves that are tried towards home."""

price, fits, spreads, depends = moves.price, moves.fits, moves.spreads, moves.depends
both_depend, place, journey, most = moves.both_depend, moves.place, moves.journey, moves.most


class Heat(NamedTuple):
    """One stretch of a search."""

    seed: int
    steps: int
    begin: float
    end: float
    """Temperatures, in the units of the cost."""
    exchange: float
    """Share of steps that try an exchange."""
    focus: float
    """Share of steps that begin at a host whose load costs."""


@njit(cache=True, nogil=True)
def anneal(problem: Problem, state: State, heat: Heat, cost: int, best: Whole, best_cost: int) -> tuple[int, int]:
    """Walk; `state` follows and `best` keeps the cheapest assignment that was met. The cost now, and the cheapest."""
    np.random.seed(heat.seed)  # noqa: NPY002  what compiled code has; the seed is handed in
    vms, top = state.at.shape[0], most(state, state.tally.shape[0] - 1)
    temperature = heat.begin
    cooling = (heat.end / heat.begin) ** (STRETCH / max(heat.steps, 1))
    for step in range(heat.steps):
        if step % STRETCH == STRETCH - 1:
            temperature *= cooling
        vm = np.random.randint(vms)  # noqa: NPY002
        if np.random.random() < heat.focus:  # noqa: NPY002
            for _ in range(HOT_TRIES):
                if state.price[state.at[vm]] > 0:
                    break
                vm = np.random.randint(vms)  # noqa: NPY002
        if np.random.random() < heat.exchange:  # noqa: NPY002
            gain, top = exchanged(problem, state, vm, np.random.randint(vms), top, temperature)  # noqa: NPY002
        else:
            target = np.random.randint(problem.capacity.shape[0])  # noqa: NPY002
            if np.random.random() < HOMEWARD:  # noqa: NPY002
                target = problem.home[vm]
            gain, top = moved(problem, state, vm, target, top, temperature)
        cost += gain
        if cost < best_cost:
            best_cost = cost
            best[:] = state.at
    return cost, best_cost


@njit(cache=True, nogil=True, inline="always")
def accepts(change: float, temperature: float) -> bool:
    """The Metropolis rule."""
    return change <= 0 or np.random.random() < np.exp(-change / temperature)  # noqa: NPY002


@njit(cache=True, nogil=True, inline="always")
def moved(problem: Problem, state: State, vm: int, target: int, top: int, temperature: float) -> tuple[int, int]:
    """Try to move one VM: what changed in the cost (0 if nothing did), and the most moves within one group."""
    source, group = state.at[vm], problem.group[vm]
    if source == target or state.on_host[group, target] > 0 or not problem.allowed[vm, target]:
        return 0, top
    left, taken = price(problem, state, source, vm, -1), price(problem, state, target, -1, vm)
    change = left + taken - state.price[source] - state.price[target] + journey(problem, vm, source, target)
    if problem.home[vm] == source and state.moved[group] + 1 > top:
        change += problem.prices[1]
    if problem.home[vm] == target and state.moved[group] == top and state.tally[top] == 1:
        change -= problem.prices[1]
    if not accepts(change, temperature) or not fits(problem, state, vm, target, -1):
        return 0, top
    if not spreads(problem, state, group, source, target):
        return 0, top
    if not depends(problem, state, group, problem.area[source], problem.area[target]):
        return 0, top
    place(problem, state, vm, target)
    state.price[source], state.price[target] = left, taken
    return change, most(state, top)


@njit(cache=True, nogil=True, inline="always")
def exchanged(problem: Problem, state: State, one: int, two: int, top: int, temperature: float) -> tuple[int, int]:
    """Try to let two VMs change places; the same answer."""
    here, there, mine, other = state.at[one], state.at[two], problem.group[one], problem.group[two]
    if here == there or mine == other or state.on_host[mine, there] > 0 or state.on_host[other, here] > 0:
        return 0, top
    if not (problem.allowed[one, there] and problem.allowed[two, here]):
        return 0, top
    left, taken = price(problem, state, here, one, two), price(problem, state, there, two, one)
    change = left + taken - state.price[here] - state.price[there]
    change += journey(problem, one, here, there) + journey(problem, two, there, here)
    if not accepts(change, temperature):
        return 0, top
    if not (fits(problem, state, one, there, two) and fits(problem, state, two, here, one)):
        return 0, top
    if not (spreads(problem, state, mine, here, there) and spreads(problem, state, other, there, here)):
        return 0, top
    if not both_depend(problem, state, mine, other, problem.area[here], problem.area[there]):
        return 0, top
    place(problem, state, one, there)
    place(problem, state, two, here)
    now = most(state, top)
    whole = change + problem.prices[1] * (now - top)
    if now > top and not accepts(whole - max(change, 0), temperature):
        place(problem, state, two, there)
        place(problem, state, one, here)
        return 0, top
    state.price[here], state.price[there] = left, taken
    return whole, now
