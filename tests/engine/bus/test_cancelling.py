"""A reader that is cancelled ends, also where the client library loses the cancellation."""

import asyncio
import contextlib
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


def test_a_cancellation_that_is_lost_to_an_error_is_found_again_too() -> None:
    async def story() -> list[str]:
        went_on: list[str] = []

        async def refused() -> None:
            with contextlib.suppress(asyncio.CancelledError):  # as `wait_for` does, when the answer is there already
                await asyncio.sleep(60.0)
            raise LookupError

        async def work() -> None:
            try:
                await kept(refused())
            except LookupError:
                went_on.append("as if nobody had cancelled it")

        async with asyncio.TaskGroup() as group:
            working = group.create_task(work())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            working.cancel()
        return went_on

    assert asyncio.run(story()) == []
