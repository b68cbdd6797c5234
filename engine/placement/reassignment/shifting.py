"""One VM to another host: what it costs, whether it may be, and doing it with the prices of both hosts. Compiled."""

# pyright: reportArgumentType=false
# One element of an array is a number here; numpy's types do not say so.

from engine.placement.reassignment import moves
from engine.placement.reassignment.compiling import inlined
from engine.placement.reassignment.problem import Problem
from engine.placement.reassignment.state import State

price, fits, spreads, depends = moves.price, moves.fits, moves.spreads, moves.depends
place, journey, most = moves.place, moves.journey, moves.most


@inlined
def differs(problem: Problem, state: State, vm: int, target: int, top: int) -> int:
    """How much more everything costs with the VM on `target`."""
    source, group, home = state.at[vm], problem.group[vm], problem.home[vm]
    left, taken = price(problem, state, source, vm, -1), price(problem, state, target, -1, vm)
    change = left + taken - state.price[source] - state.price[target] + journey(problem, vm, source, target)
    if home == source and state.moved[group] + 1 > top:
        change += problem.prices[1]
    if home == target and state.moved[group] == top and state.tally[top] == 1:
        change -= problem.prices[1]
    return change


@inlined
def leaves(problem: Problem, vm: int, source: int, target: int) -> int:
    """1: the VM leaves its home; -1: it comes home; 0: neither."""
    return int(problem.home[vm] == source) - int(problem.home[vm] == target)


@inlined
def may(problem: Problem, state: State, vm: int, target: int) -> bool:
    """No rule is broken with the VM on `target`."""
    source, group = state.at[vm], problem.group[vm]
    return (
        source != target
        and state.on_host[group, target] == 0
        and problem.allowed[vm, target]
        and fits(problem, state, vm, target, -1)
        and spreads(problem, state, group, source, target)
        and depends(problem, state, group, problem.area[source], problem.area[target])
    )


@inlined
def shift(problem: Problem, state: State, vm: int, target: int, top: int) -> int:
    """Do it; the most moves within one group from then on."""
    source = state.at[vm]
    place(problem, state, vm, target)
    state.price[source] = price(problem, state, source, -1, -1)
    state.price[target] = price(problem, state, target, -1, -1)
    return most(state, top)
