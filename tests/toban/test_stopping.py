"""Stopping has a deadline: who is late is named and told again."""

import asyncio
import os
import signal

from structlog.testing import capture_logs

from toban.cli import serve


def test_a_task_that_lost_its_cancellation_is_told_again(monkeypatch) -> None:
    monkeypatch.setattr(serve, "LATE", 0.05)
    lost: list[str] = []

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.append("once")
        await asyncio.Event().wait()

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(deaf(), name="deaf")
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()

    with capture_logs() as told:
        asyncio.run(serve._until_signalled(work()))
    assert lost == ["once"]
    assert {"event": "toban.stop.late", "tasks": ["deaf"], "log_level": "warning"} in told
