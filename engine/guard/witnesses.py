"""Observation classes (safety rule S1): two reports of one class count once, old ones do not count."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from engine.model.catalogue import Catalogue, Tells
from engine.model.decision import Observation
from engine.model.event import Event

TURNS = 8
"""Changes of one class about one host that are kept in mind."""
TRAPS = "snmp/"
"""How the sources of traps begin."""
Seen = dict[str, dict[str, Observation]]
"""The last words of each witness class about each host, what is proven and what is not, by host id and place."""


def observe(catalogue: Catalogue, event: Event, host: str, at: datetime) -> Observation | None:
    """What this event testifies about its host's life, or None if it is no witness."""
    entry = catalogue.get(event.type)
    if entry is None or entry.witness is None or entry.tells is None:
        return None
    says = f"{event.type} about {event.subject} from {event.source}"
    down, proven = entry.tells is Tells.DOWN, _is_proven(event)
    return Observation(witness=entry.witness, subject=host, down=down, at=at, says=says, proven=proven)


def _is_proven(event: Event) -> bool:
    """Whether nobody else can have said it. A trap has to say so itself; other collectors know whom they talk to."""
    said = event.data.get("authenticated")
    return said is True or (said is None and not event.source.startswith(TRAPS))


def remember(seen: Seen, observation: Observation) -> Seen:
    """The newest word of each class stands, and beside an unproven one the newest that is proven.

    It keeps in mind when the class last changed its word.
    """
    about, place = seen.get(observation.subject, {}), _place(observation)
    known = about.get(place)
    if known is not None and known.at > observation.at:
        return seen
    before = max((word for word in about.values() if word.witness == observation.witness), key=_newest, default=None)
    turned = (observation.at,) if (before is not None and before.down) is not observation.down else ()
    turns = (*(before.turns if before is not None else ()), *turned)[-TURNS:]
    return {**seen, observation.subject: {**about, place: observation.model_copy(update={"turns": turns})}}


def _place(word: Observation) -> str:
    return word.witness if word.proven else f"{word.witness} unproven"


def _newest(word: Observation) -> tuple[datetime, bool]:
    return word.at, word.proven


def about(seen: Seen, host: str, now: datetime, expires: float) -> tuple[Observation, ...]:
    """All that still counts about a host; observations older than `expires` seconds do not."""
    fresh = now - timedelta(seconds=expires)
    found = [word for _, word in sorted(seen.get(host, {}).items()) if word.at >= fresh]
    stands = standing(found)
    return tuple(word for word in found if word.proven or word in stands)


def standing(observations: Iterable[Observation], *, authenticated: bool = False) -> tuple[Observation, ...]:
    """The last word of each class; `authenticated`: of what is proven only."""
    last: dict[str, Observation] = {}
    for word in observations:
        known = last.get(word.witness)
        if (word.proven or not authenticated) and (known is None or _newest(known) <= _newest(word)):
            last[word.witness] = word
    return tuple(last.values())


def turns(seen: Seen, host: str, since: datetime) -> int:
    """How often a host went up or down since then, by the class that saw most of it."""
    counts = (sum(at >= since for at in word.turns) for word in seen.get(host, {}).values())
    return max(counts, default=0)


def down(
    observations: Iterable[Observation], classes: Iterable[str], *, authenticated: bool = False
) -> tuple[str, ...]:
    """The classes among these that say down, each once, by name."""
    allowed, stands = set(classes), standing(observations, authenticated=authenticated)
    return tuple(sorted({word.witness for word in stands if word.down and word.witness in allowed}))


def hosts_down(seen: Seen, now: datetime, within: float) -> frozenset[str]:
    """Hosts that any class called down in the last `within` seconds (for mass failure, S10)."""
    since = now - timedelta(seconds=within)
    words = ((host, word) for host, about in seen.items() for word in about.values())
    return frozenset(host for host, word in words if word.down and word.at >= since)
