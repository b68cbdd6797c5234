"""One round of decisions: what is read once for all its matches, and the situation of each."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from engine.estate import reading
from engine.estate.places import Places
from engine.guard import blindness, limits, people, witnesses
from engine.guard.blindness import Blindness
from engine.guard.control import Orders
from engine.guard.limits import Limits
from engine.guard.people import People
from engine.guard.precedence import Claim
from engine.guard.remembering import Remembered
from engine.guard.sight import Sight
from engine.guard.situation import Situation
from engine.model import catalogue, order
from engine.model.decision import Observation
from engine.model.errors import TobanError
from engine.model.estate import Estate, Standing
from engine.model.match import Match
from engine.model.policy import Policy
from engine.rules import evaluating, projecting

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeciderSettings:
    """The site's guard."""

    armed: bool = False
    """False: runs are rehearsed, nothing is touched."""
    need: int = 2
    """Witness classes for an ungraceful act."""
    expires: float = 60.0
    """Seconds an observation counts (safety rule S1)."""
    limits: Limits = field(default_factory=Limits)
    orders_age: float = 0.1
    """Seconds for which one reading of what people ordered serves; before each act the stop switch is read anew."""
    authenticated: bool = False
    """For an ungraceful act a trap counts only where it proves its sender."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the engine knows at the beginning of a round."""

    estate: Estate
    seen: witnesses.Seen
    people: People = field(default_factory=dict)
    blind: Blindness = field(default_factory=dict)


class Round:
    """What several decisions of one moment share; each thing is worked out once."""

    def __init__(self, scene: Scene, orders: Orders, settings: DeciderSettings, now: datetime) -> None:
        """Nobody has looked yet."""
        self.places = Places(scene.estate)
        self.orders, self.now = orders, now
        self._scene, self._settings = scene, settings
        self._looked: dict[str, tuple[Observation, ...]] = {}
        self.mass = self._mass()

    def looker(self, match: Match, policy: Policy) -> Standing | None:
        """The host that is to be looked at once more for this match, or None.

        In a mass failure nobody looks: every ungraceful act is held whatever is seen (safety rule S10), and hundreds of
        dead controllers would take minutes to answer.
        """
        rough = limits.is_ungraceful(policy)
        if not (rough or policy.spec.witnesses is not None) or (rough and self.mass is not None):
            return None
        return self.places.of(match.key)

    def looked(self, words: Iterable[tuple[str, tuple[Observation, ...]]], now: datetime) -> None:
        """What was seen, by host id; what it says about a mass failure counts for everybody."""
        self.now = now
        self._looked.update(words)
        self.mass = self._mass()

    def opened(self, policy: str, why: str) -> None:
        """A breaker opens: for whoever is decided after this it is open."""
        self.orders = self.orders.opened(policy, why, self.now)

    def situation(self, match: Match, policy: Policy, known: Remembered, sight: Sight) -> Situation:
        """How things stand for a match."""
        place = self.places.of(match.key)
        noticed = known.noticed.get(match.id)
        units = _units(match.key, place)
        return Situation(
            now=self.now,
            places=self.places,
            observations=self._observations(policy, place.id if place is not None else match.key),
            mass=self.mass,
            deeds=known.deeds,
            stopped=self.orders.stopped(*units),
            disarmed=self.orders.disarmed(policy.name),
            breaker=self.orders.breaker(policy.name),
            answer=self.orders.answer(match.id),
            waiting_since=known.waiting.get(match.id),
            blind=self._blind(match, policy, sight),
            maintenance=self._maintenance(place, units),
            human=people.last_on(self._scene.people, self.places.around(match.key)),
            on_target=people.last_on(self._scene.people, self.places.itself_named(match.key)),
            rival=_rival(match, policy, known, place),
            condition=self._condition(policy, match),
            overdue=noticed.overdue if noticed is not None else None,
            noticed=noticed.at if noticed is not None else None,
            flapping=self._flapping(place) if place is not None else None,
            ordered=order.of(match.events[0]) if order.of_events(match.events) is not None else None,
            limits=self._settings.limits,
            need=self._settings.need,
            authenticated=self._settings.authenticated,
        )

    def _mass(self) -> str | None:
        bounds = self._settings.limits
        down = witnesses.hosts_down(self._scene.seen, self.now, bounds.mass_within)
        down |= {word.subject for words in self._looked.values() for word in words if word.down}
        return limits.mass_failure(self._scene.estate.site, down, bounds)

    def _observations(self, policy: Policy, about: str) -> tuple[Observation, ...]:
        seen = {about: self._scene.seen.get(about, {})}
        for word in self._looked.get(about, ()):
            seen = witnesses.remember(seen, word)
        within = policy.spec.witnesses.within if policy.spec.witnesses else self._settings.expires
        return witnesses.about(seen, about, self.now, min(within, self._settings.expires))

    def _blind(self, match: Match, policy: Policy, sight: Sight) -> str | None:
        if not (limits.is_ungraceful(policy) or limits.takes_capacity(policy)):
            return None
        place = self.places.of(match.key)
        known = blindness.against(self._scene.blind, place.host.vcenter if place is not None else None)
        if place is not None or known is not None:
            return (sight.blind(place) if place is not None else None) or known
        group = self.places.group(match.key)
        found = (sight.blind(one) for one in self.places.hosts_of(group)) if group is not None else ()
        return next((why for why in found if why is not None), None)

    def _flapping(self, place: Standing) -> str | None:
        """Why the host is in quarantine, or has to go there: it changed its state too often of late (S13)."""
        bounds, known = self._settings.limits, self.orders.quarantine(place.id)
        if known is not None and known[0]:
            return known[0]
        since = self.now - timedelta(seconds=bounds.flaps_within)
        since = max(since, known[1]) if known is not None else since
        count = witnesses.turns(self._scene.seen, place.id, since)
        if count < bounds.flaps:
            return None
        return f"{place.id} went up or down {count} times within {bounds.flaps_within:.0f} s"

    def _maintenance(self, place: Standing | None, units: tuple[str, ...]) -> str | None:
        live = self._scene.estate.hosts.get(place.host.name) if place is not None else None
        return "vCenter says so" if live is not None and live.maintenance else self.orders.maintenance(*units)

    def _condition(self, policy: Policy, match: Match) -> bool | None:
        if policy.spec.condition is None:
            return None
        opening = projecting.values(match.events[0], catalogue.shipped()) if match.events else {}
        try:
            values = {**reading.values_for(self._scene.estate, match.key), **match.values, **opening}
            return evaluating.evaluate(policy.spec.condition, values)
        except (TobanError, ValueError) as error:
            log.warning("condition.unreadable", policy=policy.name, error=str(error))
            return None


def _units(key: str, place: Standing | None) -> tuple[str, ...]:
    """Under which names an order about an object may have been given."""
    if place is None:
        return (key,)
    chassis = (f"chassis:{place.chassis.name}",) if place.chassis is not None else ()
    return (key, place.id, place.machine, f"group:{place.group}", *chassis)


def _rival(match: Match, policy: Policy, known: Remembered, place: Standing | None) -> Claim | None:
    mine = known.claims.known(match.id) or Claim(match.id, policy.name, policy.spec.priority, match.opened_at)
    names = {match.key} | ({place.id, place.machine} if place is not None else set())
    return known.claims.rival(replace(mine, running=False), names)
