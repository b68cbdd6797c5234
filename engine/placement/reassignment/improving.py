"""An assignment made better within a budget, from where it is; it never passes through one that breaks a rule."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from engine.placement.reassignment import annealing
from engine.placement.reassignment import problem as whole
from engine.placement.reassignment import state as states
from engine.placement.reassignment.annealing import Heat
from engine.placement.reassignment.problem import Problem, Whole

Now = Callable[[], float]
PROBE = 100_000
"""Steps of the first, cold descent; they also tell how fast steps are."""
ROUNDS = 60
COOL = 50
"""Rounds in which it cools slowly; in the rest it freezes, each round four times cooler."""
FREEZE = 4.0
COLDEST = 1e-3
SEEDS = 7919
"""Between the seeds of two tries."""


@dataclass(frozen=True, slots=True)
class Style:
    """How to search. Different problems like different styles; several of them may run side by side."""

    seed: int = 1
    hot: float = 10.0
    """The first temperature, in mean cost per VM after a descent."""
    span: float = 500.0
    """How many times cooler it is when it begins to freeze."""
    exchange: float = 0.5
    evict: float = 0.01
    homing: tuple[float, float] = (0.0, 0.0)
    """While it is hottest, and once it has cooled; evenly in between."""
    tries: int = 1
    """How often it begins anew, each time with a share of the budget: where luck decides early, the best of a few."""


def side_by_side(problem: Problem) -> tuple[Style, Style]:
    """One that walks freely, and one that makes room for big VMs and stays nearer to home.

    Each is good where the other is not; how near to home is best depends on whether what moves keeps room there.
    """
    if problem.transient.any():
        return Style(), Style(seed=2, evict=0.02, homing=(12.0, 12.0))
    return Style(), Style(seed=2, span=1e5, homing=(3.0, 5.0), tries=3)


@dataclass(frozen=True, slots=True)
class Improved:
    """The best that was found."""

    assignment: Whole
    cost: int
    steps: int


def improve(problem: Problem, seconds: float, now: Now, styles: Sequence[Style] | None = None) -> Improved:
    """The best of several searches in so many seconds of `now`, each on a core of its own; two without `styles`.

    Not the same every time, as no two machines are as fast.
    """
    chosen = styles or side_by_side(problem)
    with ThreadPoolExecutor(len(chosen)) as threads:  # compiled code lets go of the interpreter
        found = threads.map(
            lambda style: _tried(problem, style, lambda search, left: search.rate_of(now, seconds / style.tries, left)),
            chosen,
        )
        return min(found, key=lambda one: one.cost)


def improved(problem: Problem, steps: int, style: Style = Style()) -> Improved:
    """As good as it gets in so many steps: the same for the same problem and style."""
    return _tried(problem, style, lambda _, __: max(1, steps // ROUNDS // style.tries))


def _tried(problem: Problem, style: Style, steps_of: "StepsOf") -> Improved:
    seeds = range(style.seed, style.seed + SEEDS * style.tries, SEEDS)
    found = [_Search(problem, replace(style, seed=seed)).run(steps_of) for seed in seeds]
    return replace(min(found, key=lambda one: one.cost), steps=sum(one.steps for one in found))


def _laid_out(problem: Problem) -> Problem:
    """In one piece of memory: compiled code is made once for each way in which its arrays may lie."""
    parts: list[Any] = [part if isinstance(part, tuple) else np.ascontiguousarray(part) for part in problem]
    return Problem(*parts)


class _Search:
    def __init__(self, problem: Problem, style: Style) -> None:
        self._problem, self._style = _laid_out(problem), style
        self._state = states.begin(problem, problem.home)
        self._cost = self._best_cost = whole.cost(problem, problem.home)
        self._best = problem.home.copy()
        self._steps, self._began = 0, 0.0

    def rate_of(self, now: Now, seconds: float, rounds: int) -> int:
        """How many steps the next round may take."""
        at = now()
        if self._steps == 0:
            self._began = at
            return PROBE
        speed = self._steps / max(at - self._began, 1e-6)
        return max(1, int(speed * max(0.0, seconds - (at - self._began)) / max(1, rounds)))

    def run(self, steps_of: "StepsOf") -> Improved:
        vms, style = max(1, len(self._best)), self._style
        self._walk(steps_of(self, ROUNDS), COLDEST, COLDEST, 0.0)
        hot, (first, last) = max(COLDEST, style.hot * self._best_cost / vms), style.homing
        for number in range(ROUNDS):
            if number < COOL:
                begin, end = (hot * style.span ** (-at / COOL) for at in (number, number + 1))
            else:
                begin, end = (hot / style.span * FREEZE ** (COOL - at) for at in (number, number + 1))
            homing = first + (last - first) * min(1.0, number / COOL)
            self._walk(steps_of(self, ROUNDS - number), max(begin, COLDEST), max(end, COLDEST), homing)
        return Improved(self._best, int(self._best_cost), self._steps)

    def _walk(self, steps: int, begin: float, end: float, homing: float) -> None:
        style = self._style
        heat = Heat(style.seed + self._steps, steps, begin, end, style.exchange, style.evict, homing)
        heat = heat._replace(seed=heat.seed % np.iinfo(np.int32).max)
        self._cost, self._best_cost = annealing.anneal(
            self._problem, self._state, heat, self._cost, self._best, self._best_cost
        )
        self._steps += steps


StepsOf: TypeAlias = Callable[[_Search, int], int]
"""How many steps the next round takes, of so many that are left."""
