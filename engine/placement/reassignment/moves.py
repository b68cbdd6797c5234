"""One VM to another host, or two that change places: whether it may be, what it costs, and doing it. Compiled."""

from engine.placement.reassignment.compiling import inlined
from engine.placement.reassignment.problem import Problem
from engine.placement.reassignment.state import State

NONE = -1
"""No VM."""


@inlined
def price(problem: Problem, state: State, host: int, out: int, into: int) -> int:
    """What the host's load costs without the VM `out` and with the VM `into`."""
    total = 0
    for r in range(problem.weight.shape[0]):
        above = state.load[host, r] - problem.safety[host, r]
        if out >= 0:
            above -= problem.demand[out, r]
        if into >= 0:
            above += problem.demand[into, r]
        if above > 0:
            total += problem.weight[r] * above
    for b in range(problem.balance.shape[0]):
        first, second = problem.balance[b, 0], problem.balance[b, 1]
        one = problem.capacity[host, first] - state.load[host, first]
        other = problem.capacity[host, second] - state.load[host, second]
        if out >= 0:
            one += problem.demand[out, first]
            other += problem.demand[out, second]
        if into >= 0:
            one -= problem.demand[into, first]
            other -= problem.demand[into, second]
        short = problem.balance[b, 2] * one - other
        if short > 0:
            total += problem.balance[b, 3] * short
    return total


@inlined
def fits(problem: Problem, state: State, vm: int, host: int, out: int) -> bool:
    """The host takes the VM once `out` has left, even while everybody is on the way."""
    home = problem.home[vm] == host
    for r in range(problem.weight.shape[0]):
        used = state.load[host, r] + state.behind[host, r]
        if not (home and problem.transient[r]):
            used += problem.demand[vm, r]
        if out >= 0 and not (problem.transient[r] and problem.home[out] == host):
            used -= problem.demand[out, r]
        if used > problem.capacity[host, r]:
            return False
    return True


@inlined
def spreads(problem: Problem, state: State, group: int, source: int, target: int) -> bool:
    """A group stays on enough racks when one of its VMs changes hosts."""
    here, there = problem.rack[source], problem.rack[target]
    if here == there:
        return True
    racks = state.racks[group]
    if state.on_rack[group, here] == 1:
        racks -= 1
    if state.on_rack[group, there] == 0:
        racks += 1
    return racks >= problem.spread[group]


@inlined
def depends(problem: Problem, state: State, group: int, here: int, there: int) -> bool:
    """No area is left with a group that needs another one which is not there."""
    if here == there:
        return True
    if state.in_area[group, here] == 1:
        for i in range(problem.needed[0][group], problem.needed[0][group + 1]):
            if state.in_area[problem.needed[1][i], here] > 0:
                return False
    for i in range(problem.needs[0][group], problem.needs[0][group + 1]):
        if state.in_area[problem.needs[1][i], there] == 0:
            return False
    return True


@inlined
def both_depend(problem: Problem, state: State, one: int, other: int, here: int, there: int) -> bool:
    """The same for two groups whose VMs change places between two areas."""
    if here == there:
        return True
    if not depends(problem, state, one, here, there):
        return False
    state.in_area[one, here] -= 1
    state.in_area[one, there] += 1
    may = depends(problem, state, other, there, here)
    state.in_area[one, here] += 1
    state.in_area[one, there] -= 1
    return may


@inlined
def place(problem: Problem, state: State, vm: int, target: int) -> None:
    """Do it; everything but `price` agrees again."""
    source, group, home = state.at[vm], problem.group[vm], problem.home[vm]
    for r in range(problem.weight.shape[0]):
        state.load[source, r] -= problem.demand[vm, r]
        state.load[target, r] += problem.demand[vm, r]
        if problem.transient[r]:
            if home == source:
                state.behind[source, r] += problem.demand[vm, r]
            if home == target:
                state.behind[target, r] -= problem.demand[vm, r]
    state.on_host[group, source] -= 1
    state.on_host[group, target] += 1
    here, there = problem.rack[source], problem.rack[target]
    state.on_rack[group, here] -= 1
    if state.on_rack[group, here] == 0:
        state.racks[group] -= 1
    if state.on_rack[group, there] == 0:
        state.racks[group] += 1
    state.on_rack[group, there] += 1
    state.in_area[group, problem.area[source]] -= 1
    state.in_area[group, problem.area[target]] += 1
    change = int(home == source) - int(home == target)
    if change != 0:
        state.tally[state.moved[group]] -= 1
        state.moved[group] += change
        state.tally[state.moved[group]] += 1
    state.at[vm] = target


@inlined
def journey(problem: Problem, vm: int, source: int, target: int) -> int:
    """How much more the way of a VM costs when it is on `target` instead of on `source`."""
    home = problem.home[vm]
    left = int(home == source) - int(home == target)
    return problem.prices[0] * left * problem.moving[vm] + problem.prices[2] * (
        problem.way[home, target] - problem.way[home, source]
    )


@inlined
def most(state: State, now: int) -> int:
    """The most moves within one group, near where it was before."""
    found = now
    while found + 1 < state.tally.shape[0] and state.tally[found + 1] > 0:
        found += 1
    while found > 0 and state.tally[found] == 0:
        found -= 1
    return found
