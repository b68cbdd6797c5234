"""`toban run` that kills itself (SIGKILL) at one journal boundary: before or after its Nth record. For tests only.

    python -m tests.e2e.killing run --config F --embedded      with KILL_AT=7 KILL_SIDE=before|after

A marker file (KILL_MARK) shows that it happened, so that the next life is not killed again.
"""

import os
import signal
import sys
from pathlib import Path

from engine.model.run import Entry
from engine.runs.journal import BusJournal
from toban.__main__ import main

LATER = {"count": 0}
store = BusJournal.append


def strike() -> None:
    Path(os.environ["KILL_MARK"]).touch()
    os.kill(os.getpid(), signal.SIGKILL)


async def append(self: BusJournal, entries: tuple[Entry, ...], position: int) -> int:
    before, at = LATER["count"], int(os.environ["KILL_AT"])
    LATER["count"] += len(entries)
    mine = before < at <= LATER["count"] and not Path(os.environ["KILL_MARK"]).exists()
    if mine and os.environ["KILL_SIDE"] == "before":
        strike()
    stored = await store(self, entries, position)
    if mine:
        strike()
    return stored


if __name__ == "__main__":
    BusJournal.append = append  # type: ignore[method-assign]
    sys.argv[0] = "toban"
    main()
