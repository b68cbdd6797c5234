"""Many events at once: a batch that the broker stores whole or not at all, and flushes to disk once before its answer.

Needs `allow_atomic` on the stream (nats-server 2.12 and later). A batch is only the quick way: whoever gets no certain
answer publishes the events one by one, which is safe because each is stored once per id.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from engine.bus.cancelling import kept

log = structlog.get_logger()

WORTH = 8
"""Fewer are published one by one: a batch costs the broker some files of its own."""
MOST = 1000
"""Messages in a batch; the broker takes no more."""
OCTETS = 1536 * 1024
"""Bodies in a batch; the client holds back at most 2 MiB while it is not connected."""


class Message(NamedTuple):
    """One message on its way into a stream."""

    subject: str
    body: bytes
    id: str
    stream: str


def portions(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """The same messages in the same order, cut where a batch would be too large or hold an id twice, or two streams."""
    portion: list[Message] = []
    ids: set[str] = set()
    size = 0
    for one in messages:
        full = len(portion) >= MOST or size + len(one.body) > OCTETS
        if portion and (full or one.id in ids or one.stream != portion[0].stream):
            yield portion
            portion, ids, size = [], set(), 0
        portion.append(one)
        ids.add(one.id)
        size += len(one.body)
    if portion:
        yield portion


class Batches:
    """Commits batches over one connection."""

    def __init__(self, client: Client) -> None:
        """Batches are numbered within the connection."""
        self._client, self._numbers = client, itertools.count()

    async def stored(self, messages: Sequence[Message], timeout: float) -> bool:
        """Whether all of a portion are durable now. No: nobody knows; the broker is in trouble or has one of them."""
        batch = f"{self._client.client_id or 0}-{next(self._numbers)}"
        try:
            for number, one in enumerate(messages[:-1], start=1):
                await self._client.publish(one.subject, one.body, headers=_headers(batch, number, one))
            last = messages[-1]
            headers = {**_headers(batch, len(messages), last), "Nats-Batch-Commit": "1"}
            answer = await kept(self._client.request(last.subject, last.body, timeout=timeout, headers=headers))
            told = json.loads(answer.data)
        except (NatsError, TimeoutError, OSError, ValueError) as error:
            log.info("bus.batch.unknown", messages=len(messages), error=f"{type(error).__name__}: {error}"[:256])
            return False
        whole = isinstance(told, dict) and told.get("batch") == batch and told.get("count") == len(messages)
        if not whole:
            log.info("bus.batch.refused", messages=len(messages), answer=str(told)[:256])
        return whole


def _headers(batch: str, number: int, message: Message) -> dict[str, str]:
    return {
        "Nats-Batch-Id": batch,
        "Nats-Batch-Sequence": str(number),
        "Nats-Expected-Stream": message.stream,
        "Nats-Msg-Id": message.id,
    }
