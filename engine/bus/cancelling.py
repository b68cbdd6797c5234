"""Calls of the client library that do not lose a cancellation.

nats-py waits with `asyncio.wait_for`, which in Python 3.11 swallows a cancellation that comes in the moment in which
the answer does: the caller goes on as if nobody had cancelled it, and what waits for its end waits for ever.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Answer = TypeVar("Answer")


async def kept(call: Awaitable[Answer]) -> Answer:
    """Await a call; if the task was cancelled meanwhile and nobody told us, it is cancelled now.

    Only what came during the call counts: in Python 3.11 a task whose TaskGroup failed counts as cancelled for good.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        return await call
    finally:  # also where the answer that came in that moment was an error
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError
