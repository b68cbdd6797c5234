"""notify.log: tell people, once per command and in both languages: the outbox, the log and a JSONL file."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import structlog

from engine.clock import Clock
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Transient
from engine.model.event import Severity
from engine.model.notice import Moment, Notice

log = structlog.get_logger()
Put = Callable[[Notice], Awaitable[None]]


class LogNotice:
    """Stores the notice for delivery and appends one line; a notice that is in the file is never written again."""

    def __init__(self, path: Path, clock: Clock, put: Put) -> None:
        """`path` is created when first needed; `put` stores a notice in the outbox, once per id."""
        self._path, self._clock, self._put = path, clock, put

    async def look(self, command: Command, reference: str | None = None) -> Sighting:  # noqa: ARG002  the port's shape
        """REACHED once the file holds this command's line."""
        try:
            told = await asyncio.to_thread(self._told, command.id)
        except OSError as error:
            return Sighting(State.UNKNOWN, f"cannot read {self._path}: {error.strerror}")
        return Sighting(State.REACHED, "told") if told else Sighting(State.READY, "not told yet")

    def _told(self, identity: str) -> bool:
        if not self._path.exists():
            return False
        with self._path.open("rb") as lines:
            return any(_id(line) == identity for line in lines)

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  nothing to follow
        """Store, then write the line and flush it; raises Transient if the bus or the disk does not take it."""
        given = command.parameters
        words = {"channel": given.get("channel"), "en": given.get("en"), "ja": given.get("ja")}
        await self._put(_notice(command, self._clock))
        line = {"id": command.id, "at": self._clock.now().isoformat(), "target": command.target, **words}
        try:
            await asyncio.to_thread(self._write, orjson.dumps(line) + b"\n")
        except OSError as error:
            msg = f"cannot write the notice to {self._path}: {error.strerror}"
            raise Transient(msg) from error
        log.warning("notice", command=command.id, target=command.target, **words)

    def _write(self, line: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab+") as file:
            if file.tell() and not _ends_whole(file.fileno(), file.tell()):
                file.write(b"\n")
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    async def follow(self, command: Command, reference: str) -> None:
        """Nothing is ever under way."""


def _ends_whole(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"


def _id(line: bytes) -> object:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return found.get("id") if isinstance(found, dict) else None


def _notice(command: Command, clock: Clock) -> Notice:
    severity = command.parameters.get("severity")
    return Notice(
        id=command.id,
        moment=Moment.STEP,
        severity=Severity(severity) if severity in tuple(Severity) else Severity.WARNING,
        about=command.target,
        at=clock.now(),
        en=str(command.parameters.get("en", "")),
        ja=str(command.parameters.get("ja", "")),
        channel=str(command.parameters.get("channel", "")) or None,
        synthetic=command.parameters.get("synthetic") is True,
    )
