"""The public machine reassignment instances (ROADEF/EURO challenge 2012) in the words of our own problem.

The files' format is the challenge's own, section 4 of its problem description; machine = host, process = VM, service =
anti-affinity group, location = rack, neighbourhood = area.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.placement.reassignment.problem import Problem, Whole, listed, turned


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an instance."""

    name: str
    best: int
    """The best cost with a source."""
    bound: int


def known(folder: Path) -> tuple[Known, ...]:
    """Every instance of a folder."""
    with (folder / "best_known.csv").open(encoding="utf-8") as file:
        return tuple(
            Known(row["instance"], int(row["best_known"]), int(row["lower_bound"])) for row in csv.DictReader(file)
        )


def read(folder: Path, name: str) -> Problem:
    """One instance with the assignment that it starts from."""
    numbers = _numbers(folder / f"model_{name}.txt")
    resources = np.array([[next(numbers), next(numbers)] for _ in range(next(numbers))], dtype=np.int64)
    count = next(numbers)
    machines = np.array([_some(numbers, 2 + 2 * len(resources) + count) for _ in range(count)], dtype=np.int64)
    width = len(resources)
    spread, needs = [], []
    for _ in range(next(numbers)):
        least, many = next(numbers), next(numbers)
        spread.append(least)
        needs.append(_some(numbers, many))
    vms = np.array([_some(numbers, width + 2) for _ in range(next(numbers))], dtype=np.int64)
    rules = [_some(numbers, 4) for _ in range(next(numbers))]
    prices = _some(numbers, 3)
    home = np.array(list(_numbers(folder / f"assignment_{name}.txt")), dtype=np.int64)
    return Problem(
        transient=resources[:, 0] == 1,
        weight=_own(resources[:, 1]),
        capacity=_own(machines[:, 2 : 2 + width]),
        safety=_own(machines[:, 2 + width : 2 + 2 * width]),
        area=_own(machines[:, 0]),
        rack=_own(machines[:, 1]),
        way=_own(machines[:, 2 + 2 * width :]),
        group=_own(vms[:, 0]),
        demand=_own(vms[:, 1 : 1 + width]),
        moving=_own(vms[:, 1 + width]),
        allowed=np.ones((len(vms), count), dtype=bool),
        home=home,
        spread=np.array(spread, dtype=np.int64),
        needs=listed(needs),
        needed=turned(needs),
        balance=np.array(rules, dtype=np.int64).reshape(len(rules), 4),
        prices=np.array(prices, dtype=np.int64),
    )


def _numbers(path: Path) -> Iterator[int]:
    return iter([int(word) for word in path.read_text(encoding="ascii").split()])


def _some(numbers: Iterator[int], count: int) -> list[int]:
    return [next(numbers) for _ in range(count)]


def _own(part: Whole) -> Whole:
    """A copy that lies in memory as the search walks through it."""
    return np.ascontiguousarray(part)
