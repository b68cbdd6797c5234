"""Repeats: the same trap heard twice is one event. Windows in the sender's own terms, bounded, no clock inside."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")

LIMIT = 65_536
"""Identities remembered; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """What tells whether a trap is a repetition."""

    identity: str
    """Equal for a repetition: sender, key and sequence number or content."""
    scope: str | None
    """The part it speaks of: another state of the same part in between makes it news again. None: the sender counts."""
    state: str
    """The event type."""
    window: float
    """Seconds for which the identity is remembered."""


class Repeats:
    """Remembers what was heard."""

    def __init__(self) -> None:
        """Nothing was heard."""
        self._heard: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._states: OrderedDict[str, str] = OrderedDict()

    def again(self, repeat: Repeat, at: float) -> bool:
        """Whether this was heard within its window; `at` is the time of receipt in seconds. Remembers it if not."""
        before, turn = self._heard.get(repeat.identity, (None, 0))
        recent = before is not None and abs(at - before) < repeat.window
        unchanged = repeat.scope is None or self._states.get(repeat.scope) == repeat.state
        if recent and unchanged:
            return True
        _put(self._heard, repeat.identity, (at, turn + 1 if recent else 0))
        if repeat.scope is not None:
            _put(self._states, repeat.scope, repeat.state)
        return False

    def turn(self, repeat: Repeat) -> int:
        """How often this became news within its window because the state had changed in between; at first 0."""
        return self._heard.get(repeat.identity, (0.0, 0))[1]

    def forget(self, repeat: Repeat) -> None:
        """It was heard, but came to nothing: the next one is no repetition."""
        self._heard.pop(repeat.identity, None)


class Gaps:
    """Counts what a counting sender sent and nobody heard."""

    def __init__(self) -> None:
        """No sender is known."""
        self._last: OrderedDict[str, int] = OrderedDict()

    def missed(self, sender: str, sequence: int) -> int:
        """How many numbers lie between this one and the sender's last; 0 after a restart or for a late one."""
        last = self._last.get(sender)
        _put(self._last, sender, sequence)
        return sequence - last - 1 if last is not None and 1 < sequence - last < 1000 else 0


def _put(table: OrderedDict[str, Item], key: str, item: Item) -> None:
    table[key] = item
    table.move_to_end(key)
    if len(table) > LIMIT:
        table.popitem(last=False)
