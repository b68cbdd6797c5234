"""machine.assign: from now on another blade serves a host definition; published, so that every engine learns it."""

from actuators import parameters
from actuators.marking import Marks
from engine.bus import codec, subjects
from engine.clock import Clock
from engine.model import ids
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import TobanError
from engine.model.event import Event

TYPE = "inventory.assignment"


class Assign:
    """One event per command; a host that is served by that blade already is left alone."""

    def __init__(self, marks: Marks, clock: Clock) -> None:
        """The store is handed in."""
        self._marks, self._clock = marks, clock

    async def look(self, command: Command, reference: str | None = None) -> Sighting:  # noqa: ARG002  the port's shape
        """REACHED once the newest assignment of the host says so."""
        try:
            event = self._event(command)
            record = await self._marks.last(subjects.for_event(event))
            now = codec.decode(record).event.data.get("machine") if record is not None else None
        except TobanError as error:
            return Sighting(State.UNKNOWN, f"the assignment of {command.target} cannot be read: {error}")
        state = State.REACHED if now == event.data["machine"] else State.READY
        return Sighting(
            state, f"{command.target} is served by {now or 'the blade that the estate names'}", {"was": now}
        )

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  nothing to follow
        """Publish; the same command publishes the same event."""
        await self._marks.publish(self._event(command))

    def _event(self, command: Command) -> Event:
        machine, run = parameters.text(command, "machine"), command.id.split(".", 1)[0]
        why = f"run {run}: {command.target} > {machine}"
        return Event(
            id=ids.content_hash([TYPE, command.id]),
            type=TYPE,
            source="toban/run",
            subject=command.target,
            time=self._clock.now(),
            data={"machine": machine, "by": "toban", "why": why, "text": why},
            causationid=run,
        )

    async def follow(self, command: Command, reference: str) -> None:
        """Nothing is ever under way."""
