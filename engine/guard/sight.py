"""The port through which a decision looks at the world once more before an ungraceful act (safety rule S2)."""

from typing import Protocol

from engine.model.decision import Observation
from engine.model.estate import Standing


class Sight(Protocol):
    """Eyes at decision time."""

    async def look(self, place: Standing) -> tuple[Observation, ...]:
        """What each class sees right now; a class that cannot see says nothing. Never raises; bounded in time."""
        ...

    def blind(self, place: Standing) -> str | None:
        """Why our own sight of this host is not to be trusted (safety rule S3), or None."""
        ...
