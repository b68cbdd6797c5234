"""Follows decisions and runs, and puts what the site wants to be told about them into the outbox."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from pydantic import ValidationError

from actuators.notify import reporting
from engine.bus import outbox, subjects
from engine.bus.port import Bus, Delivery, Record
from engine.model.decision import DecisionRecord
from engine.model.errors import Transient
from engine.model.notice import Moment, Notice
from engine.model.run import Phase, RunPlan, entries_of

log = structlog.get_logger()
REST = 5.0
Note = Callable[[Record], Awaitable[Notice | None]]


class Reporter:
    """Reads DECISIONS and RUNS under durable names: every beginning and end is told once, also after a crash."""

    def __init__(self, bus: Bus, wanted: frozenset[Moment]) -> None:
        """`wanted`: the moments that any report of the site names."""
        self._bus, self._wanted = bus, wanted

    async def run(self) -> None:
        """Follow until cancelled; what nobody wants is not read."""
        async with asyncio.TaskGroup() as group:
            if Moment.DETECTION in self._wanted:
                group.create_task(self._follow("notifier-decisions", subjects.ALL_DECISIONS, _decided), name="decided")
            if self._wanted & {Moment.START, Moment.END}:
                group.create_task(self._follow("notifier-runs", subjects.ALL_RUNS, self._went), name="went")

    async def _follow(self, durable: str, subject: str, note: Note) -> None:
        async with self._bus.subscription(durable, subject) as subscription:
            while True:
                for delivery in await subscription.fetch(64, REST):
                    await self._one(delivery, note)

    async def _one(self, delivery: Delivery, note: Note) -> None:
        try:
            notice = await note(delivery.record)
            if notice is not None and notice.moment in self._wanted:
                await outbox.put(self._bus, notice)
        except ValidationError as error:
            log.warning("report.unreadable", subject=delivery.record.subject, error=str(error)[:200])
        except Transient as error:
            log.warning("report.later", subject=delivery.record.subject, error=str(error))
            await delivery.nak(REST)
            return
        await delivery.ack()

    async def _went(self, record: Record) -> Notice | None:
        told = [one for one in entries_of(record.body) if one.phase in (Phase.PLANNED, Phase.ENDED)]
        if not told:  # a beginning and an end are never stored together: between them lies a step
            return None
        return reporting.of_entry(told[-1], told[-1].plan or await self._plan(record.subject))

    async def _plan(self, subject: str) -> RunPlan | None:
        async for record in self._bus.replay(subject):
            for entry in entries_of(record.body):
                if entry.plan is not None:
                    return entry.plan
        return None


async def _decided(record: Record) -> Notice | None:
    return reporting.of_decision(DecisionRecord.model_validate_json(record.body).decision)
