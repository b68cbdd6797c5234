"""What a run needs from outside: effectors, a journal, leases, and somebody who can say stop."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from engine.model.command import Called, Command, Sighting
from engine.model.run import Entry


class Effector(Protocol):
    """Does one verb on the world, and reads the world about it."""

    async def look(self, command: Command, reference: str | None = None) -> Sighting:
        """Read only; a world that cannot be read is UNKNOWN, not an exception."""
        ...

    async def act(self, command: Command, called: Called) -> None:
        """One attempt; returns when the far side says it is finished. Raises Transient, Permanent, Refused, InDoubt."""
        ...

    async def follow(self, command: Command, reference: str) -> None:
        """Wait for a task that an earlier life started; raises like `act`."""
        ...


class Journal(Protocol):
    """Append-only run ledgers; an append returns when the record is durable."""

    async def read(self, run: str) -> tuple[tuple[Entry, ...], int]:
        """All records of a run in order, and the position to append after (0: none)."""
        ...

    async def append(self, entries: tuple[Entry, ...], position: int) -> int:
        """Store these records together after `position`, return the new one; `Conflict` if somebody else wrote."""
        ...

    async def unfinished(self) -> tuple[str, ...]:
        """Runs whose last record is not ENDED."""
        ...


class Held(Protocol):
    """A lease that is held."""

    def guard(self) -> int:
        """The fencing token; raises `Transient` once the lease may have run out."""
        ...


class Leases(Protocol):
    """One owner per target (safety rule S8)."""

    def hold(self, target: str) -> AbstractAsyncContextManager[Held]:
        """Acquire (waiting for an older holder's lease to run out), renew while inside, release."""
        ...


class Stop(Protocol):
    """The stop switch, read before each external call (safety rule S15)."""

    async def __call__(self, target: str) -> str | None:
        """Why this target must not be touched now, or None. A switch that cannot be read counts as stopped."""
        ...
