"""Which record is in hand, kept where a crash of the process leaves it: what killed the matcher three times is poison.

durable_rules is C code in our process (ADR 0002): a record that it dies of would come again after every restart.
"""

import mmap
import struct
from pathlib import Path

import orjson
import structlog

log = structlog.get_logger()

_MARK = struct.Struct("<16sQ")
CRASHES = 3
"""Crashes with one record in hand after which it is not tried again."""
KEPT = 64
"""Suspects that are remembered."""


class InHand:
    """A mapped file of 24 bytes: stream and sequence of the record being worked on. Cheap enough for every record."""

    def __init__(self, folder: Path) -> None:
        """Open, and count what an earlier life died with. The folder exists and is ours alone."""
        self._story = folder / "suspects.json"
        with (folder / "in-hand").open("a+b") as file:
            file.truncate(_MARK.size)
            self._map = mmap.mmap(file.fileno(), _MARK.size)
        self._crashes = self._read()
        stream, sequence = _MARK.unpack(self._map[:])
        if sequence:
            self._died_with(f"{stream.rstrip(bytes(1)).decode('ascii', 'replace')}/{sequence}")
        self.down()

    def close(self) -> None:
        """Put down what is in hand: an orderly end is no crash."""
        self.down()
        self._map.close()

    def take(self, stream: str, sequence: int) -> None:
        """Say that a record is worked on now; stream names have at most 16 letters."""
        _MARK.pack_into(self._map, 0, stream.encode("ascii"), sequence)

    def down(self) -> None:
        """Nothing is in hand."""
        _MARK.pack_into(self._map, 0, b"", 0)

    def is_poison(self, stream: str, sequence: int) -> bool:
        """Whether this record was in hand at three crashes."""
        return self._crashes.get(f"{stream}/{sequence}", 0) >= CRASHES

    def _read(self) -> dict[str, int]:
        try:
            found = orjson.loads(self._story.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, orjson.JSONDecodeError) as error:
            log.warning("inhand.unreadable", error=str(error))
            return {}
        known = found.items() if isinstance(found, dict) else ()
        return {str(name): count for name, count in known if isinstance(count, int)}

    def _died_with(self, record: str) -> None:
        self._crashes[record] = self._crashes.pop(record, 0) + 1
        self._crashes = dict(list(self._crashes.items())[-KEPT:])
        log.warning("inhand.crashed_before", record=record, times=self._crashes[record])
        new = self._story.with_suffix(".new")
        new.write_bytes(orjson.dumps(self._crashes))
        new.replace(self._story)
