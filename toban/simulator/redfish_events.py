"""The event service of one blade's BMC: subscriptions, and events posted to them (DMTF DSP0266, section Eventing)."""

import http.client
import itertools
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from toban.simulator.truth import Blade, Truth
from toban.simulator.web import Answer, Request

SERVICE = "/redfish/v1/EventService"
HELD = f"{SERVICE}/Subscriptions"
STREAM = f"{SERVICE}/SSE"
TRIES, PAUSE = 3, 0.5
"""DeliveryRetryAttempts and the seconds between them; then the subscription is terminated."""
BACKLOG = 100
"""Events that a stream may be behind, or ask for again."""
QUIET = 2.0
"""Seconds after which a quiet stream gets a comment, so that a dead line is noticed."""
EXCEEDED = {
    "@odata.type": "#Message.v1_1_1.Message",
    "MessageId": "Base.1.13.0.EventBufferExceeded",
    "Message": "Undelivered events may have been lost due to a lack of buffer space in the service.",
    "MessageSeverity": "Critical",
}
"""By itself in the stream and in no event payload, as bmcweb sends it for a Last-Event-ID that it does not know."""
POWER = {"power.lost": "ResourcePoweredOff", "power.off": "ResourcePoweredOff", "power.on": "ResourcePoweredOn"}
HEALTH = {"OK": "ResourceStatusChangedOK", "Warning": "ResourceStatusChangedWarning"}


class EventService:
    """Tells what happens to its blade."""

    def __init__(self, truth: Truth, blade: Blade, system: str) -> None:
        """Begins to listen to the truth."""
        self._truth, self._blade, self._system = truth, blade, system
        self._subscriptions: dict[str, dict[str, object]] = {}
        self._numbers, self._ids = itertools.count(1), itertools.count(1)
        self._sent: list[tuple[int, bytes]] = []
        self._more = threading.Condition()
        self._closed = False
        truth.listeners.append(self._heard)

    def close(self) -> None:
        """End every stream."""
        with self._more:
            self._closed = True
            self._more.notify_all()

    def forget(self) -> None:
        """What a reset of the controller does: no subscription, no history, and numbers from the first on."""
        self._subscriptions.clear()
        with self._more:
            self._sent, self._numbers = [], itertools.count(1)

    def __call__(self, request: Request, path: str) -> Answer | None:
        """One answer, or None if the path is not of the service."""
        if path == SERVICE and request.method == "GET":
            return _json(200, self._described())
        if path == HELD:
            return self._subscribe(request) if request.method == "POST" else _json(200, self._listed())
        if path == STREAM and request.method == "GET":
            last = request.headers.get("last-event-id", "")
            return Answer(200, kind="text/event-stream", stream=self._stream(int(last) if last.isdigit() else None))
        name = path.removeprefix(f"{HELD}/")
        if name == path or name not in self._subscriptions:
            return None
        if request.method == "DELETE":
            del self._subscriptions[name]
            return Answer(204)
        return _json(200, self._subscriptions[name])

    def _described(self) -> Mapping[str, object]:
        return {
            "@odata.id": SERVICE,
            "@odata.type": "#EventService.v1_8_0.EventService",
            "Id": "EventService",
            "Name": "Event Service",
            "ServiceEnabled": True,
            "DeliveryRetryAttempts": TRIES,
            "Subscriptions": {"@odata.id": HELD},
            "ServerSentEventUri": STREAM,
            "Actions": {"#EventService.SubmitTestEvent": {"target": f"{SERVICE}/Actions/EventService.SubmitTestEvent"}},
        }

    def _listed(self) -> Mapping[str, object]:
        members = [{"@odata.id": f"{HELD}/{name}"} for name in self._subscriptions]
        return {"@odata.id": HELD, "Name": "Subscriptions", "Members": members, "Members@odata.count": len(members)}

    def _subscribe(self, request: Request) -> Answer:
        try:
            wanted = json.loads(request.body)
            destination, context = str(wanted["Destination"]), str(wanted["Context"])
        except (ValueError, KeyError, TypeError):
            return _json(400, {"error": {"code": "Base.1.8.PropertyMissing", "message": "Destination and Context."}})
        name = str(next(self._ids))
        where = f"{HELD}/{name}"
        self._subscriptions[name] = {
            "@odata.id": where,
            "@odata.type": "#EventDestination.v1_13_0.EventDestination",
            "Id": name,
            "Name": f"Subscription {name}",
            "Destination": destination,
            "Context": context,
            "Protocol": "Redfish",
        }
        self._truth.ledger.write("bmc.subscribed", machine=self._blade.machine, destination=destination)
        return Answer(201, json.dumps(self._subscriptions[name]).encode(), headers={"Location": where})

    def _heard(self, what: str, machine: str) -> None:
        if machine != self._blade.machine or self._blade.bmc == "dead":
            return
        if what in POWER:
            self.tell(POWER[what], f"The resource `{self._system}` has changed its power state.")
        elif what == "health":
            key = HEALTH.get(self._blade.health, "ResourceStatusChangedCritical")
            self.tell(key, f"The health of resource `{self._system}` has changed to {self._blade.health}.")

    def tell(self, key: str, text: str) -> None:
        """One event, to every subscription and every stream."""
        number = next(self._numbers)
        event = {
            "EventId": str(number),
            "MemberId": "0",
            "EventType": "Alert",
            "EventTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "MessageId": f"ResourceEvent.1.3.{key}",
            "Message": text,
            "OriginOfCondition": {"@odata.id": self._system},
        }
        body = {"@odata.type": "#Event.v1_7_0.Event", "Id": str(number), "Name": "Event", "Events": [event]}
        with self._more:
            self._sent = [*self._sent, (number, json.dumps(body).encode())][-BACKLOG:]
            self._more.notify_all()
        for name, one in list(self._subscriptions.items()):
            posted = json.dumps({**body, "Context": one["Context"]}).encode()
            args = (name, str(one["Destination"]), posted)
            threading.Thread(target=self._post, args=args, name="redfish-event", daemon=True).start()

    def _post(self, name: str, destination: str, body: bytes) -> None:
        parts = urlsplit(destination)
        for _ in range(TRIES):
            status = _posted(parts.scheme, parts.hostname or "", parts.port or 443, parts.path, body)
            self._truth.ledger.write("bmc.event", machine=self._blade.machine, destination=destination, status=status)
            if 200 <= status < 300:
                return
            time.sleep(PAUSE)
        self._subscriptions.pop(name, None)

    def _stream(self, last: int | None) -> Iterator[bytes]:
        at = last if last is not None else (self._sent[-1][0] if self._sent else 0)
        if last is not None and not self._keeps(last):
            at = 0
            yield _streamed(self._sent[-1][0] if self._sent else 0, json.dumps(EXCEEDED).encode())
        while True:
            with self._more:
                if self._closed or self._blade.bmc == "dead":
                    return
                fresh = [one for one in self._sent if one[0] > at]
                if not fresh:
                    self._more.wait(QUIET)
                    fresh = [one for one in self._sent if one[0] > at]
            for number, body in fresh:
                at = number
                yield _streamed(number, body)
            if not fresh:
                yield b": still here\n\n"

    def _keeps(self, number: int) -> bool:
        """Whether everything after this event is still there."""
        newest, oldest = (self._sent[-1][0], self._sent[0][0]) if self._sent else (0, 1)
        return oldest - 1 <= number <= newest


def _streamed(number: int, body: bytes) -> bytes:
    return b"id: " + str(number).encode() + b"\ndata: " + body + b"\n\n"


def _posted(scheme: str, host: str, port: int, path: str, body: bytes) -> int:
    """The status, or 0 for no answer. As most controllers do, it looks at no certificate."""
    if scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        line: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=5, context=context)
    else:
        line = http.client.HTTPConnection(host, port, timeout=5)
    try:
        line.request("POST", path, body, {"Content-Type": "application/json"})
        return line.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        line.close()


def _json(status: int, body: Mapping[str, object]) -> Answer:
    return Answer(status, json.dumps(body).encode(), headers={"OData-Version": "4.0"})
