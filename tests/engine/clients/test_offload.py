"""Blocking calls have a deadline, a bounded number of threads, and never keep the process from ending."""

import asyncio
import threading
import time

import pytest

from engine.clients.offload import Offload
from engine.model.errors import Transient


def test_a_result_and_an_error_pass_through():
    async def go():
        offload = Offload("test", threads=1)
        assert await offload.call(lambda: 42, deadline=5) == 42
        with pytest.raises(ZeroDivisionError):
            await offload.call(lambda: 1 / 0, deadline=5)

    asyncio.run(go())


def test_a_late_call_is_given_up_counted_and_its_thread_comes_back():
    release = threading.Event()

    async def go():
        offload = Offload("test", threads=1)
        with pytest.raises(Transient, match="no answer within 0 s"):
            await offload.call(release.wait, deadline=0.05)
        assert offload.abandoned == 1
        with pytest.raises(Transient):  # the only thread still hangs
            await offload.call(lambda: 1, deadline=0.05)
        release.set()
        assert await offload.call(lambda: 2, deadline=5) == 2

    asyncio.run(go())


def test_a_time_out_of_the_work_itself_is_the_works_own():
    def own():
        raise TimeoutError("mine")

    async def go():
        with pytest.raises(TimeoutError, match="mine"):
            await Offload("test", threads=1).call(own, deadline=5)

    asyncio.run(go())


def test_a_cancelled_caller_leaves_at_once():
    async def go():
        offload = Offload("test", threads=1)
        task = asyncio.get_running_loop().create_task(offload.call(lambda: time.sleep(1), deadline=30))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert offload.abandoned == 1

    asyncio.run(go())
