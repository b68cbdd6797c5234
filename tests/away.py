"""A bus that is away for a while."""

from engine.bus.memory import MemoryBus
from engine.model.errors import Transient


class Away(MemoryBus):
    """Refuses so many events, then takes them again."""

    away = 0

    async def publish(self, event):
        if self.away:
            self.away -= 1
            raise Transient("no broker")
        return await super().publish(event)
