"""An assignment made better within a budget, from where it is; it never passes through one that breaks a rule."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
COOL = 54
"""Rounds in which it cools slowly; in the rest it freezes."""
COLDEST = 1e-3


@dataclass(frozen=True, slots=True)
class Style:
    """How to search. Different problems like different styles; several of them may run side by side."""

    seed: int = 1
    hot: float = 10.0
    """The first temperature, in mean cost per VM after a descent."""
    span: float = 500.0
    """How many times cooler it is when it begins to freeze."""
    exchange: float = 0.5
    focus: float = 0.0
    from_start: bool = False
    """The mean cost per VM is taken before the descent instead."""


@dataclass(frozen=True, slots=True)
class Improved:
    """The best that was found."""

    assignment: Whole
    cost: int
    steps: int


def improve(problem: Problem, seconds: float, now: Now, style: Style = Style()) -> Improved:
    """As good as it gets in so many seconds of `now`; not the same every time, as no two machines are as fast."""
    return _Search(problem, style).run(lambda search, left: search.rate_of(now, seconds, left))


def improved(problem: Problem, steps: int, style: Style = Style()) -> Improved:
    """As good as it gets in so many steps: the same for the same problem and style."""
    return _Search(problem, style).run(lambda _, __: max(1, steps // ROUNDS))


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
        self._steps, self._began, self._last = 0, 0.0, 0.0

    def rate_of(self, now: Now, seconds: float, rounds: int) -> int:
        """How many steps the next round may take."""
        at = now()
        if self._steps == 0:
            self._began = self._last = at
            return PROBE
        speed = self._steps / max(at - self._began, 1e-6)
        return max(1, int(speed * max(0.0, seconds - (at - self._began)) / max(1, rounds)))

    def run(self, steps_of: Callable[["_Search", int], int]) -> Improved:
        vms, style = max(1, len(self._best)), self._style
        before = self._cost / vms
        self._walk(steps_of(self, ROUNDS), COLDEST, COLDEST)
        hot = max(COLDEST, style.hot * (before if style.from_start else self._best_cost / vms))
        for number in range(ROUNDS):
            if number < COOL:
                begin, end = (hot * style.span ** (-at / COOL) for at in (number, number + 1))
            else:
                begin, end = (hot / style.span * 10.0 ** (COOL - at) for at in (number, number + 1))
            self._walk(steps_of(self, ROUNDS - number), max(begin, COLDEST), max(end, COLDEST))
        return Improved(self._best, int(self._best_cost), self._steps)

    def _walk(self, steps: int, begin: float, end: float) -> None:
        style = self._style
        heat = Heat(style.seed + self._steps, steps, begin, end, style.exchange, style.focus)
        heat = heat._replace(seed=heat.seed % np.iinfo(np.int32).max)
        self._cost, self._best_cost = annealing.anneal(
            self._problem, self._state, heat, self._cost, self._best, self._best_cost
        )
        self._steps += steps
