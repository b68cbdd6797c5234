"""The question as arrays: hosts, VMs, rules and prices, and what a whole assignment costs; pure.

The model is the machine reassignment problem of the ROADEF/EURO challenge 2012 (Google; problem description, sections 2
and 3) in our words: machine = host, process = VM, service = group of VMs that must not meet (anti-affinity), location =
rack, neighbourhood = area, transient resource = one that a VM keeps at both ends while it moves, safety capacity = the
load above which a host costs. With every resource transient, the moves of an assignment may be made in any order, or
all at once, and no host is ever overloaded.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Whole: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]


class Problem(NamedTuple):
    """Sizes: H hosts, V VMs, R resources, G anti-affinity groups. Whole numbers only; nothing of it ever changes."""

    transient: Flags
    """R."""
    weight: Whole
    """R: the price of one unit of load above the safety capacity."""
    capacity: Whole
    """H x R."""
    safety: Whole
    """H x R."""
    area: Whole
    """H."""
    rack: Whole
    """H."""
    way: Whole
    """H x H: the price of moving any VM from one host to another, before its weight."""
    group: Whole
    """V: the anti-affinity group of each VM; no two VMs of one group are on one host."""
    demand: Whole
    """V x R."""
    moving: Whole
    """V: the price of moving this VM, before its weight."""
    allowed: Flags
    """V x H: where a VM may be at all."""
    home: Whole
    """V: where each VM is now."""
    spread: Whole
    """G: the least number of racks that a group's VMs are on."""
    needs: tuple[Whole, Whole]
    """Offsets (G + 1) and groups: where a VM of the first runs, its area has one of each of these."""
    needed: tuple[Whole, Whole]
    """The same, the other way round."""
    balance: Whole
    """B x 4: of the first resource so many times as much is to be free as of the second one; target, weight."""
    prices: Whole
    """3: weights of moved VMs, of the most moves within one group, and of the ways."""


def listed(groups: Sequence[Iterable[int]]) -> tuple[Whole, Whole]:
    """Lists of groups as offsets and one long array."""
    flat = [list(one) for one in groups]
    offsets = np.cumsum([0, *(len(one) for one in flat)]).astype(np.int64)
    return offsets, np.array([other for one in flat for other in one], dtype=np.int64)


def turned(groups: Sequence[Iterable[int]]) -> tuple[Whole, Whole]:
    """Who names each group."""
    back: list[list[int]] = [[] for _ in groups]
    for one, others in enumerate(groups):
        for other in others:
            back[other].append(one)
    return listed(back)


def loads(problem: Problem, assignment: Whole) -> Whole:
    """H x R: what the VMs that are on each host take."""
    found = np.zeros_like(problem.capacity)
    np.add.at(found, assignment, problem.demand)
    return found


def left_behind(problem: Problem, assignment: Whole) -> Whole:
    """H x R: what VMs that moved away keep at home while they move."""
    moved = assignment != problem.home
    found = np.zeros_like(problem.capacity)
    np.add.at(found, problem.home[moved], problem.demand[moved] * problem.transient)
    return found


def cost(problem: Problem, assignment: Whole) -> int:
    """What an assignment costs in all (challenge, section 3)."""
    load = loads(problem, assignment)
    moved = assignment != problem.home
    in_group = np.bincount(problem.group[moved], minlength=len(problem.spread))
    prices = problem.prices
    return int(
        (np.maximum(load - problem.safety, 0) * problem.weight).sum()
        + sum(_unbalanced(problem, load, row) for row in problem.balance)
        + prices[0] * problem.moving[moved].sum()
        + prices[1] * in_group.max(initial=0)
        + prices[2] * problem.way[problem.home, assignment].sum()
    )


def _unbalanced(problem: Problem, load: Whole, row: Whole) -> int:
    first, second, target, weight = (int(value) for value in row)
    free = problem.capacity - load
    return int(weight * np.maximum(target * free[:, first] - free[:, second], 0).sum())


def against(problem: Problem, assignment: Whole) -> str | None:
    """Which rule an assignment breaks, in words, or None (challenge, section 2)."""
    vms = np.arange(len(assignment))
    if not problem.allowed[vms, assignment].all():
        return "a VM is where it may not be"
    if (loads(problem, assignment) + left_behind(problem, assignment) > problem.capacity).any():
        return "a host is overloaded, now or on the way"
    hosts, groups = len(problem.capacity), len(problem.spread)
    if len(np.unique(problem.group * hosts + assignment)) < len(assignment):
        return "two VMs that must not meet are on one host"
    seen = np.zeros((groups, int(problem.rack.max()) + 1), dtype=bool)
    seen[problem.group, problem.rack[assignment]] = True
    if (seen.sum(axis=1) < problem.spread).any():
        return "a group is on too few racks"
    there = np.zeros((groups, int(problem.area.max()) + 1), dtype=bool)
    there[problem.group, problem.area[assignment]] = True
    offsets, others = problem.needs
    for one in range(groups):
        for other in others[offsets[one] : offsets[one + 1]]:
            if (there[one] & ~there[other]).any():
                return "a group runs in an area where one that it needs does not"
    return None
