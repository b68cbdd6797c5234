"""Simulated annealing (Kirkpatrick, Gelatt, Vecchi: Science 220, 1983) over moves, exchanges, evictions. Compiled."""

# pyright: reportArgumentType=false
# One element of an array is a number here; numpy's types do not say so.

from typing import NamedTuple

import numpy as np

from engine.placement.reassignment import evicting, moves, shifting
from engine.placement.reassignment.compiling import compiled, inlined
from engine.placement.reassignment.problem import Problem, Whole
from engine.placement.reassignment.state import State

STRETCH = 1024
"""Steps between two changes of the temperature, and between two looks at whether this is the cheapest so far."""
HOMEWARD = 0.1
"""Share of single moves that are tried towards home."""
WITHIN = 0.2
"""Share of exchanges that are tried within a group: no rack and no area loses by them, so they are seldom refused."""

differs, leaves, may, shift = shifting.differs, shifting.leaves, shifting.may, shifting.shift
price, fits, spreads, both_depend = moves.price, moves.fits, moves.spreads, moves.both_depend
place, journey, most, evicted = moves.place, moves.journey, moves.most, evicting.evicted


class Heat(NamedTuple):
    """One stretch of a search."""

    seed: int
    steps: int
    begin: float
    end: float
    """Temperatures, in the units of the cost."""
    exchange: float
    """Share of steps that try an exchange."""
    evict: float
    """Share of the others that try to make room for a VM of a host whose load costs."""
    homing: float
    """How much each VM away from home counts, in temperatures: what is away keeps room at both ends."""


class Bath(NamedTuple):
    """What one step is judged by."""

    temperature: float
    away: float
    """What each VM away from home counts."""


@compiled
def anneal(problem: Problem, state: State, heat: Heat, cost: int, best: Whole, best_cost: int) -> tuple[int, int]:
    """Walk; `state` follows and `best` keeps the cheapest assignment that was seen. The cost now, and the cheapest."""
    np.random.seed(heat.seed)  # noqa: NPY002  what compiled code has; the seed is handed in
    vms, top = state.at.shape[0], most(state, state.tally.shape[0] - 1)
    temperature = heat.begin
    cooling = (heat.end / heat.begin) ** (STRETCH / max(heat.steps, 1))
    for step in range(heat.steps):
        if step % STRETCH == STRETCH - 1:
            temperature *= cooling
            if cost < best_cost:
                best_cost = cost
                best[:] = state.at
        vm, bath = np.random.randint(vms), Bath(temperature, heat.homing * temperature)  # noqa: NPY002
        if np.random.random() < heat.exchange:  # noqa: NPY002
            gain, top = exchanged(problem, state, vm, partner(problem, state, vm), top, bath)
        elif np.random.random() < heat.evict:  # noqa: NPY002
            gain, top = evicted(problem, state, top, limit(temperature), bath.away)
        else:
            target = np.random.randint(problem.capacity.shape[0])  # noqa: NPY002
            if np.random.random() < HOMEWARD:  # noqa: NPY002
                target = problem.home[vm]
            gain, top = moved(problem, state, vm, target, top, bath)
        cost += gain
    if cost < best_cost:
        best_cost = cost
        best[:] = state.at
    return cost, best_cost


@inlined
def limit(temperature: float) -> float:
    """The Metropolis rule: how much more it may cost this time."""
    return -temperature * np.log(1.0 - np.random.random())  # noqa: NPY002


@inlined
def accepts(change: float, temperature: float) -> bool:
    """The same, for one change."""
    return change <= 0 or np.random.random() < np.exp(-change / temperature)  # noqa: NPY002


@inlined
def moved(problem: Problem, state: State, vm: int, target: int, top: int, bath: Bath) -> tuple[int, int]:
    """Try to move one VM: what changed in the cost (0 if nothing did), and the most moves within one group."""
    source = state.at[vm]
    if source == target or state.on_host[problem.group[vm], target] > 0:
        return 0, top
    change = differs(problem, state, vm, target, top)
    if not accepts(change + bath.away * leaves(problem, vm, source, target), bath.temperature):
        return 0, top
    if not may(problem, state, vm, target):
        return 0, top
    return change, shift(problem, state, vm, target, top)


@inlined
def partner(problem: Problem, state: State, vm: int) -> int:
    """Whom to change places with."""
    if np.random.random() < WITHIN:  # noqa: NPY002
        group = problem.group[vm]
        return int(state.members[np.random.randint(state.first[group], state.first[group + 1])])  # noqa: NPY002
    return np.random.randint(state.at.shape[0])  # noqa: NPY002


@inlined
def exchanged(problem: Problem, state: State, one: int, two: int, top: int, bath: Bath) -> tuple[int, int]:
    """Try to let two VMs change places; the same answer."""
    here, there, mine, other = state.at[one], state.at[two], problem.group[one], problem.group[two]
    if here == there or (mine != other and (state.on_host[mine, there] > 0 or state.on_host[other, here] > 0)):
        return 0, top
    if not (problem.allowed[one, there] and problem.allowed[two, here]):
        return 0, top
    left, taken = price(problem, state, here, one, two), price(problem, state, there, two, one)
    change = left + taken - state.price[here] - state.price[there]
    change += journey(problem, one, here, there) + journey(problem, two, there, here)
    leaving = leaves(problem, one, here, there) + leaves(problem, two, there, here)
    if not accepts(change + bath.away * leaving, bath.temperature):
        return 0, top
    if not (fits(problem, state, one, there, two) and fits(problem, state, two, here, one)):
        return 0, top
    if mine != other:
        if not (spreads(problem, state, mine, here, there) and spreads(problem, state, other, there, here)):
            return 0, top
        if not both_depend(problem, state, mine, other, problem.area[here], problem.area[there]):
            return 0, top
    place(problem, state, one, there)
    now = most(state, top)  # one step at a time: both may be of the same group
    place(problem, state, two, here)
    now = most(state, now)
    whole = change + problem.prices[1] * (now - top)
    if now > top and not accepts(whole - max(change, 0), bath.temperature):
        place(problem, state, two, there)
        place(problem, state, one, here)
        return 0, top
    state.price[here], state.price[there] = left, taken
    return whole, now
