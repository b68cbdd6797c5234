"""A reader that is cancelled ends, also where the client library loses the cancellation."""

import asyncio
from typing import Any, cast

from engine.bus.cancelling import kept
from engine.bus.jetstream_reading import JetSubscription
from engine.bus.port import Record


class Losing:
    """A pull that answers a cancellation as if its time were over, as `wait_for` of Python 3.11 does in a race."""

    async def fetch(self, batch: int, timeout: float) -> list[object]:
        try:
            await asyncio.sleep(timeout)
        except asyncio.CancelledError:
            return []
        return []


async def _never(record: Record, story: str) -> None:
    raise AssertionError(record, story)


def test_a_lost_cancellation_is_found_again() -> None:
    async def story() -> int:
        subscription = JetSubscription(cast("Any", Losing()), _never, 8)
        rounds = 0

        async def read() -> None:
            nonlocal rounds
            while rounds < 3:
                await subscription.fetch(1, 60.0)
                rounds += 1

        async with asyncio.TaskGroup() as group:
            reading = group.create_task(read())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            reading.cancel()
        return rounds

    assert asyncio.run(story()) == 0


def test_a_task_whose_group_failed_still_hears_the_answers_to_its_later_calls() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    async def answers() -> str:
        await asyncio.sleep(0)
        return "heard"

    async def story() -> str:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
        except* ZeroDivisionError:
            pass
        return await kept(answers())

    async def go() -> str:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(story())
        return "lost" if task.cancelled() else task.result()

    assert asyncio.run(go()) == "heard"
