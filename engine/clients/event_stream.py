"""Server-sent events (WHATWG HTML, section 9.2) over verified TLS, read by h11; one task a stream, no thread."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h11

from engine.clients.redfish import BmcAccount
from engine.model.errors import Permanent, TobanError, Transient

CONNECT = 10.0
SILENCE = 120.0
"""Seconds without an octet after which the line counts as dead; services that are well send comments meanwhile."""
LARGEST = 1024 * 1024
"""Octets of one event, or of an unfinished line."""
PART = 64 * 1024
POSITION = frozenset({400, 404, 409, 410, 412, 416, 422})
"""Statuses that a Last-Event-ID which is not known any more may get."""


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class PositionRefused(Permanent):
    """The service does not know the event after which we want to go on; without a position it may stream."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """One event of a stream."""

    id: str
    """Where to go on after it; empty: the service gives none."""
    data: bytes


@dataclass(slots=True)
class Parser:
    """Octets as they come -> events. Pure; raises Permanent for an event beyond its bound."""

    _rest: bytes = b""
    _data: list[bytes] = field(default_factory=list)
    _size: int = 0
    """Octets of these lines, each with its end: there may be endlessly many that are empty."""
    _id: str = ""

    def feed(self, octets: bytes) -> list[Streamed]:
        """The events that these octets complete."""
        *lines, self._rest = (self._rest + octets).replace(b"\r\n", b"\n").split(b"\n")
        found = [one for line in lines if (one := self._line(line.rstrip(b"\r"))) is not None]
        if len(self._rest) + self._size > LARGEST:
            msg = f"an event of more than {LARGEST} octets was streamed; the line is given up"
            raise Permanent(msg)
        return found

    def _line(self, line: bytes) -> Streamed | None:
        if not line:
            data, self._data, self._size = b"\n".join(self._data), [], 0
            return Streamed(self._id, data) if data else None
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
        elif name == b"id" and b"\0" not in value and len(value) <= 256:
            found = value.decode("utf-8", "replace")
            self._id = found if _may_be_sent(found) else ""
        return None


def _may_be_sent(identity: str) -> bool:
    """Whether it can be sent back in a header as it is; one that cannot is of no use and counts as none."""
    return identity.isascii() and identity.isprintable() and identity == identity.strip()


async def streamed(url: str, account: BmcAccount, last: str = "") -> AsyncGenerator[Streamed, None]:
    """The events of a stream from after `last`, until it ends.

    Raises Transient; Permanent where we are refused, PositionRefused where that may be for the sake of `last`.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    if not account.ca_file.is_file():
        msg = f"cannot read the certificate authority {account.ca_file} for {url}; check ca_file"
        raise Permanent(msg)
    try:
        context = ssl.create_default_context(cafile=str(account.ca_file))
        async with asyncio.timeout(CONNECT):
            reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        msg = f"{url}: its certificate is not trusted; check ca_file and the name"
        raise Permanent(msg) from error
    except (OSError, TimeoutError) as error:
        msg = f"{url} does not answer ({type(error).__name__}); check the management network"
        raise Transient(msg) from error
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        request = _request(target, parts.netloc, account, last if _may_be_sent(last) else "")
        async with contextlib.aclosing(_events(reader, writer, url, request)) as events:
            async for one in events:
                yield one
    except (h11.LocalProtocolError, UnicodeError) as error:
        msg = f"{url!r} is no address that can be asked for; the controller names it as that of its stream"
        raise Permanent(msg) from error
    except _Refused as error:
        raise _refusal(error.status, url, last) from error
    finally:
        writer.transport.abort()  # a controller that hangs answers no farewell either
        with contextlib.suppress(OSError, TimeoutError):  # it is over, however the other side takes it
            async with asyncio.timeout(1.0):
                await writer.wait_closed()


def _request(target: str, host: str, account: BmcAccount, last: str) -> h11.Request:
    login = base64.b64encode(f"{account.user}:{account.password}".encode()).decode()
    headers = [("Host", host), ("Accept", "text/event-stream"), ("Authorization", f"Basic {login}")]
    if last:
        headers.append(("Last-Event-ID", last))
    return h11.Request(method="GET", target=target, headers=headers)


async def _events(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str, request: h11.Request
) -> AsyncGenerator[Streamed, None]:
    line, parser = h11.Connection(h11.CLIENT), Parser()
    writer.write(line.send(request) or b"")
    writer.write(line.send(h11.EndOfMessage()) or b"")
    while True:
        try:
            event = line.next_event()
            if event is h11.NEED_DATA:
                async with asyncio.timeout(SILENCE):
                    line.receive_data(await reader.read(PART))
                continue
        except TimeoutError as error:
            msg = f"{url} has streamed nothing for {SILENCE:.0f} s"
            raise Transient(msg) from error
        except (h11.RemoteProtocolError, OSError) as error:
            msg = f"{url} broke off the stream ({type(error).__name__})"
            raise Transient(msg) from error
        if isinstance(event, h11.Response):
            _welcome(event)
        elif isinstance(event, h11.Data):
            for one in parser.feed(bytes(event.data)):
                yield one
        else:
            return


def _welcome(response: h11.Response) -> None:
    kind = next((value for name, value in response.headers if name == b"content-type"), b"")
    if response.status_code == 200 and kind.startswith(b"text/event-stream"):
        return
    raise _Refused(response.status_code)


def _refusal(status: int, url: str, last: str) -> TobanError:
    if status >= 500:
        return Transient(f"{url} is not ready (status {status})")
    if status in (401, 403):
        return Permanent(f"{url} refused us: wrong user name or password, or no right to events; check the bmc account")
    if last and status in POSITION:
        return PositionRefused(f"{url} does not go on after the event {last!r} (status {status})")
    return Permanent(f"{url} streams no events (status {status})")
