"""Where a search stands: an assignment with everything that a move changes, kept up to date by small sums; pure."""

from typing import NamedTuple

import numpy as np

from engine.placement.reassignment import problem as whole
from engine.placement.reassignment.problem import Problem, Whole


class State(NamedTuple):
    """Arrays that change in place; they always agree with `at`."""

    at: Whole
    """V: the host of each VM."""
    load: Whole
    """H x R."""
    behind: Whole
    """H x R: what those that moved away keep at home."""
    price: Whole
    """H: what each host's load costs."""
    on_host: Whole
    """G x H: how many VMs of a group are there."""
    on_rack: Whole
    """G x racks."""
    in_area: Whole
    """G x areas."""
    racks: Whole
    """G: on how many racks a group is."""
    moved: Whole
    """G: how many VMs of a group are not at home."""
    tally: Whole
    """How many groups have so many VMs moved, by number."""
    members: Whole
    """V: the VMs, group by group; this never changes."""
    first: Whole
    """G + 1: where each group begins there; nor does this."""


def begin(problem: Problem, assignment: Whole) -> State:
    """The state of an assignment."""
    load = whole.loads(problem, assignment)
    on_host = _counted(problem, assignment, len(problem.capacity))
    on_rack = _counted(problem, problem.rack[assignment], int(problem.rack.max()) + 1)
    in_area = _counted(problem, problem.area[assignment], int(problem.area.max()) + 1)
    groups = len(problem.spread)
    moved = np.bincount(problem.group[assignment != problem.home], minlength=groups).astype(np.int64)
    size = int(np.bincount(problem.group, minlength=groups).max()) + 2
    over = (np.maximum(load - problem.safety, 0) * problem.weight).sum(axis=1)
    free = problem.capacity - load
    for first, second, target, weight in problem.balance:
        over = over + weight * np.maximum(target * free[:, first] - free[:, second], 0)
    return State(
        at=assignment.copy(),
        load=load,
        behind=whole.left_behind(problem, assignment),
        price=over.astype(np.int64),
        on_host=on_host,
        on_rack=on_rack,
        in_area=in_area,
        racks=(on_rack > 0).sum(axis=1).astype(np.int64),
        moved=moved,
        tally=np.bincount(moved, minlength=size).astype(np.int64),
        members=np.argsort(problem.group, kind="stable"),
        first=np.searchsorted(np.sort(problem.group), np.arange(groups + 1)),
    )


def _counted(problem: Problem, where: Whole, width: int) -> Whole:
    found = np.zeros((len(problem.spread), width), dtype=np.int64)
    np.add.at(found, (problem.group, where), 1)
    return found
