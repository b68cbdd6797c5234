"""Reading from JetStream: replay to the present, follow without end, durable subscriptions."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

from engine.bus import codec, subjects
from engine.bus.cancelling import Answer, kept
from engine.bus.port import Delivery, Record, Subscription
from engine.clock import Clock
from engine.model.errors import ConfigurationError, Transient

log = structlog.get_logger()

BATCH = 256
LINGER = 0.005
"""Seconds to gather more once the first message is there (hazard 5: a large pull would wait for its whole time-out)."""
NONCE = "Toban-Nonce"


def record_of(message: Msg) -> Record:
    """A delivered message as a record."""
    nonce = message.headers.get(NONCE) if message.headers else None
    meta = message.metadata
    stored = meta.timestamp if meta.timestamp.tzinfo else meta.timestamp.replace(tzinfo=UTC)
    return Record(message.subject, meta.sequence.stream, message.data, stored, nonce)


Bury = Callable[[Record, str], Awaitable[None]]
"""Keeps a dead letter; once per record."""


class JetDelivery:
    """One message to work on."""

    def __init__(self, message: Msg, bury: Bury) -> None:
        """A message of a durable subscription."""
        self._message, self._bury = message, bury
        self.record = record_of(message)
        self.delivered = message.metadata.num_delivered or 1

    async def ack(self) -> None:
        """Done. A lost ack only means that the message comes again."""
        await _said(self._message.ack())

    async def nak(self, delay: float) -> None:
        """Again after `delay` seconds."""
        await _said(self._message.nak(delay=delay))

    async def term(self, reason: str) -> None:
        """Never again."""
        await _said(self._bury(self.record, reason))
        await _said(self._message.term())

    async def in_progress(self) -> None:
        """The wait begins anew."""
        await _said(self._message.in_progress())


class JetSubscription:
    """A durable pull reader."""

    def __init__(self, pull: JetStreamContext.PullSubscription, bury: Bury, max_deliver: int) -> None:
        """Made by `Reader.subscription`. The broker may hand out once more than asked: that one is buried."""
        self._pull, self._bury, self._max_deliver = pull, bury, max_deliver
        self._empty = 0

    async def fetch(self, limit: int, timeout: float) -> list[Delivery]:
        """As soon as there is one; an endless silence is checked against the consumer (hazard 4)."""
        messages = await _pull(self._pull, limit, timeout)
        self._empty = 0 if messages else self._empty + 1
        if self._empty >= 100:
            self._empty = 0
            try:
                await kept(self._pull.consumer_info())
            except (NatsError, TimeoutError) as error:
                msg = f"the durable reader is gone from the broker ({type(error).__name__}); start Toban again"
                raise Transient(msg) from error
        deliveries: list[Delivery] = []
        for message in messages:
            delivery = JetDelivery(message, self._bury)
            if delivery.delivered > self._max_deliver:
                await delivery.term(f"not done after {self._max_deliver} deliveries")
            else:
                deliveries.append(delivery)
        return deliveries


class Reader:
    """Makes consumers. Ephemeral ones end with their iterator."""

    def __init__(self, js: JetStreamContext, clock: Clock) -> None:
        """Over one connection."""
        self._js, self._clock = js, clock

    async def replay(
        self, subject: str, *, since: datetime | None = None, last_per_subject: bool = False
    ) -> AsyncIterator[Record]:
        """All that is stored at the call."""
        policy = DeliverPolicy.LAST_PER_SUBJECT if last_per_subject else DeliverPolicy.ALL
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_TIME if since is not None else policy,
            opt_start_time=since,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=60.0,
            mem_storage=True,
        )
        pull = await self._ephemeral(subject, config)
        try:
            left = (await _said(kept(pull.consumer_info()))).num_pending or 0
            silent = 0
            while left > 0:
                messages = await _pull(pull, min(BATCH, left), 2.0)
                silent = 0 if messages else silent + 1
                if silent > 5:
                    msg = f"the broker stopped in the middle of a replay of {subject}"
                    raise Transient(msg)
                for message in messages:
                    left -= 1
                    yield record_of(message)
        finally:
            await _end(pull)

    async def follow(self, subject: str, *, from_start: bool = False) -> AsyncGenerator[Record, None]:
        """Without end."""
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.ALL if from_start else DeliverPolicy.NEW,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=300.0,
        )
        pull = await self._ephemeral(subject, config)
        try:
            while True:
                for message in await _pull(pull, BATCH, 1.0):
                    yield record_of(message)
        finally:
            await _end(pull)

    async def _ephemeral(self, subject: str, config: ConsumerConfig) -> JetStreamContext.PullSubscription:
        stream = subjects.stream_of(subject).name
        try:
            return await kept(self._js.pull_subscribe(subject, stream=stream, config=config))
        except (NatsError, TimeoutError) as error:
            msg = f"the broker does not let us read {stream}: {str(error)[:200]}"
            raise Transient(msg) from error

    @asynccontextmanager
    async def subscription(
        self, durable: str, subject: str, *, ack_wait: float = 30.0, max_deliver: int = 8
    ) -> AsyncIterator[Subscription]:
        """The durable reader; an existing one in another form is refused, since the broker would ignore ours."""
        stream = subjects.stream_of(subject).name
        wanted = ConsumerConfig(
            durable_name=durable,
            filter_subject=subject,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ack_wait,
            max_deliver=max_deliver + 1,
            max_ack_pending=1024,
        )
        try:
            await self._check(stream, durable, wanted)
            pull = await kept(self._js.pull_subscribe(subject, durable=durable, stream=stream, config=wanted))
        except (NatsError, TimeoutError) as error:
            msg = f"the durable reader {durable} cannot be used: {str(error)[:200]}"
            raise Transient(msg) from error
        try:
            yield JetSubscription(pull, self._bury_letter, max_deliver)
        finally:
            await _end(pull)

    async def _bury_letter(self, record: Record, story: str) -> None:
        log.warning("bus.dead_letter", subject=record.subject, sequence=record.sequence, story=story[:200])
        subject = subjects.dead(subjects.stream_of(record.subject).name, record.sequence)
        headers = {"Nats-Msg-Id": subject}
        await kept(self._js.publish(subject, codec.letter(record, story), headers=headers, timeout=10.0))

    async def _check(self, stream: str, durable: str, wanted: ConsumerConfig) -> None:
        try:
            found = (await kept(self._js.consumer_info(stream, durable))).config
        except NotFoundError:
            return
        for name in ("filter_subject", "ack_policy", "ack_wait", "max_deliver"):
            if getattr(found, name) != getattr(wanted, name):
                msg = (
                    f"the durable reader {durable} exists with {name} = {getattr(found, name)}, "
                    f"Toban needs {getattr(wanted, name)}; delete it on the broker, then start again"
                )
                raise ConfigurationError(msg)


async def _pull(pull: JetStreamContext.PullSubscription, limit: int, timeout: float) -> list[Msg]:
    return await kept(_pulled(pull, limit, timeout))


async def _pulled(pull: JetStreamContext.PullSubscription, limit: int, timeout: float) -> list[Msg]:
    messages: list[Msg] = []
    try:
        messages += await pull.fetch(1, timeout=timeout)
        if limit > 1:
            messages += await pull.fetch(limit - 1, timeout=LINGER)
    except (NatsTimeoutError, TimeoutError):
        return messages
    except APIError as error:
        if messages:
            return messages
        msg = f"the durable reader does not answer ({str(error)[:200]})"
        raise Transient(msg) from error
    except NatsError as error:
        raise _away(error) from error
    return messages


async def _said(word: Awaitable[Answer]) -> Answer:
    """What the broker answers to a word of ours; raises Transient where it does not hear it."""
    try:
        return await word
    except (NatsError, TimeoutError) as error:
        raise _away(error) from error


def _away(error: Exception) -> Transient:
    return Transient(f"the broker is away ({type(error).__name__})")


async def _end(pull: JetStreamContext.PullSubscription) -> None:
    try:
        await pull.unsubscribe()
    except (NatsError, TimeoutError) as error:
        log.debug("bus.unsubscribe_failed", error=type(error).__name__)
