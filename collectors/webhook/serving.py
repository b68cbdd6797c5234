"""The HTTP server below the intake: uvicorn, bounded in time, connections and octets; strangers are hung up on."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from collectors.snmp.admitting import Sources
from engine.model.errors import ConfigurationError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SLOWEST_HEAD = 10.0
"""Seconds from the first octet of a connection until its first request line and headers are there."""
IDLE = 65
"""Seconds that an idle connection is kept: longer than most senders' own bound, so that they close it."""
LARGEST_HEAD = 16 * 1024
CONNECTIONS = 128
GRACE = 2
"""Seconds for requests that are under way when the process stops."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the server proves itself by."""

    chain: Path
    key: Path


class Protocol(H11Protocol):
    """One connection: from an allowed network only, and closed if its head is slow in coming."""

    sources = Sources(())

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """As the library makes it."""
        super().__init__(config, server_state, app_state, _loop)
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # the library's own
        """Look who it is before anything is read."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        if not peer or not self.sources.admits(str(peer[0])):
            transport.abort()
            return
        self._head = self.loop.call_later(SLOWEST_HEAD, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits for its head any more."""
        if self._head is not None:
            self._head.cancel()
        super().connection_lost(exc)

    def _late(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.abort()


class Server(uvicorn.Server):
    """Stops when its task is cancelled; signals belong to the process, not to it."""

    beat: Callable[[], None] = staticmethod(lambda: None)
    """Called while it is at work."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield

    async def until_cancelled(self, bound_socket: socket.socket, ready: asyncio.Event) -> None:
        """Serve; `ready` is set once requests are answered."""
        self._ready = ready
        try:
            await self.serve([bound_socket])
        finally:
            if self.started:
                await self.shutdown([bound_socket])

    async def on_tick(self, counter: int) -> bool:
        """The library's own heartbeat, ten times a second."""
        self.beat()
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and say so."""
        await super().startup(sockets)
        self._ready.set()


def server(application: Application, networks: tuple[str, ...], certificate: Certificate | None) -> Server:
    """A server that is not started; raises ConfigurationError for a network or certificate that cannot be used."""
    protocol = type("AdmittingProtocol", (Protocol,), {"sources": Sources(networks)})
    config = Config(
        application,
        http=protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=GRACE,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        ssl_certfile=str(certificate.chain) if certificate is not None else None,
        ssl_keyfile=str(certificate.key) if certificate is not None else None,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"the certificate {certificate.chain if certificate else ''} or its key cannot be used ({error}); "
            "give a PEM chain and its unencrypted key"
        ) from error
    return Server(config)


def bound(bind: str, port: int) -> socket.socket:
    """A listening socket; raises ConfigurationError with a sentence that says what to do."""
    opened = socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setblocking(False)
    try:
        opened.bind((bind, port))
    except OSError as error:
        opened.close()
        raise ConfigurationError(
            f"TCP {bind} port {port} for the webhook cannot be opened ({error.strerror or error}): "
            "set webhook.bind to a free port of this machine (ss -ltnp names who has it)"
        ) from error
    return opened
