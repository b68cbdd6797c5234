"""What an event of vCenter means, with what was told before in mind: planned stories, colours of alarms. No I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import JsonValue

from collectors.vsphere import alarms, mapping
from collectors.vsphere.alarms import Alarm, Colours, Turn
from collectors.vsphere.mapping import Place
from collectors.vsphere.planning import Planning
from engine.clients import vsphere_alarms
from engine.clients.vsphere_alarms import AlarmState
from engine.clients.vsphere_events import VcenterEvent
from engine.model import accounts, ids
from engine.model.catalogue import Catalogue
from engine.model.event import Event, Severity

LATE = timedelta(minutes=10)
"""How far the moment of an alarm's event and the one that its state shows may lie apart."""


class Interpreter:
    """Takes one vCenter's events in their order."""

    def __init__(
        self, place: Place, words: Catalogue, own_alarms: Mapping[str, Alarm], ours: Iterable[str] = ()
    ) -> None:
        """`own_alarms`: the site's, which count before the shipped ones; `ours`: accounts that are no person's."""
        self._place, self._words, self._ours = place, words, tuple(ours)
        self._table = mapping.table()
        self.colours = Colours({**alarms.shipped(), **own_alarms})
        self._planning = Planning()

    def seed(self, maintained: Iterable[str], at: datetime) -> None:
        """Hosts, by object id, that were in maintenance before we began to listen."""
        self._planning.seed(maintained, at)

    def again(self, happened: VcenterEvent) -> None:
        """It was told already: what it planned, and the colour of its alarm unless something later is known of that."""
        event = mapping.to_event(happened, self._table, self._words, self._place)
        if event is not None and event.type == alarms.CHANGED:
            self.colours.learn(_turn(event, happened))
        elif event is not None:
            self._planning.told(event, mapping.host_of(happened, self._place))

    def turn_of(self, state: AlarmState) -> Turn:
        """What a state that vCenter shows says of its object."""
        part = vsphere_alarms.part_of(state.entity)
        about = mapping.subject_of({part: state.entity_name, "entity": state.entity_name}, self._place)
        return Turn(state.name, about, state.colour, state.at, state.entity, state.alarm)

    def shown(self, turn: Turn, *, acknowledged: bool = False) -> Event:
        """The event to tell where no event said what vCenter shows; the same state read again has the same id."""
        before = self.colours.last(turn)
        identity = ids.content_hash(
            ["vcenter", self._place.instance, "alarm", turn.alarm, turn.entity, turn.colour, turn.at.isoformat()]
        )
        data: dict[str, JsonValue] = {
            "alarm": turn.name,
            "from": before.colour if before is not None else "gray",
            "to": turn.colour,
            "user": "",
            "by": "vcenter",
            "planned": False,
            "reconciled": True,
            "acknowledged": acknowledged,
            "message": "vCenter shows it so; no event said it",
        }
        event = Event(
            id=identity,
            type=alarms.CHANGED,
            source=f"vcenter/{self._place.name}",
            subject=turn.about,
            time=turn.at,
            data=data,
        )
        return self._judged(event, vsphere_alarms.part_of(turn.entity), replace(turn, shown=identity))

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
        """An alarm that was told already from what vCenter showed is the same event."""
        turn = _turn(event, happened)
        known = self.colours.last(turn)
        if known is not None and known.shown and known.colour == turn.colour and abs(turn.at - known.at) <= LATE:
            turn = replace(turn, shown=known.shown)
            event = event.model_copy(update={"id": known.shown})
        return self._judged(event, mapping.part_of(happened) or "", turn)

    def _judged(self, event: Event, part: str, turn: Turn) -> Event:
        kind = self.colours.meaning(part, turn)
        if kind == alarms.CHANGED:
            severity = alarms.SEVERITIES.get(turn.colour, Severity.INFO)
            return event.model_copy(update={"severity": severity})
        known = self._words.get(kind)
        severity = known.severity if known is not None else event.severity
        data = {**event.data, "part": turn.name}
        return event.model_copy(update={"type": kind, "severity": severity, "data": data})

    def _who(self, happened: VcenterEvent) -> str:
        if any(accounts.same(happened.user, own) for own in self._ours if happened.user):
            return "toban"
        return "person" if accounts.is_person(happened.user, self._ours) else "vcenter"


def _turn(event: Event, happened: VcenterEvent) -> Turn:
    refs, details = happened.refs, happened.details
    name, colour = details.get("alarm", ""), details.get("to", "")
    return Turn(name, event.subject, colour, happened.created, refs.get("entity", ""), refs.get("alarm", ""))
