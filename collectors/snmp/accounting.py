"""The listener's accounts: once a second what was counted away and what was lost become events of our own.

They go through the spool like traps, so they outlive a bus that is away. While the disk takes nothing they stay
counted.
"""

from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from collectors.snmp.collapsing import Collapsing, Repeated
from collectors.snmp.counting import Tally
from collectors.snmp.losing import Losses
from collectors.snmp.spool import Record
from engine.bus import codec
from engine.clock import Clock
from engine.model.event import Event, Severity
from engine.model.ids import content_hash

REPEATED = "trap.repeated"
EVERY = 1.0
OF_STRANGERS = frozenset({"community", "source"})
"""Refused datagrams that may hold a password of somebody else's."""
OURS = ""
"""The source of a record that holds an event of our own: no datagram comes from nowhere."""


class Accounts:
    """What is due, as records for the spool."""

    def __init__(self, collapsing: Collapsing, tally: Tally, clock: Clock, communities: Iterable[bytes] = ()) -> None:
        """Nothing is due. `communities` are never told."""
        self._collapsing, self._tally, self._clock = collapsing, tally, clock
        self._communities = tuple(communities)
        self._losses = Losses("snmp/listener")
        self._kernel = 0

    def look(self, dropped: int | None, damaged: int) -> None:
        """Take over the kernel's counter, which goes round at 2**32, and the spool's damage in octets."""
        if dropped is not None:
            self._tally.add("kernel_lost", (dropped - self._kernel) % 2**32)
            self._kernel = dropped
        self._tally.set("damaged_octets", damaged)
        self._tally.set("uncounted", self._collapsing.uncounted)

    def due(self, *, every: bool = False) -> Sequence[Record]:
        """Call it once a second; `every`: at the end, all there is."""
        at, now = self._clock.monotonic(), self._clock.now()
        counts = self._tally.counts()
        totals = {**counts.drops(), "gap": counts.missed}
        events = [event_of(one) for one in self._collapsing.due(at, every=every)]
        events += [self._sampled(one) for one in self._losses.due(totals, at, now, every=every)]
        return [Record(now, OURS, 0, codec.encode(one)) for one in events]

    def _sampled(self, event: Event) -> Event:
        """With who sent the last such datagram, and its octets, for `toban traps decode`."""
        reason = str(event.data["reason"])
        found = self._tally.latest(reason)
        if found is None:
            return event
        data: dict[str, JsonValue] = {**event.data, "sender": found.source}
        if reason not in OF_STRANGERS:
            octets = bytes.fromhex(found.octets)
            for one in self._communities:
                octets = octets.replace(one, b"*" * len(one))  # wherever: what is malformed has no fields
            data["sample"] = octets.hex()
        return event.model_copy(update={"data": data})


def event_of(repeated: Repeated) -> Event:
    """That something was said again so often."""
    said, count = repeated.said, repeated.count
    first_at, last_at = repeated.first_at.isoformat(), repeated.last_at.isoformat()
    return Event(
        id=content_hash((REPEATED, said.content, said.condition, count, first_at, last_at)),
        type=REPEATED,
        source=f"snmp/{said.sender}"[:256],
        subject=said.subject,
        time=repeated.last_at,
        severity=Severity.INFO,
        data={
            "repeats": said.state,
            "trap_oid": said.key,
            "sender": said.sender,
            "count": count,
            "first_at": first_at,
            "last_at": last_at,
        },
    )
