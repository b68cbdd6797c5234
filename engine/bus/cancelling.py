"""Calls of the client library that do not lose a cancellation.

nats-py waits with `asyncio.wait_for`, which in Python 3.11 swallows a cancellation that comes in the moment in which
the answer does: the caller goes on as if nobody had cancelled it, and what waits for its end waits for ever.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Answer = TypeVar("Answer")


async def kept(call: Awaitable[Answer]) -> Answer:
    """Await a call; if the task was cancelled meanwhile and nobody told us, it is cancelled now."""
    answer = await call
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    return answer
