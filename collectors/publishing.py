"""Where collectors hand their events, and what they keep over restarts: the ports they share."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.model.event import Event


class Publisher(Protocol):
    """Takes events for good: when `publish` returns, the event is durable. The same event twice is stored once."""

    async def publish(self, event: Event) -> object:
        """Store an event; raises Transient while the store is away, Permanent if it will never take this event."""
        ...


class BatchPublisher(Publisher, Protocol):
    """Takes many events at once, for who may have thousands a second."""

    async def publish_all(self, events: Sequence[Event]) -> None:
        """Store events in this order per object; when it returns, all are durable.

        Raises Permanent before any is stored if one never can be; Transient if some may not be: the same call again
        is safe.
        """
        ...


@dataclass(frozen=True, slots=True)
class Memory:
    """What a collector told, over restarts; empty before the first time. Raises TobanError while the store is away."""

    load: Callable[[], Awaitable[bytes]]
    save: Callable[[bytes], Awaitable[None]]
