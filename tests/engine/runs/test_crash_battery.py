"""Every standard policy's run, killed at every await of every wire, and again while it recovers.

What counts is the world's own ledger: the end state is the one of a night without crashes, no order was given twice, no
VM was started where another copy could run. Points are enumerated, not sampled; all pairs are in `make soak`.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import structlog

from engine.bus.memory import Storage
from engine.model.estate import Estate
from engine.model.run import Outcome, RunPlan
from tests import virtual
from tests.engine.runs.crash import plans
from tests.engine.runs.crash.life import Wires, live
from tests.engine.runs.crash.world import World

ACTING = {name: found for name, one in sorted(plans.shipped().items()) if (found := plans.best(one)) is not None}
ACTING = {name: (*found, frozenset()) for name, found in ACTING.items()}
ACTING |= {name: (*plans.by_hand(name), plans.REFUSES.get(name, frozenset())) for name in plans.BY_HAND}
AFTER_A_FIRST = 97
"""Second kills are enumerated behind every so many first ones; `soak` takes every one."""


@dataclass
class Night:
    """One run over several lives of its process."""

    estate: Estate
    plan: RunPlan
    refuses: frozenset[tuple[str, str]] = frozenset()
    outcome: Outcome | None = None
    gates: tuple[int, ...] = ()
    """How many awaits each life came to."""

    def through(self, *deaths: int) -> World:
        """The world after lives that die at these awaits, and a last one that does not."""

        async def go() -> World:
            world, storage, gates = World(self.estate, self.refuses), Storage(), []
            world.vsphere_ha()
            for number, dies_at in enumerate((*deaths, None)):
                wires = Wires(dies_at)
                self.outcome = await live(world, storage, self.plan, wires, number)
                gates.append(wires.passed)
                if self.outcome is not None:
                    break
            self.gates = tuple(gates)
            return world

        return virtual.run(go())


def same(world: World, quiet: World, night: Night, outcome: Outcome | None, deaths: tuple[int, ...]) -> None:
    assert night.outcome is outcome, deaths
    assert world.end_state() == quiet.end_state(), deaths
    assert world.violations == [], deaths
    twice = {name: count for name, count in world.orders.items() if count > 1}
    assert twice == {}, deaths


def test_every_standard_policy_that_acts_is_in_the_battery() -> None:
    verbs = {command.verb for _, plan, _ in ACTING.values() for step in plan.steps for command in step.commands}
    assert {"machine.power_off", "host.remove", "vm.register", "vm.power_on", "vm.migrate", "host.shutdown"} <= verbs
    assert {"machine.power_on", "vm.restart", "vm.await_ha", "object.mark", "notify.log"} <= verbs
    assert {"vm.await_tools", "start.gate"} <= verbs
    assert {"vm.check_move", "vm.suspend", "vm.shutdown", "vm.relocate"} <= verbs
    assert {"machine.prove_off", "machine.assign", "host.add"} <= verbs
    assert len(ACTING) >= 9


@pytest.mark.parametrize("name", ACTING)
def test_a_kill_at_any_await_changes_nothing_about_the_end(name, record_property) -> None:
    night = Night(*ACTING[name])
    quiet = night.through()
    outcome, (awaits,) = night.outcome, night.gates
    assert outcome is Outcome.SUCCESS
    assert quiet.violations == []
    for dies_at in range(1, awaits + 1):
        same(night.through(dies_at), quiet, night, outcome, (dies_at,))
    record_property("awaits", awaits)


@contextmanager
def silence() -> Iterator[None]:
    """No log: a hundred thousand nights would write gigabytes of it, and take a quarter of the time."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


def pairs(name: str, stride: int) -> int:
    night = Night(*ACTING[name])
    quiet = night.through()
    outcome, (awaits,) = night.outcome, night.gates
    count = 0
    for first in range(1, awaits + 1, stride):
        night.through(first)
        recovery = night.gates[-1]
        for second in range(1, recovery + 1):
            same(night.through(first, second), quiet, night, outcome, (first, second))
            count += 1
    return count


@pytest.mark.parametrize("name", ACTING)
def test_a_second_kill_at_any_await_of_the_recovery_changes_nothing_either(name) -> None:
    assert pairs(name, AFTER_A_FIRST) > 0


@pytest.mark.soak
@pytest.mark.parametrize("name", ACTING)
def test_every_pair_of_kills_changes_nothing(name, record_property) -> None:
    with silence():
        record_property("pairs", pairs(name, 1))
