"""Our own SNMP engine id and boots counter, and how far each sender's clock was seen: one small file, written whole."""

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson

from collectors.snmp.timeliness import LAST_BOOTS, Mark
from engine.model.errors import ConfigurationError

NAME = "engine.json"
PREFIX = bytes.fromhex("80004fb805")
"""RFC 3411 section 5, SnmpEngineID: pysnmp's enterprise number, then octets of our own choice."""
CHOSEN = 12
"""Random octets in our engine id."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """What outlives a restart."""

    engine: bytes
    boots: int
    """How often we were started."""
    marks: Mapping[bytes, Mark] = field(default_factory=dict)


def begun(path: Path, chosen: bytes) -> EngineState:
    """The state for this life, its boots counted and on disk; `chosen` are random octets for a first life.

    Raises ConfigurationError for a file that cannot be read or written: guessing would let recorded traps in again.
    """
    try:
        before = read(path) if path.exists() else EngineState(PREFIX + chosen, 0)
        if before.boots + 1 >= LAST_BOOTS:
            before = EngineState(PREFIX + chosen, 0, before.marks)
        state = EngineState(before.engine, before.boots + 1, before.marks)
        write(path, state)
    except OSError as error:
        raise ConfigurationError(
            f"the SNMPv3 state {path} cannot be used ({error.strerror}): make it readable and writable for Toban"
        ) from error
    return state


def read(path: Path) -> EngineState:
    """The state as it stands; one that was never alive if there is no file. Raises ConfigurationError, or OSError."""
    if not path.exists():
        return EngineState(b"", 0)
    try:
        return _read(path.read_bytes())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"the SNMPv3 state {path} is damaged: move it away; until each sender was heard again, traps recorded from "
            "it could be taken for new"
        ) from error


def forget(folder: Path, engine: bytes) -> None:
    """Take a sender's mark out, as after its manager was reset; raises ConfigurationError while Toban runs there.

    Until it is heard again, a recording of it could be taken for new.
    """
    path = folder / NAME
    state = read(path)
    if engine not in state.marks:
        raise ConfigurationError(f"engine {engine.hex()} was never heard: `toban traps engines` lists those that were")
    with (folder / "lock").open("a") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"Toban is running with {folder}: stop it first, for it would write the old mark again"
            ) from error
        write(path, replace(state, marks={one: mark for one, mark in state.marks.items() if one != engine}))


def write(path: Path, state: EngineState) -> None:
    """Replace the file, durably; raises OSError, then the old one is still there."""
    body = {
        "engine": state.engine.hex(),
        "boots": state.boots,
        "marks": {engine.hex(): [mark.boots, mark.time] for engine, mark in state.marks.items()},
    }
    fresh = path.with_suffix(".new")
    opened = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(opened, orjson.dumps(body))
        os.fsync(opened)
    finally:
        os.close(opened)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(raw: bytes) -> EngineState:
    body = orjson.loads(raw)
    marks = {bytes.fromhex(name): Mark(int(boots), int(time)) for name, (boots, time) in body["marks"].items()}
    return EngineState(bytes.fromhex(body["engine"]), int(body["boots"]), marks)
