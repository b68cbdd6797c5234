"""Where collectors hand their events: the one port they share."""

from typing import Protocol

from engine.model.event import Event


class Publisher(Protocol):
    """Takes events for good: when `publish` returns, the event is durable. The same event twice is stored once."""

    async def publish(self, event: Event) -> object:
        """Store an event; raises Transient while the store is away, Permanent if it will never take this event."""
        ...
