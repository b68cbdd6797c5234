"""The spool: what was heard is on disk before anything else happens to it, so a bus that is away loses nothing.

Append-only segments of frames (length, CRC-32, payload) and one file that says up to where all was published. A torn
tail is cut off at the next start; a damaged frame is left out, or with it the rest of its segment if its length is not
certain, and is counted. After a write that failed a fresh segment begins: nothing is ever written behind rubbish.
Published records are kept for a while, so that a restart still knows what was a repetition.
"""

import contextlib
import errno
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


def frames(data: bytes) -> Iterator[tuple[Record, int, int]]:
    """The records in these octets, each with the offsets of its start and end; over where no frame is certain.

    A damaged frame is left out only if a sound one follows where its length says: nobody can make up a record by
    what he writes into a datagram.
    """
    at = 0
    while (size := _size(data, at)) is not None:
        stop = at + _HEAD.size + size
        payload = data[at + _HEAD.size : stop]
        if zlib.crc32(payload) == _HEAD.unpack_from(data, at)[1]:
            yield _record(payload), at, stop
        elif not _sound(data, stop):
            return
        at = stop


def _size(data: bytes, at: int) -> int | None:
    """Octets in the payload of the frame here; None if no frame is whole here."""
    if at + _HEAD.size > len(data):
        return None
    size: int = _HEAD.unpack_from(data, at)[0]
    return size if _BODY.size <= size <= LIMIT_FRAME and at + _HEAD.size + size <= len(data) else None


def _sound(data: bytes, at: int) -> bool:
    size = _size(data, at)
    start = at + _HEAD.size
    return size is not None and zlib.crc32(data[start : start + size]) == _HEAD.unpack_from(data, at)[1]


def _record(payload: bytes) -> Record:
    micros, port, length = _BODY.unpack_from(payload)
    body = payload[_BODY.size :]
    received_at = _EPOCH + timedelta(microseconds=micros)
    return Record(received_at, body[:length].decode("utf-8", "replace"), port, body[length:])


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
        self._damage: dict[int, int] = {}
        self._failed = self._closed = False
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._guard = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._segments = sorted(int(path.stem) for path in folder.glob("*.spool")) or [0]
            self.end = self._mended()
            self.published = min(self._position(), self.end)
            self._mark = os.open(folder / "published", os.O_WRONLY | os.O_CREAT, 0o600)
            self._save()
            self._file = self._fresh(self._segments[-1], 0)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"the trap spool {folder} is in use by another process: stop it or set another spool folder"
            ) from error
        except OSError as error:
            raise ConfigurationError(
                f"the trap spool {folder} cannot be used ({error.strerror}): give a folder that Toban may write"
            ) from error

    @property
    def damaged(self) -> int:
        """Octets that were left out because they were not readable."""
        return sum(self._damage.values())

    @property
    def crowded(self) -> bool:
        """Less than an eighth is left: only what matters most should still come in."""
        return self.end - self._segments[0] > self._size.limit * 7 // 8

    def append(self, records: Iterable[Record]) -> None:
        """Write and flush to disk; raises Full or OSError, then none of the records is in."""
        data = b"".join([frame(record) for record in records])
        with self._lock:
            if self._closed:
                raise OSError(errno.EBADF, "the spool is closed")
            self._trim()
            if self.end - self._segments[0] + len(data) > self._size.limit:
                raise Full(f"the trap spool {self._folder} is full ({self._size.limit} octets wait for the bus)")
            if self._failed or self.end - self._segments[-1] >= self._size.segment:
                self._rotate()
            try:
                _write(self._file, data)
                os.fsync(self._file)
            except OSError:
                self._failed = True
                with contextlib.suppress(OSError):  # else the rubbish stays where nobody looks: a fresh segment follows
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
                self._lost(at, limit - at)
                behind = limit
            at = behind
        return found, at

    def advance(self, to: int) -> None:
        """All before this offset is published. A disk that does not take it only makes the next life publish again."""
        self.published = to
        with contextlib.suppress(OSError):
            self._save()

    def history(self) -> Iterator[Record]:
        """The published records that are still kept, oldest first."""
        at = self._segments[0]
        while at < self.published:
            found, at = self.read(at, 256, self.published)
            yield from found

    def close(self) -> None:
        """Let the folder go."""
        with self._lock:
            self._closed = True
            for one in (self._file, self._mark, self._guard):
                os.close(one)

    def _read_in(self, start: int, at: int, limit: int, most: int) -> tuple[list[Record], int]:
        reading = os.open(self._path(start), os.O_RDONLY)
        try:
            data = os.pread(reading, min(limit - at, max(most * 512, 2 * (LIMIT_FRAME + _HEAD.size))), at - start)
        finally:
            os.close(reading)
        found: list[Record] = []
        behind = at
        for record, begin, stop in frames(data):
            if at + begin > behind:
                self._lost(behind, at + begin - behind)
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
        whole = max((stop for _, _, stop in frames(data)), default=0)
        if whole < len(data):
            self._lost(last + whole, len(data) - whole)
            os.truncate(path, whole)
        return last + whole

    def _position(self) -> int:
        try:
            number, _, check = (self._folder / "published").read_text(encoding="ascii").partition(" ")
            whole = not check or int(check, 16) == zlib.crc32(number.encode())  # earlier versions wrote no check
            return max(int(number) if whole else 0, self._segments[0])
        except (FileNotFoundError, ValueError):
            return self._segments[0]

    def _save(self) -> None:
        """In place: a full disk takes it too."""
        number = f"{self.published:020d}"
        os.pwrite(self._mark, f"{number} {zlib.crc32(number.encode()):08x}\n".encode(), 0)

    def _lost(self, at: int, octets: int) -> None:
        self._damage[at] = octets

    def _rotate(self) -> None:
        fresh = self._fresh(self.end, os.O_TRUNC)
        os.close(self._file)
        self._file = fresh
        if self._segments[-1] != self.end:
            self._segments = [*self._segments, self.end]
        self._failed = False

    def _fresh(self, start: int, how: int) -> int:
        """A segment to write to, which a power cut does not take out of the folder again."""
        opened = os.open(self._path(start), os.O_WRONLY | os.O_CREAT | os.O_APPEND | how, 0o600)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return opened

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
