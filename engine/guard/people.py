"""What people did last to each object (safety rule S17): a pure fold over events, bounded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.model import accounts
from engine.model.event import Event

LIMIT = 5000
"""Objects that are remembered; the one that was touched longest ago makes room."""


@dataclass(frozen=True, slots=True)
class HumanAct:
    """A person did something to an object."""

    who: str
    what: str
    """Event type."""
    object: str
    at: datetime
    """When it was stored, by our clock."""


People = dict[str, HumanAct]
"""The last human act by object."""


def observe(event: Event, at: datetime, ours: Iterable[str]) -> HumanAct | None:
    """What a person did, or None where the event names nobody, Toban, or vCenter itself."""
    user = event.data.get("user")
    if not isinstance(user, str) or not accounts.is_person(user, ours):
        return None
    return HumanAct(user[:128], event.type, event.subject, at)


def remember(people: People, act: HumanAct) -> People:
    """The newest act on each object stands."""
    known = people.get(act.object)
    if known is not None and known.at > act.at:
        return people
    kept = {**people, act.object: act}
    if len(kept) > LIMIT:
        del kept[min(kept, key=lambda name: kept[name].at)]
    return kept


def last_on(people: People, objects: Iterable[str]) -> HumanAct | None:
    """The newest human act on any of these objects; of one moment the first by name."""
    found = [act for name in objects if (act := people.get(name)) is not None]
    return min(found, key=lambda act: (-act.at.timestamp(), act.object), default=None)


def within(act: HumanAct | None, seconds: float, now: datetime) -> bool:
    """Whether this was so lately."""
    return act is not None and act.at > now - timedelta(seconds=seconds)
