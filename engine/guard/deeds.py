"""What was done lately, whoever asked for it: an index that is added to, so that a decision never reads all of it."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Deed:
    """An act that was decided: when, by which policy, on what."""

    at: datetime
    policy: str
    object: str
    ungraceful: bool
    finished: bool = False
    takes_capacity: bool = False


Mark = tuple[datetime, str]
"""When, and the run: in the order of time."""


class Deeds:
    """Acts by run. Rebuilt from DECISIONS and RUNS at a start."""

    def __init__(self, deeds: Iterable[tuple[str, Deed]] = ()) -> None:
        """Of (run, deed)."""
        self._deeds: dict[str, Deed] = {}
        self._fences: list[Mark] = []
        self._by_policy: dict[str, list[Mark]] = {}
        self._by_object: dict[str, list[Mark]] = {}
        self._going: dict[str, None] = {}
        for run, deed in deeds:
            self.record(run, deed)

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._deeds)

    def record(self, run: str, deed: Deed) -> None:
        """Remember an act; one of the same run takes its place."""
        self.withdraw(run)
        self._deeds[run] = deed
        mark = (deed.at, run)
        for marks in self._lists(deed):
            insort(marks, mark)
        if not deed.finished:
            self._going[run] = None

    def withdraw(self, run: str) -> None:
        """Forget an act."""
        deed = self._deeds.pop(run, None)
        if deed is None:
            return
        for marks in self._lists(deed):
            marks.remove((deed.at, run))
        self._going.pop(run, None)

    def finish(self, run: str) -> None:
        """Its run has ended."""
        deed = self._deeds.get(run)
        if deed is not None:
            self._deeds[run] = replace(deed, finished=True)
            self._going.pop(run, None)

    def forget(self, before: datetime) -> None:
        """Drop what is finished and older than this."""
        for run in [run for run, deed in self._deeds.items() if deed.finished and deed.at < before]:
            self.withdraw(run)
        self._by_policy = {name: marks for name, marks in self._by_policy.items() if marks}
        self._by_object = {name: marks for name, marks in self._by_object.items() if marks}

    def fences(self, after: datetime) -> list[Deed]:
        """Ungraceful acts after this moment."""
        return self._since(self._fences, after)

    def of_policy(self, policy: str, after: datetime) -> list[Deed]:
        """Acts of a policy after this moment."""
        return self._since(self._by_policy.get(policy, []), after)

    def on(self, key: str) -> Iterator[Deed]:
        """Acts on an object, the newest first."""
        return (self._deeds[run] for _, run in reversed(self._by_object.get(key, [])))

    def going(self) -> Iterator[tuple[str, Deed]]:
        """(run, deed) of runs that have not ended."""
        return ((run, self._deeds[run]) for run in self._going)

    def _since(self, marks: list[Mark], after: datetime) -> list[Deed]:
        begin = bisect_right(marks, after, key=lambda mark: mark[0])
        return [self._deeds[run] for _, run in marks[begin:]]

    def _lists(self, deed: Deed) -> Iterator[list[Mark]]:
        yield self._by_policy.setdefault(deed.policy, [])
        yield self._by_object.setdefault(deed.object, [])
        if deed.ungraceful:
            yield self._fences
