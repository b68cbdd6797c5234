"""What stands for the outside world in a scenario: eyes, hands and leases that answer as it is written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.clock import HandClock
from engine.model.command import Called, Command, Sighting, State
from engine.model.decision import Observation
from engine.model.errors import Permanent
from engine.model.estate import Standing
from engine.rehearsing.scenarios import Scenario


class StatedSight:
    """Sight that the scenario states."""

    def __init__(self, scenario: Scenario, clock: HandClock) -> None:
        """Sees the same at every moment."""
        self._scenario, self._clock = scenario, clock

    async def look(self, place: Standing) -> tuple[Observation, ...]:
        """What the scenario says."""
        now = self._clock.now()
        return tuple(
            Observation(witness=name, subject=place.id, down=word == "down", at=now, says=f"{name} says {word}")
            for name, word in self._scenario.sees.items()
        )

    def blind(self, place: Standing) -> str | None:  # noqa: ARG002  the scenario says it for all
        """What the scenario says."""
        return self._scenario.blind


class Hand:
    """Does everything at once, except what the scenario lets fail."""

    def __init__(self, scenario: Scenario) -> None:
        """Nothing is done yet."""
        self._fails = scenario.fails
        self._done: set[str] = set()

    async def look(self, command: Command, reference: str | None = None) -> Sighting:  # noqa: ARG002
        """Done, or ready to be done."""
        done = command.id in self._done
        return Sighting(State.REACHED if done else State.READY, "as it stands")

    async def act(self, command: Command, called: Called) -> None:
        """Do it."""
        await called(f"task-{len(self._done)}")
        if command.step in self._fails:
            raise Permanent(self._fails[command.step])
        self._done.add(command.id)

    async def follow(self, command: Command, reference: str) -> None:  # noqa: ARG002
        """It is done."""
        self._done.add(command.id)


class _Lease:
    def guard(self) -> int:
        return 1


class Leases:
    """Nobody else is at work in a scenario."""

    @asynccontextmanager
    async def hold(self, target: str) -> AsyncIterator[_Lease]:  # noqa: ARG002
        """Always free."""
        yield _Lease()
