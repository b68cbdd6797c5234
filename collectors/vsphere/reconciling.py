"""What events said of each host beside what vCenter shows: an event that never came is made up for; pure.

vCenter merges identical events of a burst, and what it forgets while nobody listens is never told. So a host that shows
another state than the one told last, in two full readings in a row, is told as it shows (safety.md 6).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.model.estate import Connection, LiveHost
from engine.model.event import Event

SAYS = {
    "host.unreachable": Connection.NOT_RESPONDING,
    "host.reachable": Connection.CONNECTED,
    "host.added": Connection.CONNECTED,
    "host.disconnected": Connection.DISCONNECTED,
}
TELLS = {Connection.NOT_RESPONDING: "host.unreachable", Connection.CONNECTED: "host.reachable"}
"""A disconnected host is not made up for: somebody did that, and who and why only the event says."""


@dataclass(slots=True)
class Reconciling:
    """One vCenter's hosts, by object id."""

    told: dict[str, Connection] = field(default_factory=dict)
    _differs: dict[str, Connection] = field(default_factory=dict)

    def begin(self, shown: Mapping[str, LiveHost], known: Iterable[Event]) -> None:
        """Before anything was heard: an earlier life told what it showed; else what is shown now counts as told."""
        self.told = {subject: host.connection for subject, host in shown.items()}
        for event in known:
            word = Connection(str(event.data.get("connection")))
            if event.subject in self.told and event.type == "inventory.host" and word is not Connection.UNKNOWN:
                self.told[event.subject] = word

    def heard(self, event: Event) -> None:
        """An event was told."""
        if (says := SAYS.get(event.type)) is not None:
            self.told[event.subject] = says

    def look(self, shown: Mapping[str, LiveHost]) -> dict[str, str]:
        """After a full reading: the event types that are missing, by host."""
        before, self._differs = self._differs, {}
        self.told = {subject: word for subject, word in self.told.items() if subject in shown}
        missing: dict[str, str] = {}
        for subject, host in shown.items():
            now = host.connection
            if self.told.setdefault(subject, now) is now:
                continue
            if before.get(subject) is now and now in TELLS:
                missing[subject] = TELLS[now]
            else:
                self._differs[subject] = now
        return missing
