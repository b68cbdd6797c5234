"""The spool: what was heard is on disk before anything else happens to it, so a bus that is away loses nothing.

Append-only segments of frames (length, CRC-32, payload) and one file that says up to where all was published. A torn
tail is cut off at the next start; a damaged frame costs the rest of its segment and is counted. Published records are
kept for a while, so that a restart still knows what was a repetition.
"""

import contextlib
import fcntl
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from engine.model.errors import ConfigurationError, TobanError

_HEAD = struct.Struct(">II")
_BODY = struct.Struct(">QHB")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LIMIT_FRAME = 70_000
"""Octets in a payload: no datagram is longer."""


class Full(TobanError):
    """The spool has reached its size and nothing in it is published yet."""


@dataclass(frozen=True, slots=True)
class Record:
    """A datagram as it came."""

    received_at: datetime
    source: str
    port: int
    datagram: bytes


def frame(record: Record) -> bytes:
    """A record as octets."""
    micros = (record.received_at - _EPOCH) // timedelta(microseconds=1)
    source = record.source.encode()
    payload = _BODY.pack(micros, record.port, len(source)) + source + record.datagram
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def frames(data: bytes) -> Iterator[tuple[Record, int]]:
    """The records in these octets, each with the offset behind it; ends before the first frame that is not whole."""
    at = 0
    while at + _HEAD.size <= len(data):
        size, check = _HEAD.unpack_from(data, at)
        stop = at + _HEAD.size + size
        payload = data[at + _HEAD.size : stop]
        if not _BODY.size <= size <= LIMIT_FRAME or stop > len(data) or zlib.crc32(payload) != check:
            return
        micros, port, length = _BODY.unpack_from(payload)
        body = payload[_BODY.size :]
        source = body[:length].decode("utf-8", "replace")
        yield Record(_EPOCH + timedelta(microseconds=micros), source, port, body[length:]), stop
        at = stop


@dataclass(frozen=True, slots=True)
class SpoolSize:
    """Bounds in octets."""

    limit: int = 256 * 1024 * 1024
    segment: int = 4 * 1024 * 1024
    history: int = 8 * 1024 * 1024
    """Published records that are kept."""


class Spool:
    """The spool's files in one folder, which belongs to one process. Offsets count octets since the first record."""

    def __init__(self, folder: Path, size: SpoolSize | None = None) -> None:
        """Open or make the folder; raises ConfigurationError if it cannot be used or another process has it."""
        self._folder = folder
        self._size = size or SpoolSize()
        self._lock = Lock()
        self.damaged = 0
        """Octets skipped because they were not readable."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._guard = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._segments = sorted(int(path.stem) for path in folder.glob("*.spool")) or [0]
            self.end = self._mended()
            self.published = min(self._position(), self.end)
            self._file = os.open(self._path(self._segments[-1]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"the trap spool {folder} is in use by another process: stop it or set another spool folder"
            ) from error
        except OSError as error:
            raise ConfigurationError(
                f"the trap spool {folder} cannot be used ({error.strerror}): give a folder that Toban may write"
            ) from error

    def append(self, records: Iterable[Record]) -> None:
        """Write and flush to disk; raises Full or OSError, then none of the records is in."""
        data = b"".join([frame(record) for record in records])
        with self._lock:
            self._trim()
            if self.end - self._segments[0] + len(data) > self._size.limit:
                raise Full(f"the trap spool {self._folder} is full ({self._size.limit} octets wait for the bus)")
            if self.end - self._segments[-1] >= self._size.segment:
                self._rotate()
            try:
                _write(self._file, data)
                os.fsync(self._file)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self.end - self._segments[-1])
                raise
            self.end += len(data)

    def read(self, at: int, most: int, until: int | None = None) -> tuple[Sequence[Record], int]:
        """Up to `most` records from an offset on (and before `until`), and the offset behind them; none at the end."""
        end = self.end if until is None else until
        found: list[Record] = []
        while at < end and not found:
            start = max(item for item in self._segments if item <= at)
            limit = min(self._limit(start), end)
            found, behind = self._read_in(start, at, limit, most)
            if not found:
                self.damaged += limit - at
                behind = limit
            at = behind
        return found, at

    def advance(self, to: int) -> None:
        """All before this offset is published."""
        fresh = self._folder / "published.new"
        fresh.write_text(str(to), encoding="ascii")
        fresh.replace(self._folder / "published")
        self.published = to

    def history(self) -> Iterator[Record]:
        """The published records that are still kept, oldest first."""
        at = self._segments[0]
        while at < self.published:
            found, at = self.read(at, 256, self.published)
            yield from found

    def close(self) -> None:
        """Let the folder go."""
        with self._lock:
            os.close(self._file)
            os.close(self._guard)

    def _read_in(self, start: int, at: int, limit: int, most: int) -> tuple[list[Record], int]:
        reading = os.open(self._path(start), os.O_RDONLY)
        try:
            data = os.pread(reading, min(limit - at, max(most * 512, 2 * LIMIT_FRAME)), at - start)
        finally:
            os.close(reading)
        found: list[Record] = []
        behind = at
        for record, stop in frames(data):
            found.append(record)
            behind = at + stop
            if len(found) == most:
                break
        return found, behind

    def _limit(self, start: int) -> int:
        later = [item for item in self._segments if item > start]
        return later[0] if later else self.end

    def _mended(self) -> int:
        last = self._segments[-1]
        path = self._path(last)
        data = path.read_bytes() if path.exists() else b""
        whole = max((stop for _, stop in frames(data)), default=0)
        if whole < len(data):
            self.damaged += len(data) - whole
            os.truncate(path, whole)
        return last + whole

    def _position(self) -> int:
        try:
            return max(int((self._folder / "published").read_text(encoding="ascii")), self._segments[0])
        except (FileNotFoundError, ValueError):
            return self._segments[0]

    def _rotate(self) -> None:
        fresh = os.open(self._path(self.end), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.close(self._file)
        self._file = fresh
        self._segments = [*self._segments, self.end]

    def _trim(self) -> None:
        while len(self._segments) > 1 and self.published - self._segments[1] >= self._size.history:
            self._path(self._segments[0]).unlink(missing_ok=True)
            self._segments = self._segments[1:]

    def _path(self, start: int) -> Path:
        return self._folder / f"{start:020d}.spool"


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
