"""The journal of one run while it is being carried out: position, chain and folded state in one place."""

import asyncio
from collections.abc import Sequence

from pydantic import JsonValue

from engine.clock import Clock
from engine.model import ids, run
from engine.model.command import Command
from engine.model.errors import Permanent
from engine.model.run import Entry, Outcome, Phase, RunPlan, RunView
from engine.runs.port import Held, Journal


class Together:
    """Several leases as one: all of them hold, and the newest token stands for them (tokens grow over all targets)."""

    def __init__(self, leases: Sequence[Held]) -> None:
        """None at all guards nothing: a run that only tells people."""
        self._leases = leases

    def guard(self) -> int:
        """The newest fencing token; raises `Transient` once any of the leases may have run out."""
        return max((lease.guard() for lease in self._leases), default=0)


class Ledger:
    """Appends by compare-and-set: two runners on one run cannot both go on."""

    def __init__(self, journal: Journal, name: str, clock: Clock) -> None:
        """Use `open`."""
        self._journal, self._name, self._clock = journal, name, clock
        self._position, self._number, self._previous = 0, 0, ""
        self.view = RunView()
        self.lease: Held | None = None
        self._writing = asyncio.Lock()
        self._queue: list[tuple[dict[str, object], asyncio.Future[None]]] = []

    @classmethod
    async def open(cls, journal: Journal, name: str, clock: Clock) -> "Ledger":
        """The ledger as stored so far."""
        ledger = cls(journal, name, clock)
        entries, ledger._position = await journal.read(name)
        for entry in entries:
            ledger._took(entry)
        return ledger

    def _took(self, entry: Entry) -> None:
        self.view = run.after(self.view, entry)
        self._number = entry.number
        self._previous = ids.content_hash([entry.stored])

    def is_done(self, command: str) -> bool:
        """Whether the command ended well."""
        standing = self.view.commands.get(command)
        return standing is not None and standing.phase is Phase.DONE

    def guard(self) -> int:
        """The fencing token; raises `Transient` without a lease that still holds."""
        return self.lease.guard() if self.lease is not None else 0

    async def write(  # noqa: PLR0913  the fields of one record, by name
        self,
        phase: Phase,
        *,
        command: Command | None = None,
        step: str | None = None,
        outcome: Outcome | None = None,
        plan: RunPlan | None = None,
        detail: str = "",
        attempt: int = 0,
        reference: str | None = None,
        facts: dict[str, JsonValue] | None = None,
    ) -> None:
        """One more record; returns when it is durable. Commands that go side by side write one after the other."""
        said: dict[str, object] = {
            "phase": phase,
            "step": command.step if command else step,
            "command": command.id if command else None,
            "attempt": attempt,
            "detail": detail,
            "reference": reference,
            "facts": facts or {},
            "outcome": outcome,
            "plan": plan,
        }
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((said, mine))
        await asyncio.shield(self._store())  # a waiter that is given up does not tear what is being stored
        await mine

    async def _store(self) -> None:
        """Whatever is waiting goes out together: while one message is being stored, the next one gathers."""
        async with self._writing:
            waiting, self._queue = self._queue, []
            if not waiting:
                return
            try:
                entries = self._chained([said for said, _ in waiting])
                self._position = await self._journal.append(entries, self._position)
            except BaseException as error:
                for _, waiter in waiting:
                    _fail(waiter, error)
                raise
            for entry in entries:
                self._took(entry)
            for _, waiter in waiting:
                if not waiter.done():
                    waiter.set_result(None)

    def _chained(self, drafts: Sequence[dict[str, object]]) -> tuple[Entry, ...]:
        entries: list[Entry] = []
        number, previous, now = self._number, self._previous, self._clock.now()
        for said in drafts:
            number += 1
            token = self.guard() if said["phase"] is Phase.START else 0
            chain = {"run": self._name, "number": number, "at": now, "token": token, "previous": previous}
            entries.append(Entry.model_validate({**said, **chain}))
            previous = ids.content_hash([entries[-1].stored])
        return tuple(entries)


def _fail(waiter: "asyncio.Future[None]", error: BaseException) -> None:
    """Tell a waiter; one that nobody asks any more stays quiet."""
    if not waiter.done():
        waiter.set_exception(error if isinstance(error, Exception) else Permanent("the journal is being left"))
        waiter.exception()
