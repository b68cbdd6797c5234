"""What stands in for the world while a scenario is played: eyes, hands and leases, as the scenario states them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from engine.clock import HandClock
from engine.model.command import Called, Command, Sighting, State
from engine.model.decision import Observation
from engine.model.errors import Permanent
from engine.model.estate import Standing
from engine.rehearsing.scenarios import Scenario


class Sight:
    """Sight that the scenario states."""

    def __init__(self, scenario: Scenario, clock: HandClock) -> None:
        """What it sees is the same all the time."""
        self._scenario, self._clock = scenario, clock

    async def look(self, place: Standing) -> tuple[Observation, ...]:
        """See the port."""
        now = self._clock.now()
        return tuple(
            Observation(witness=name, subject=place.id, down=word == "down", at=now, says=f"{name} says {word}")
            for name, word in self._scenario.sees.items()
        )

    def blind(self, place: Standing) -> str | None:  # noqa: ARG002  the scenario says it for all
        """See the port."""
        return self._scenario.blind


class Hand:
    """Does everything at once, except what is to fail."""

    def __init__(self, fails: Mapping[str, str]) -> None:
        """Nothing is done yet. `fails`: step id, or `step.number` -> why."""
        self._fails = fails
        self._done: set[str] = set()

    async def look(self, command: Command, reference: str | None = None) -> Sighting:  # noqa: ARG002
        """See the port."""
        done = command.id in self._done
        return Sighting(State.REACHED if done else State.READY, "as it stands")

    async def act(self, command: Command, called: Called) -> None:
        """See the port."""
        await called(f"task-{len(self._done)}")
        number = command.id.rpartition(".")[2]
        why = self._fails.get(command.step) or self._fails.get(f"{command.step}.{number}")
        if why is not None:
            raise Permanent(why)
        self._done.add(command.id)

    async def follow(self, command: Command, reference: str) -> None:  # noqa: ARG002
        """See the port."""
        self._done.add(command.id)


class Lease:
    """A lease that never runs out."""

    def guard(self) -> int:
        """See the port."""
        return 1


class Leases:
    """Nobody else is at work in a scenario."""

    @asynccontextmanager
    async def hold(self, target: str) -> AsyncIterator[Lease]:  # noqa: ARG002
        """See the port."""
        yield Lease()
