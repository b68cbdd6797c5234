"""Hear: what an arrival changes in the picture, and which patterns it completes; in the order of storage."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from engine.estate import linking, projecting
from engine.guard import blindness, people, witnesses
from engine.guard.blindness import Blindness
from engine.guard.people import People
from engine.inhand import InHand
from engine.model import ids, order
from engine.model.catalogue import Catalogue
from engine.model.errors import Permanent
from engine.model.estate import Estate, Site
from engine.model.event import Arrival, Event
from engine.model.ids import Kind
from engine.model.match import Finding, Match
from engine.model.policy import Policy
from engine.rules.matching import Matcher

log = structlog.get_logger()


@dataclass(slots=True)
class Picture:
    """What the engine knows now; replaced, never changed in place."""

    estate: Estate
    seen: witnesses.Seen
    people: People = field(default_factory=dict)
    blind: Blindness = field(default_factory=dict)


class Hearing:
    """The picture and the matcher, fed together."""

    def __init__(
        self,
        site: Site,
        policies: tuple[Policy, ...],
        catalogue: Catalogue,
        hand: InHand,
        ours: frozenset[str] = frozenset(),
    ) -> None:
        """An empty picture; raises `Unusable` or `CoreFault` for a policy that `policy check` would refuse.

        `ours`: accounts under which no person acts, as they are written in the settings.
        """
        self._catalogue, self._hand, self._ours = catalogue, hand, ours
        self.picture = Picture(Estate(site=site), {})
        self.matcher = Matcher(policies, catalogue, self.key_of)

    def key_of(self, event: Event, by: str) -> str | None:
        """The object that a pattern's `by` groups an event under, as the picture stands now."""
        return linking.key_for(self.picture.estate, event, by)

    def heard(self, stream: str, arrival: Arrival) -> tuple[Finding, ...]:
        """What was due before it, then what it completes or ends itself."""
        self._hand.take(stream, arrival.sequence)
        arrival = self._named(arrival)
        due = self.matcher.advance(arrival.stored_at)
        self.pictured(arrival)
        found = (*due, *self.matcher.feed(arrival), *_ordered(arrival))
        self._hand.down()
        return found

    def replayed(self, matcher: Matcher, stream: str, arrival: Arrival) -> tuple[Finding, ...]:
        """What a past event gives in a matcher that is being built beside the one at work."""
        self._hand.take(stream, arrival.sequence)
        found = (*matcher.advance(arrival.stored_at), *matcher.feed(self._named(arrival)))
        self._hand.down()
        return found

    def pictured(self, arrival: Arrival) -> None:
        """The picture only. An event that it cannot take leaves it as it was; nothing else stops for it."""
        try:
            self._take(arrival)
        except Exception:  # whatever one event does to the picture, the others go on
            log.exception("picture.fault", event_id=arrival.event.id, kind=arrival.event.type)

    def _named(self, arrival: Arrival) -> Arrival:
        """About a host by its definition, whatever the hypervisor on the blade that serves it calls itself."""
        event = arrival.event
        host = self.picture.estate.site.by_hypervisor.get(ids.name_of(event.subject))
        if host is None or ids.kind_of(event.subject) is not Kind.HOST or event.type.startswith("inventory."):
            return arrival
        named = event.model_copy(update={"subject": ids.object_id(Kind.HOST, host)})
        return arrival.model_copy(update={"event": named})

    def is_poison(self, stream: str, sequence: int) -> bool:
        """Whether this record was in hand when the process died, too often to be tried again."""
        return self._hand.is_poison(stream, sequence)

    def _take(self, arrival: Arrival) -> None:
        event = arrival.event
        self.picture.estate = projecting.apply(self.picture.estate, event)
        self.picture.blind = blindness.follow(self.picture.blind, event, arrival.stored_at)
        act = people.observe(event, arrival.stored_at, self._ours)
        if act is not None:
            self.picture.people = people.remember(self.picture.people, act)
        host = linking.host_of(self.picture.estate, event.subject)
        if host is not None:
            word = witnesses.observe(self._catalogue, event, f"host:{host}", arrival.stored_at)
            if word is not None:
                self.picture.seen = witnesses.remember(self.picture.seen, word)


def _ordered(arrival: Arrival) -> tuple[Match, ...]:
    """What a person orders is a match at once; an order that nobody can carry out is told, and nothing else."""
    event, at = arrival.event, arrival.stored_at
    if event.type != order.REQUESTED:
        return ()
    try:
        name = order.policy(event).name
    except Permanent as error:
        log.warning("order.refused", event_id=event.id, error=str(error))
        return ()
    return (Match(order.match_id(event), name, event.subject, at, at, 0.0, (event,), stays=False),)


def still_open(before: dict[str, Match], findings: Iterable[Finding], begun: dict[str, datetime]) -> None:
    """Fold findings of the past into the matches that are to be decided now.

    A match of something that does not stay counts only if its policy was waiting for it then: a policy that is new does
    not act on what was over before it came.
    """
    for finding in findings:
        if not isinstance(finding, Match):
            before.pop(finding.id, None)
        elif finding.stays or finding.at >= begun.get(finding.policy, finding.at):
            before[finding.id] = finding
