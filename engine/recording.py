"""Decisions in their stream: stored once per match and revision, and read back."""

from collections.abc import AsyncIterator
from datetime import datetime

import structlog
from pydantic import ValidationError

from engine.bus import subjects
from engine.bus.port import Bus
from engine.model import ids
from engine.model.decision import Decision, DecisionRecord
from engine.model.errors import Conflict, Permanent

log = structlog.get_logger()


class Recorder:
    """Writes DECISIONS; reads them and how runs stand."""

    def __init__(self, bus: Bus) -> None:
        """Any bus."""
        self._bus = bus

    async def store(self, decision: Decision) -> Decision:
        """The decision as it is stored: if an earlier life was first, its word stands. Raises `TobanError`."""
        body = DecisionRecord(decision=decision).model_dump_json().encode()
        subject = subjects.decision(decision.match, decision.revision)
        try:
            await self._bus.append(subject, body, expected=0, nonce=ids.content_hash([subject, body]))
        except Conflict:
            found = await self._bus.last(subject)
            if found is None:
                raise
            try:
                return DecisionRecord.model_validate_json(found.body).decision
            except ValidationError as error:
                msg = f"the stored decision {subject} cannot be read; a person has to look at it"
                raise Permanent(msg) from error
        return decision

    async def since(self, moment: datetime) -> AsyncIterator[Decision]:
        """Decisions stored since then, oldest first; one that cannot be read is logged and left out."""
        async for record in self._bus.replay(subjects.ALL_DECISIONS, since=moment):
            try:
                yield DecisionRecord.model_validate_json(record.body).decision
            except ValidationError as error:
                log.warning("decision.unreadable", sequence=record.sequence, error=str(error)[:200])

    async def ended_runs(self) -> AsyncIterator[str]:
        """Runs that have ended."""
        async for record in self._bus.replay(subjects.ALL_RUNS, last_per_subject=True):
            if b'"phase":"ended"' in record.body:
                yield record.subject.partition(".")[2]
