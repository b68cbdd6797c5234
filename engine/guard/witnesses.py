"""Observation classes (safety rule S1): two reports of one class count once, old ones do not count."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from engine.model.catalogue import Catalogue, Tells
from engine.model.decision import Observation
from engine.model.event import Event

TURNS = 8
"""Changes of one class about one host that are kept in mind."""
Seen = dict[str, dict[str, Observation]]
"""The last word of each witness class about each host, by host id and class."""


def observe(catalogue: Catalogue, event: Event, host: str, at: datetime) -> Observation | None:
    """What this event testifies about its host's life, or None if it is no witness."""
    entry = catalogue.get(event.type)
    if entry is None or entry.witness is None or entry.tells is None:
        return None
    says = f"{event.type} about {event.subject} from {event.source}"
    return Observation(witness=entry.witness, subject=host, down=entry.tells is Tells.DOWN, at=at, says=says)


def remember(seen: Seen, observation: Observation) -> Seen:
    """The newest word of each class stands; it keeps in mind when the class last changed its word."""
    about = seen.get(observation.subject, {})
    known = about.get(observation.witness)
    if known is not None and known.at > observation.at:
        return seen
    before, was_down = (known.turns, known.down) if known is not None else ((), False)
    turned = (observation.at,) if was_down is not observation.down else ()
    observation = observation.model_copy(update={"turns": (*before, *turned)[-TURNS:]})
    return {**seen, observation.subject: {**about, observation.witness: observation}}


def about(seen: Seen, host: str, now: datetime, expires: float) -> tuple[Observation, ...]:
    """All that still counts about a host; observations older than `expires` seconds do not."""
    fresh = now - timedelta(seconds=expires)
    return tuple(word for _, word in sorted(seen.get(host, {}).items()) if word.at >= fresh)


def turns(seen: Seen, host: str, since: datetime) -> int:
    """How often a host went up or down since then, by the class that saw most of it."""
    counts = (sum(at >= since for at in word.turns) for word in seen.get(host, {}).values())
    return max(counts, default=0)


def down(observations: Iterable[Observation], classes: Iterable[str]) -> tuple[str, ...]:
    """The classes among these that say down, each once, by name."""
    allowed = set(classes)
    return tuple(sorted({o.witness for o in observations if o.down and o.witness in allowed}))


def hosts_down(seen: Seen, now: datetime, within: float) -> frozenset[str]:
    """Hosts that any class called down in the last `within` seconds (for mass failure, S10)."""
    since = now - timedelta(seconds=within)
    words = ((host, word) for host, about in seen.items() for word in about.values())
    return frozenset(host for host, word in words if word.down and word.at >= since)
