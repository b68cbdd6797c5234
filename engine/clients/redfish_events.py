"""Subscriptions of a controller's event service, by sushy (DSP0268: EventService, EventDestination). Blocking."""

from dataclasses import dataclass
from typing import Any

from sushy import exceptions

from engine.clients.redfish import Bmc

TYPES = ("Alert", "StatusChange", "ResourceUpdated", "ResourceAdded", "ResourceRemoved")
"""What services before EventService 1.3 want to be told; later ones deprecate it."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One destination that a controller posts to."""

    destination: str
    context: str


class EventBmc(Bmc):
    """A controller as a source of events."""

    def subscribe(self, wanted: Subscription) -> bool:
        """See to it that it posts there with this context; True if it did not before.

        A subscription of ours with another context is replaced. Raises Transient (out of reach) or Permanent (refused,
        no event service).
        """
        with self._rooted() as root:
            held = root.get_event_service().subscriptions
            ours = [one for one in held.get_members() if one.json.get("Destination") == wanted.destination]
            if any(one.json.get("Context") == wanted.context for one in ours):
                return False
            for one in ours:
                one.delete()
            _create(held, wanted)
            return True

    def stream(self) -> str | None:
        """Where it streams events (ServerSentEventUri), a path; None: it does not."""
        with self._rooted() as root:
            found = root.get_event_service().json.get("ServerSentEventUri")
            return found if isinstance(found, str) and found.startswith("/") else None


def _create(held: Any, wanted: Subscription) -> None:
    payload: dict[str, object] = {
        "Destination": wanted.destination,
        "Context": wanted.context,
        "Protocol": "Redfish",
    }
    try:
        held.create(payload)
    except exceptions.BadRequestError:
        held.create({**payload, "EventTypes": list(TYPES)})
