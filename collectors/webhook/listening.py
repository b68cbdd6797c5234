"""The intake: other systems post what they see; each is answered once every event of its message is stored.

At least once: a sender that gets no answer posts again, under the same ids. Nothing is kept in memory beyond the
requests that are being answered, and these are bounded.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson
import structlog

from collectors.publishing import Publisher
from collectors.snmp.admitting import Rates, Sources
from collectors.snmp.deduplicating import Gaps
from collectors.webhook import posted, serving
from collectors.webhook.posted import Posted, Reading, Refused, Told
from collectors.webhook.proving import Tokens
from collectors.webhook.serving import Certificate, Receive, Scope, Send
from engine.clock import Clock
from engine.model.errors import Permanent, TobanError
from engine.model.source import Source

log = structlog.get_logger()

SLOWEST_BODY = 10.0
SLOWEST_STORE = 20.0
"""Seconds for storing all events of a message; then its sender is asked to come again."""
STALLED = 10.0
"""Seconds without a turn of the server after which it counts as not listening."""
AT_ONCE = 16
"""Messages whose events are being stored; more wait."""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where it listens and to whom."""

    bind: str = "127.0.0.1"
    port: int = 9480
    tokens: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Bearer tokens by client."""
    silent_after: Mapping[str, float] = field(default_factory=dict)
    """Seconds after which a client that promises to post regularly counts as silent."""
    networks: tuple[str, ...] = ()
    """Networks that may connect; empty: all."""
    certificate: Certificate | None = None


@dataclass(slots=True)
class _Heard:
    """What became of one client's messages."""

    last: float | None = None
    gaps: int = 0
    drops: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str, number: int = 1) -> None:
        self.drops[reason] = self.drops.get(reason, 0) + number


@dataclass(frozen=True, slots=True)
class Proven:
    """A path whose messages prove themselves, instead of a token: what reads them refuses those that do not."""

    client: str
    reading: Reading
    networks: Sources
    """Who may post there."""


class Intake:
    """Hears one TCP port."""

    def __init__(
        self,
        settings: WebhookSettings,
        routes: Mapping[str, Reading],
        publisher: Publisher,
        clock: Clock,
        proven: Mapping[str, Proven] | None = None,
    ) -> None:
        """`routes`: what reads the messages of a path. Nothing is opened before `run`."""
        self._settings, self._routes, self._publisher, self._clock = settings, routes, publisher, clock
        self._proven = proven or {}
        self._tokens, self._rates, self._counting = Tokens(settings.tokens), Rates(), Gaps()
        self._storing = asyncio.Semaphore(AT_ONCE)
        self._began = clock.monotonic()
        self._heard = {client: _Heard() for client in settings.tokens}
        self._told = {one.client: _Heard() for one in self._proven.values()}
        self._strangers = _Heard()
        self._server = serving.server(self.answer, settings.networks, settings.certificate)
        self._bound = (settings.bind, settings.port)
        self._server.beat = self._alive
        self._beat: float | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the port is the real one once it runs."""
        return self._bound

    async def run(self, ready: asyncio.Event) -> None:
        """Hear until cancelled; `ready` is set once messages are answered. ConfigurationError: the port is taken."""
        opened = serving.bound(self._settings.bind, self._settings.port)
        name = opened.getsockname()
        self._bound, self._began = (name[0], name[1]), self._clock.monotonic()
        log.info("webhook.listening", address=name[0], port=name[1], tls=self._settings.certificate is not None)
        try:
            await self._server.until_cancelled(opened, ready)
        finally:
            self._beat = None

    def _alive(self) -> None:
        self._beat = self._clock.monotonic()

    def sources(self) -> tuple[Source, ...]:
        """How each client stands; one that promised nothing may be quiet without being blind."""
        beat = self._clock.monotonic() - self._beat if self._beat is not None else None
        found = [self._source(f"webhook:{client}", heard, beat) for client, heard in self._heard.items()]
        if self._strangers.drops:
            found.append(Source(name="webhook", beat=beat, drops=dict(self._strangers.drops)))
        return tuple(found)

    def told_by(self, client: str) -> Source:
        """How a client stands whose messages prove themselves."""
        beat = self._clock.monotonic() - self._beat if self._beat is not None else None
        return self._source(client, self._told[client], beat)

    def _source(self, name: str, heard: _Heard, beat: float | None) -> Source:
        client = name.partition(":")[2]
        now, bound = self._clock.monotonic(), self._settings.silent_after.get(client)
        quiet = now - (heard.last if heard.last is not None else self._began)
        silent = f"{client} has not posted anything for {quiet:.0f} s" if bound is not None and quiet > bound else None
        closed = "the webhook does not listen" if beat is None or beat > STALLED else None
        age = now - heard.last if heard.last is not None else None
        about = {"name": name, "gaps": heard.gaps, "drops": dict(heard.drops)}
        return Source(**about, age=age, beat=beat, blind=closed or silent)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI 3)."""
        if scope["type"] != "http":
            return
        heard = self._strangers
        try:
            client, reading, heard = self._admitted(scope)
            message = Posted(client, _headers(scope), await _body(scope, receive), self._clock.now())
            told = reading(message)
            await self._stored(told, heard)
        except Refused as refusal:
            heard.drop(refusal.reason)
            log.info("webhook.refused", client=scope.get("client"), reason=refusal.reason, text=str(refusal))
            await _say(send, refusal.status, {"error": str(refusal)})
        else:
            heard.last = self._clock.monotonic()
            await _say(send, HTTPStatus.OK, {"stored": len(told)})

    def _admitted(self, scope: Scope) -> tuple[str, Reading, _Heard]:
        """Who it is and what reads it; raises Refused before a single octet of the body is taken."""
        source = str((scope.get("client") or ("unknown", 0))[0])
        if not self._rates.admits(source, bool(self._settings.networks), self._clock.monotonic()):
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "rate", "too many requests; come again a little later")
        path = str(scope["path"]).rstrip("/")
        proven = self._proven.get(path)
        if proven is not None and proven.networks.admits(source):
            _posted(scope)
            return proven.client, proven.reading, self._told[proven.client]
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        client = self._tokens.client(given[0]) if len(given) == 1 else None
        if client is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "token", "no valid bearer token; see webhook.clients in toban.yaml")
        reading = self._routes.get(path)
        if reading is None:
            known = ", ".join(sorted(self._routes))
            raise Refused(HTTPStatus.NOT_FOUND, "path", f"there is nothing at this path; post to {known}")
        _posted(scope)
        return client, reading, self._heard[client]

    async def _stored(self, told: tuple[Told, ...], heard: _Heard) -> None:
        """Store all; raises Refused if one was not: with 503 the sender comes again, and nothing is stored twice."""
        refused: Permanent | None = None
        try:
            async with asyncio.timeout(SLOWEST_STORE), self._storing:
                for one in told:
                    try:
                        await self._publisher.publish(one.event)
                    except Permanent as error:
                        refused = error
                        heard.drop("bus")
                    else:
                        heard.gaps += self._counting.missed(*one.counted) if one.counted is not None else 0
        except (TobanError, OSError, TimeoutError) as error:
            log.warning("webhook.bus.away", error=str(error))
            sentence = "not everything could be stored; post it again, nothing is stored twice"
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "away", sentence) from error
        if refused is not None:
            raise posted.unreadable(f"an event of this message cannot be kept: {refused}") from refused


def _posted(scope: Scope) -> None:
    if scope["method"] != "POST":
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "method", "messages are posted")


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def _body(scope: Scope, receive: Receive) -> bytes:
    """At most 1 MiB within 10 s; raises Refused."""
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    too_large = Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "size", f"a message has at most {posted.LIMIT_BODY} octets; post fewer"
    )
    if not announced.isdigit() or len(announced) > 12 or int(announced) > posted.LIMIT_BODY:
        raise too_large
    taken = bytearray()
    try:
        async with asyncio.timeout(SLOWEST_BODY):
            more = True
            while more:
                part = await receive()
                if part["type"] != "http.request":
                    raise Refused(HTTPStatus.BAD_REQUEST, "broken", "the connection ended before the message did")
                taken += part.get("body", b"")
                more = bool(part.get("more_body", False))
                if len(taken) > posted.LIMIT_BODY:
                    raise too_large
    except TimeoutError as error:
        sentence = "the message did not arrive in time"
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, "slow", sentence) from error
    return bytes(taken)


HINTS: Mapping[HTTPStatus, tuple[bytes, bytes]] = {
    HTTPStatus.UNAUTHORIZED: (b"www-authenticate", b'Bearer realm="toban"'),
    HTTPStatus.TOO_MANY_REQUESTS: (b"retry-after", b"2"),
    HTTPStatus.SERVICE_UNAVAILABLE: (b"retry-after", b"5"),
    HTTPStatus.METHOD_NOT_ALLOWED: (b"allow", b"POST"),
}


async def _say(send: Send, status: HTTPStatus, words: Mapping[str, object]) -> None:
    body = orjson.dumps(words)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status in HINTS:
        headers.append(HINTS[status])
    if status is not HTTPStatus.OK:
        headers.append((b"connection", b"close"))  # what is left of its body is not read
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})
