"""What an event of vCenter means, with what was told before in mind: planned stories, colours of alarms. No I/O."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from collectors.vsphere import alarms, mapping
from collectors.vsphere.alarms import Alarm, Colours
from collectors.vsphere.mapping import Place
from collectors.vsphere.planning import Planning
from engine.clients.vsphere_events import VcenterEvent
from engine.model import accounts
from engine.model.catalogue import Catalogue
from engine.model.event import Event, Severity


class Interpreter:
    """Takes one vCenter's events in their order."""

    def __init__(
        self, place: Place, words: Catalogue, own_alarms: Mapping[str, Alarm], ours: Iterable[str] = ()
    ) -> None:
        """`own_alarms`: the site's, which count before the shipped ones; `ours`: accounts that are no person's."""
        self._place, self._words, self._ours = place, words, tuple(ours)
        self._table = mapping.table()
        self._colours = Colours({**alarms.shipped(), **own_alarms})
        self._planning = Planning()

    def seed(self, maintained: Iterable[str], at: datetime) -> None:
        """Hosts, by object id, that were in maintenance before we began to listen."""
        self._planning.seed(maintained, at)

    def of(self, happened: VcenterEvent) -> Event | None:
        """The event to tell, or None for what no table knows and what is no bad news either."""
        event = mapping.to_event(happened, self._table, self._words, self._place)
        if event is None:
            event = mapping.unmapped(happened, self._place)
        elif event.type == alarms.CHANGED:
            event = self._alarm(event, happened)
        if event is None:
            return None
        by = self._who(happened)
        event = event.model_copy(update={"data": {**event.data, "by": by}})
        return self._planning.told(event, mapping.host_of(happened, self._place))

    def _alarm(self, event: Event, happened: VcenterEvent) -> Event:
        name, colour = happened.details.get("alarm", ""), happened.details.get("to", "")
        part = mapping.part_of(happened) or ""
        kind = self._colours.meaning(event.subject, part, name, colour)
        if kind == alarms.CHANGED:
            severity = alarms.SEVERITIES.get(colour, Severity.INFO)
            return event.model_copy(update={"severity": severity})
        known = self._words.get(kind)
        severity = known.severity if known is not None else event.severity
        data = {**event.data, "part": name}
        return event.model_copy(update={"type": kind, "severity": severity, "data": data})

    def _who(self, happened: VcenterEvent) -> str:
        if any(accounts.same(happened.user, own) for own in self._ours if happened.user):
            return "toban"
        return "person" if accounts.is_person(happened.user, self._ours) else "vcenter"
