"""The bus on NATS JetStream. The answers to nats-py's hazards (messaging.md 4) are marked by their numbers there."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from engine.bus import codec, subjects
from engine.bus.cancelling import kept
from engine.bus.jetstream_batching import WORTH, Batches, Message, portions
from engine.bus.jetstream_reading import Reader
from engine.bus.jetstream_streams import BATCHED, ensure_streams
from engine.bus.port import Health, KvEntry, Record, Stored, Subscription
from engine.clock import Clock
from engine.model import ids
from engine.model.errors import ConfigurationError, Conflict, Permanent, Transient
from engine.model.event import Event

log = structlog.get_logger()

PUBLISH_TIMEOUT = 10.0
PUBLISH_DEADLINE = 60.0
WRONG_LAST = frozenset({10071, 10164})
STREAM_FULL = 10077
NONCE = "Toban-Nonce"


@asynccontextmanager
async def connect(
    url: str,
    *,
    clock: Clock,
    name: str,
    user: str | None = None,
    password: str | None = None,
    ca_file: str | None = None,
) -> AsyncIterator["JetStreamBus"]:
    """A connected bus with all streams in place; what was sent is flushed at the end.

    Raises `ConfigurationError` where the broker refuses us or cannot be reached within 10 s.
    """
    client, context, contact = Client(), _trusting(ca_file), Contact()
    try:
        async with asyncio.timeout(15):
            await client.connect(
                url,
                name=name,
                user=user,
                password=password,
                tls=context,
                allow_reconnect=True,
                max_reconnect_attempts=3,
                connect_timeout=5,
                reconnect_time_wait=1,
                ping_interval=10,
                max_outstanding_pings=2,
                inbox_prefix=f"_INBOX_{subjects.token(name)}".encode(),
                error_cb=contact.error,
                disconnected_cb=contact.disconnected,
                reconnected_cb=contact.reconnected,
            )
    except (NatsError, OSError, TimeoutError) as error:
        why = "refused the login" if "auth" in str(error).lower() else "cannot be reached"
        msg = f"the broker {url} {why} ({type(error).__name__}); check that it runs, and bus.url, user and password"
        raise ConfigurationError(msg) from error
    client.options["max_reconnect_attempts"] = -1  # hazard 3: only the first connect may give up
    try:
        js = client.jetstream(timeout=PUBLISH_TIMEOUT)
        await ensure_streams(js)
        yield JetStreamBus(client, js, clock)
    finally:
        try:
            if client.is_connected:  # hazard 10; draining would wait for messages that nobody reads any more
                async with asyncio.timeout(5):
                    await client.flush()
        except (NatsError, OSError, TimeoutError) as error:
            log.warning("bus.flush_failed", error=type(error).__name__)
        # where the broker is gone there is nothing left to flush to, and the event loop says so in its own way
        with contextlib.suppress(NatsError, OSError, RuntimeError):
            await client.close()


def _trusting(ca_file: str | None) -> ssl.SSLContext | None:
    try:
        return ssl.create_default_context(cafile=ca_file) if ca_file else None
    except (OSError, ssl.SSLError) as error:
        msg = f"cannot read the certificate authority {ca_file} of the broker; check bus.ca_file"
        raise ConfigurationError(msg) from error


class Contact:
    """What becomes of the connection: told, never raised, which would end reconnecting for ever (hazard 1).

    Of an outage the 1st, 2nd, 4th, 8th ... error is told: hours without a broker are no hours of lines.
    """

    def __init__(self) -> None:
        """All is well."""
        self._errors = 0

    async def error(self, error: Exception) -> None:
        """The client reports an error; while the broker is away, one each second."""
        self._errors += 1
        if self._errors & (self._errors - 1) == 0:
            log.warning("bus.error", error=f"{type(error).__name__}: {error}"[:256], count=self._errors)

    async def disconnected(self) -> None:
        """The connection is gone."""
        log.warning("bus.disconnected")

    async def reconnected(self) -> None:
        """It is there again."""
        log.info("bus.reconnected", errors=self._errors)
        self._errors = 0


class JetStreamBus:
    """Keeps the promises of `engine.bus.port.Bus`."""

    def __init__(self, client: Client, js: JetStreamContext, clock: Clock) -> None:
        """Use `connect`."""
        self._client, self._js, self._clock = client, js, clock
        self._reader = Reader(js, clock)
        self._batches = Batches(client)

    async def publish(self, event: Event) -> Stored:
        """A time-out means unknown: the same id is published again until it is known or 60 s are over."""
        return await self._publish(_message(event))

    async def publish_all(self, events: Sequence[Event]) -> None:
        """In batches where that is worth while (`jetstream_batching`), else in order per subject, side by side."""
        for portion in portions([_message(one) for one in events]):
            quick = len(portion) >= WORTH and portion[0].stream in BATCHED
            if quick and await self._batches.stored(portion, PUBLISH_TIMEOUT):
                continue
            lanes: dict[str, list[Message]] = {}
            for one in portion:
                lanes.setdefault(one.subject, []).append(one)
            await self._side_by_side(lanes.values())

    async def _side_by_side(self, lanes: Iterable[Sequence[Message]]) -> None:
        failed: list[Transient | Permanent] = []

        async def along(lane: Sequence[Message]) -> None:
            try:
                for one in lane:
                    await self._publish(one)
            except (Transient, Permanent) as error:
                failed.append(error)

        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(along(lane), name="bus.publish")
        if failed:
            raise failed[0]

    async def _publish(self, message: Message) -> Stored:
        until = self._clock.monotonic() + PUBLISH_DEADLINE
        while True:
            try:
                ack = await kept(
                    self._js.publish(
                        message.subject,
                        message.body,
                        timeout=PUBLISH_TIMEOUT,
                        stream=message.stream,
                        headers={"Nats-Msg-Id": message.id},
                    )
                )
            except APIError as error:
                if error.err_code == STREAM_FULL:
                    msg = f"the stream {message.stream} is full; free space or raise its max_bytes"
                    raise Transient(msg, retry_after=5) from error
                if self._clock.monotonic() >= until:
                    raise _told(error, "publishing") from error
            except (NatsError, TimeoutError, OSError) as error:
                if self._clock.monotonic() >= until:
                    raise _told(error, "publishing") from error
            else:
                return Stored(message.stream, ack.seq, bool(ack.duplicate))
            await self._clock.sleep(0.5)

    async def append(self, subject: str, body: bytes, *, expected: int, nonce: str) -> int:
        """Compare-and-set; a write of ours whose answer was lost is recognised by its nonce (messaging.md 5.2)."""
        return await self._append(subject, body, expected, nonce, None)

    async def _append(self, subject: str, body: bytes, expected: int, nonce: str, life: float | None) -> int:
        headers = {"Nats-Expected-Last-Subject-Sequence": str(expected), NONCE: nonce}
        if life is not None:
            headers["Nats-TTL"] = str(max(1, round(life)))
        until = self._clock.monotonic() + PUBLISH_DEADLINE
        stream = subjects.stream_of(subject).name
        while True:
            try:
                ack = await kept(
                    self._js.publish(subject, body, timeout=PUBLISH_TIMEOUT, stream=stream, headers=headers)
                )
            except APIError as error:
                if error.err_code in WRONG_LAST:
                    return await self._whose(subject, nonce)
                if error.err_code == STREAM_FULL:
                    msg = f"the stream {stream} is full; free space or raise its max_bytes"
                    raise Transient(msg, retry_after=5) from error
                if self._clock.monotonic() >= until:
                    raise _told(error, "appending") from error
            except (NatsError, TimeoutError, OSError) as error:
                if self._clock.monotonic() >= until:
                    raise _told(error, "appending") from error
            else:
                return ack.seq
            await self._clock.sleep(0.5)

    async def _whose(self, subject: str, nonce: str) -> int:
        stored = await self.last(subject)
        if stored is not None and stored.nonce == nonce:
            return stored.sequence
        msg = f"somebody else wrote {subject} first"
        raise Conflict(msg)

    async def last(self, subject: str) -> Record | None:
        """From the stream's leader, never from a stale replica."""
        try:
            found = await kept(self._js.get_msg(subjects.stream_of(subject).name, subject=subject))
        except NotFoundError:
            return None
        except (NatsError, TimeoutError, OSError) as error:
            raise _told(error, "reading") from error
        if found.seq is None or found.time is None:
            msg = f"the broker answered without a position for {subject}"
            raise Permanent(msg)
        nonce = (found.headers or {}).get(NONCE)
        return Record(subject, found.seq, found.data or b"", found.time, nonce)

    def replay(
        self, subject: str, *, since: datetime | None = None, last_per_subject: bool = False
    ) -> AsyncIterator[Record]:
        """All that is stored now and fits."""
        return self._reader.replay(subject, since=since, last_per_subject=last_per_subject)

    def follow(self, subject: str, *, from_start: bool = False) -> AsyncGenerator[Record, None]:
        """What is stored from now on, without end."""
        return self._reader.follow(subject, from_start=from_start)

    def subscription(
        self, durable: str, subject: str, *, ack_wait: float = 30.0, max_deliver: int = 8
    ) -> AbstractAsyncContextManager[Subscription]:
        """The durable reader of that name."""
        return self._reader.subscription(durable, subject, ack_wait=ack_wait, max_deliver=max_deliver)

    async def get(self, bucket: str, key: str) -> KvEntry | None:
        """Read from the leader each time; a watch may be late or gone (hazard 8)."""
        found = await self.last(subjects.key(bucket, key))
        return KvEntry(found.body, found.sequence, found.stored_at) if found else None

    async def put(self, bucket: str, key: str, value: bytes) -> int:
        """Last write wins."""
        subject = subjects.key(bucket, key)
        try:
            ack = await kept(self._js.publish(subject, value, timeout=PUBLISH_TIMEOUT))
        except (NatsError, TimeoutError, OSError) as error:
            raise _told(error, "writing") from error
        return ack.seq

    async def swap(self, bucket: str, key: str, value: bytes, *, expected: int, life: float | None = None) -> int:
        """By raw publish: the client's own bucket class has no life on updates (hazard 9)."""
        nonce = ids.content_hash([key, expected, value])
        return await self._append(subjects.key(bucket, key), value, expected, nonce, life)

    async def health(self) -> Health:
        """One round trip to the broker."""
        if not self._client.is_connected:
            return Health(connected=False, detail="not connected to the broker")
        try:
            info = await kept(self._js.account_info())
        except (NatsError, TimeoutError, OSError) as error:
            return Health(connected=False, detail=f"the broker does not answer ({type(error).__name__})")
        return Health(connected=True, detail=f"{info.streams} streams, {info.storage} bytes")


def _message(event: Event) -> Message:
    subject = subjects.for_event(event)
    return Message(subject, codec.encode(event), event.id, subjects.stream_of(subject).name)


def _told(error: Exception, doing: str) -> Transient:
    detail = str(error)[:200] or type(error).__name__
    return Transient(f"{doing} on the bus failed, the outcome is unknown: {detail}", retry_after=2)
