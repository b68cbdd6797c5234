"""Records that wait together are stored together, in one chain, and nobody who gives up tears it."""

import asyncio
from datetime import UTC, datetime

import pytest

from engine.bus.memory import MemoryBus, Storage
from engine.clock import HandClock
from engine.model.errors import Conflict, Transient
from engine.model.run import Phase
from engine.runs.journal import BusJournal
from engine.runs.ledger import Ledger

CLOCK = HandClock(datetime(2026, 11, 25, 2, tzinfo=UTC))


class Slow(BusJournal):
    """A journal whose disk takes its time, or does not take a message at all."""

    def __init__(self, storage: Storage, *, fails: int = 0) -> None:
        super().__init__(MemoryBus(CLOCK, storage))
        self.messages: list[int] = []
        self.fails = fails

    async def append(self, entries, position):
        await asyncio.sleep(0.01)
        if len(self.messages) < self.fails:
            self.messages.append(0)
            msg = "the broker is away"
            raise Transient(msg)
        stored = await super().append(entries, position)
        self.messages.append(len(entries))
        return stored


async def written(ledger: Ledger, count: int) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(ledger.write(Phase.CALLED, detail=f"{number}"))


def test_what_waits_together_is_one_message_and_one_chain() -> None:
    async def go():
        journal = Slow(Storage())
        ledger = await Ledger.open(journal, "r1", CLOCK)
        await written(ledger, 20)
        entries, _ = await journal.read("r1")
        return journal.messages, [entry.detail for entry in entries], [entry.number for entry in entries]

    messages, details, numbers = asyncio.run(go())
    assert sum(messages) == 20
    assert len(messages) <= 3
    assert details == [f"{number}" for number in range(20)]
    assert numbers == list(range(1, 21))


def test_a_waiter_that_is_given_up_does_not_tear_what_is_being_stored() -> None:
    async def go():
        journal = Slow(Storage())
        ledger = await Ledger.open(journal, "r1", CLOCK)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.002):
                await ledger.write(Phase.CALLED, detail="given up")
        await ledger.write(Phase.DONE, detail="after it")
        entries, _ = await journal.read("r1")
        return [entry.detail for entry in entries]

    assert asyncio.run(go()) == ["given up", "after it"]


def test_when_the_journal_does_not_take_a_message_everybody_who_waited_for_it_is_told() -> None:
    async def go():
        ledger = await Ledger.open(Slow(Storage(), fails=1), "r1", CLOCK)
        told = []

        async def one(number: int) -> None:
            try:
                await ledger.write(Phase.CALLED, detail=f"{number}")
            except Transient as error:
                told.append(str(error))

        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(one(number))
        await ledger.write(Phase.CALLED, detail="later")
        return told

    assert asyncio.run(go()) == ["the broker is away"] * 3


def test_two_processes_on_one_run_cannot_both_write() -> None:
    async def go():
        storage = Storage()
        ledgers = [await Ledger.open(Slow(storage), "r1", CLOCK) for _ in range(2)]
        await ledgers[0].write(Phase.CALLED, detail="mine")
        with pytest.raises(Conflict):
            await ledgers[1].write(Phase.CALLED, detail="theirs")

    asyncio.run(go())
