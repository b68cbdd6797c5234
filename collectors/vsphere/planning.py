"""Whether a loss belongs to something that was planned: maintenance, standby, shutdown and what follows are one story.

A pure fold over events of one vCenter in their order (vCenter events, pitfalls 11 and 15). What it says is the mark
`planned` of the event, and `because`; whether anything is left alone for it is the policies' affair.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.model.event import Event

OPENING = {
    "host.maintenance.entering": "maintenance",
    "host.maintenance.entered": "maintenance",
    "host.standby.entering": "standby",
    "host.standby.entered": "standby",
    "host.shutdown": "shutdown",
    "host.rebooting": "shutdown",
}
CLOSING = {
    "host.maintenance.exited": "maintenance",
    "host.maintenance.failed": "maintenance",
    "host.operation.cancelled": "maintenance",
    "host.standby.exited": "standby",
    "host.booted": "shutdown",
    "host.reachable": "shutdown",
}
LOSSES = frozenset({"host.unreachable", "host.disconnected", "host.powered_off", "vm.power.off", "vm.disconnected"})
"""What a planned story explains."""
LASTS = {"shutdown": timedelta(minutes=30)}
"""How long a story explains a loss that begins; one without a limit lasts until it is closed."""
MOST = 5000
"""Hosts that are remembered; the one whose story began first makes room."""


@dataclass(slots=True)
class Planning:
    """What was planned about which host."""

    open: dict[str, dict[str, datetime]] = field(default_factory=dict)
    """By host, what is open and since when, by vCenter's clock."""

    def seed(self, hosts: Iterable[str], at: datetime) -> None:
        """Hosts that are in maintenance already: who entered it was told long ago."""
        for host in hosts:
            self.open.setdefault(host, {}).setdefault("maintenance", at)

    def told(self, event: Event, host: str | None) -> Event:
        """The event with its mark; `host`: the host that it is about or that its VM was on."""
        if host is None:
            return event
        because = self._explains(host, event) if event.type in LOSSES else None
        self._remember(host, event)
        if because is None or event.data.get("planned") is True:
            return event
        return event.model_copy(update={"data": {**event.data, "planned": True, "because": because}})

    def _explains(self, host: str, event: Event) -> str | None:
        for what, since in self.open.get(host, {}).items():
            if event.time >= since and (what not in LASTS or event.time - since <= LASTS[what]):
                return what
        return None

    def _remember(self, host: str, event: Event) -> None:
        if (opened := OPENING.get(event.type)) is not None:
            self.open.setdefault(host, {})[opened] = event.time
        elif (closed := CLOSING.get(event.type)) is not None and host in self.open:
            self.open[host].pop(closed, None)
            if not self.open[host]:
                del self.open[host]
        if len(self.open) > MOST:
            del self.open[min(self.open, key=lambda name: min(self.open[name].values()))]
