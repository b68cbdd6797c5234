"""The truth ledger: what really happened, written by the datacenter itself and by nobody else."""

import json
import threading
from pathlib import Path

from toban.simulator import agenda

Entry = dict[str, object]


class Ledger:
    """An append-only list, mirrored to a JSONL file line by line."""

    def __init__(self, path: Path) -> None:
        """Starts a new ledger at `path`."""
        self._file = path.open("w", encoding="utf-8")
        self._lock = threading.Lock()
        self._entries: list[Entry] = []

    def write(self, what: str, **about: object) -> None:
        """Note that something happened."""
        entry: Entry = {"at": agenda.now().isoformat(), "what": what, **about}
        with self._lock:
            self._entries.append(entry)
            if not self._file.closed:
                self._file.write(json.dumps(entry) + "\n")
                self._file.flush()

    def violation(self, rule: str, **about: object) -> None:
        """Note that something happened that must never happen."""
        self.write("violation", rule=rule, **about)

    def entries(self) -> list[Entry]:
        """Everything so far."""
        with self._lock:
            return list(self._entries)

    def violations(self) -> list[Entry]:
        """Only what must never happen."""
        return [entry for entry in self.entries() if entry["what"] == "violation"]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
