"""object.mark: what Toban itself found out about an object's hardware is published, so that every engine learns it."""

from typing import Protocol

from actuators import parameters
from engine.bus import codec, subjects
from engine.bus.port import Record
from engine.clock import Clock
from engine.model import ids
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Refused, TobanError
from engine.model.event import Event

TYPE = "inventory.status"
STATUSES = ("faulted", "degraded", "ready")


class Marks(Protocol):
    """Where marks are kept: the newest of each object."""

    async def publish(self, event: Event) -> object:
        """Store an event once per id; raises Transient while the store is away."""
        ...

    async def last(self, subject: str) -> Record | None:
        """The newest record of one subject."""
        ...


class Mark:
    """One event per command; an object that is marked so already is left alone."""

    def __init__(self, marks: Marks, clock: Clock) -> None:
        """The store is handed in."""
        self._marks, self._clock = marks, clock

    async def look(self, command: Command, reference: str | None = None) -> Sighting:  # noqa: ARG002  the port's shape
        """REACHED once the newest mark of the object is this command's, or says the same."""
        status = command.parameters.get("status")
        if status not in STATUSES:
            return Sighting(State.REFUSED, f"{status!r} is no status; there are {', '.join(STATUSES)}")
        try:
            event = self._event(command)
            record = await self._marks.last(subjects.for_event(event))
            now = codec.decode(record).event if record is not None else None
        except TobanError as error:
            return Sighting(State.UNKNOWN, f"the mark of {command.target} cannot be read: {error}")
        if now is None:
            return Sighting(State.READY, f"{command.target} bears no mark", {"status": None})
        word = now.data.get("status")
        if now.id == event.id or word == status:
            return Sighting(State.REACHED, f"{command.target} is marked {word}", {"status": word})
        return Sighting(State.READY, f"{command.target} is marked {word}", {"status": word})

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  nothing to follow
        """Publish; the same command publishes the same event. Raises Refused for a word that is no status."""
        if command.parameters.get("status") not in STATUSES:
            msg = f"command {command.id} has no status; nothing is published"
            raise Refused(msg)
        await self._marks.publish(self._event(command))

    def _event(self, command: Command) -> Event:
        run = command.id.rsplit(".", 2)[0]
        return Event(
            id=ids.content_hash([TYPE, command.id]),
            type=TYPE,
            source="toban/run",
            subject=command.target,
            time=self._clock.now(),
            data={"status": parameters.text(command, "status"), "text": parameters.text(command, "text")},
            causationid=run,
        )

    async def follow(self, command: Command, reference: str) -> None:
        """Nothing is ever under way."""
