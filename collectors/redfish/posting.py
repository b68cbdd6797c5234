"""Redfish events that controllers post: each proves itself by a word that only it and we know, returned as Context.

Headers of one's own in a subscription (HttpHeaders) are optional; Context is not (DSP0268, EventDestination).
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from collectors.redfish import messages
from collectors.redfish.messages import Controller
from collectors.webhook.posted import Posted, Refused, Told
from engine.model.catalogue import Catalogue


def word(secret: str, name: str) -> str:
    """The Context of one controller: nobody can make that of another from it."""
    return hmac.new(secret.encode(), f"redfish/{name}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class RedfishEvents:
    """Reads what one controller posts."""

    controller: Controller
    context: str
    known: Mapping[str, str]
    words: Catalogue

    def __call__(self, message: Posted) -> tuple[Told, ...]:
        """The payload as events; raises Refused unless it carries this controller's word."""
        payload = messages.parse(message.body)
        if not hmac.compare_digest(payload.context.encode(), self.context.encode()):
            raise Refused(HTTPStatus.UNAUTHORIZED, "token", "the Context is not the one that this controller was given")
        return messages.events(payload, self.controller, message.at, self.known, self.words)
