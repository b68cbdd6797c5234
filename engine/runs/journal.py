"""The journal on the bus: one subject per run, appended by compare-and-set (messaging.md 5.3)."""

import structlog
from pydantic import ValidationError

from engine.bus import subjects
from engine.bus.port import Bus
from engine.model import ids
from engine.model.errors import Permanent
from engine.model.run import Entry, Phase, entries_of

log = structlog.get_logger()


class BusJournal:
    """Run ledgers in the RUNS stream."""

    def __init__(self, bus: Bus) -> None:
        """Any bus that keeps its promises."""
        self._bus = bus

    async def read(self, run: str) -> tuple[tuple[Entry, ...], int]:
        """All records of a run, and the position of the last one. Raises `Permanent` on a record that is damaged."""
        entries: list[Entry] = []
        position = 0
        async for record in self._bus.replay(subjects.run(run)):
            for entry in _parse(record.body, run):
                expected = ids.content_hash([entries[-1].stored]) if entries else ""
                if entry.previous != expected or entry.number != len(entries) + 1:
                    msg = f"the journal of run {run} is broken at record {entry.number}; a person has to look at it"
                    raise Permanent(msg)
                entries.append(entry)
            position = record.sequence
        return tuple(entries), position

    async def append(self, entries: tuple[Entry, ...], position: int) -> int:
        """Store after `position`, as one message: all of them or none."""
        first, body = entries[0], b"\n".join(entry.stored.encode() for entry in entries)
        nonce = ids.content_hash([first.run, first.number, body.decode()])
        return await self._bus.append(subjects.run(first.run), body, expected=position, nonce=nonce)

    async def unfinished(self) -> tuple[str, ...]:
        """Runs that were begun and not ended, oldest first, and those whose end cannot be read.

        Whoever resumes one of the latter is told what is wrong with it; the others are resumed all the same.
        """
        found: list[str] = []
        async for record in self._bus.replay(subjects.ALL_RUNS, last_per_subject=True):
            try:
                ended = _parse(record.body, record.subject)[-1].phase is Phase.ENDED
            except Permanent as error:
                log.warning("journal.unreadable", error=str(error))
                ended = False
            if not ended:
                found.append(subjects.run_of(record.subject))
        return tuple(found)


def _parse(body: bytes, where: str) -> tuple[Entry, ...]:
    try:
        found = entries_of(body)
    except ValidationError as error:
        msg = f"a record of {where} is not a journal entry; a person has to look at it"
        raise Permanent(msg) from error
    if not found:
        msg = f"a record of {where} is empty; a person has to look at it"
        raise Permanent(msg)
    return found
