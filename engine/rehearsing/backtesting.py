"""A changed policy over what was recorded, on virtual time, against what was decided or another would decide."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from engine.clock import HandClock
from engine.cron import Cron
from engine.deciding import DeciderSettings
from engine.estate import projecting
from engine.guard import limits
from engine.model.catalogue import Catalogue
from engine.model.decision import Decision, Observation
from engine.model.errors import ConfigurationError
from engine.model.estate import Estate, Site, Standing
from engine.model.event import Arrival
from engine.model.match import Match
from engine.model.policy import Policy
from engine.rehearsing import comparing
from engine.rehearsing.comparing import Difference
from engine.rehearsing.records import Decided, End, Head, Item, Pictured
from engine.rehearsing.staging import Setting, Stage
from engine.schedule import ticking

REST = 2.0
"""Seconds between two looks at a held match, as on duty."""
LONGEST = timedelta(days=400)
SEEN = " (as recorded)"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays, and under which rules."""

    policy: Policy
    against: Policy | None
    """None: what was recorded of the policy with that name."""
    beside: tuple[Policy, ...]
    """Other policies of the site: they count in limits and precedence."""
    guard: DeciderSettings
    ours: frozenset[str]
    site: Site | None = None
    """Instead of the estate of the record."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of it."""

    head: Head
    difference: Difference
    events: int
    until: datetime
    """Until when the record reaches."""
    whole: bool
    """False: it was broken off; nothing is known of what came after `until`."""
    young: int
    """Objects whose inventory was stored after the beginning: how they were before is not known."""
    seen_then: frozenset[str]
    """Matches decided with what was seen at the time."""
    unseen: frozenset[str]
    """Matches that needed a look that nobody took then: they rest on the events alone."""

    @property
    def days(self) -> float:
        """Days that are compared."""
        return max((self.until - self.head.start).total_seconds(), 1.0) / 86400.0


class _Eyes:
    """See again what was seen for a decision about the same events."""

    def __init__(self, clock: HandClock, recorded: Iterable[Decision]) -> None:
        self._clock = clock
        self._causes: frozenset[str] = frozenset()
        self._by_cause: dict[str, list[Decision]] = {}
        for decision in recorded:
            for cause in decision.causes:
                self._by_cause.setdefault(cause, []).append(decision)

    def expect(self, matches: Sequence[Match]) -> None:
        """What is about to be decided."""
        self._causes = frozenset(event.id for match in matches for event in match.events)

    async def look(self, place: Standing) -> tuple[Observation, ...]:
        """See the port."""
        now = self._clock.now()
        known = [one for cause in sorted(self._causes) for one in self._by_cause.get(cause, ())]
        about = [one for one in known if any(word.subject == place.id for word in one.observations)]
        if not about:
            return ()
        nearest = min(about, key=lambda one: abs(one.at - now))
        words = [word for word in nearest.observations if word.subject == place.id]
        return tuple(
            word.model_copy(update={"at": min(now, now - (nearest.at - word.at)), "says": word.says + SEEN})
            for word in words
        )

    def blind(self, place: Standing) -> str | None:  # noqa: ARG002  how sure of its sight the engine was is not recorded
        """See the port."""
        return None


@dataclass(slots=True)
class _Reading:
    """What was read before the first event."""

    head: Head | None = None
    estate: Estate = field(default_factory=lambda: Estate(site=Site()))
    decisions: list[Decision] = field(default_factory=list)
    young: int = 0

    def take(self, item: Head | Pictured | Decided, site: Site | None) -> None:
        if isinstance(item, Head):
            if not item.since <= item.start <= item.end or item.end - item.since > LONGEST:
                msg = f"the record's times are out of order or more than {LONGEST.days} days apart"
                raise ConfigurationError(msg)
            self.head, self.estate = item, Estate(site=site or item.estate)
        elif isinstance(item, Decided):
            self.decisions.append(item.decision)
        else:
            self.estate = projecting.apply(self.estate, item.arrival.event)
            self.young += self.head is not None and item.arrival.stored_at > self.head.start


class _Player:
    """One policy over the record."""

    def __init__(self, read: _Reading, head: Head, policy: Policy, cast: Cast, catalogue: Catalogue) -> None:
        clock = HandClock(head.since)
        eyes = _Eyes(clock, read.decisions)
        setting = Setting(
            clock, read.estate, eyes, replace(cast.guard, orders_age=0.0), cast.ours, rest=REST, deciding=eyes.expect
        )
        beside = tuple(one for one in cast.beside if one.name != policy.name)
        self.stage = Stage(setting, (policy, *beside), catalogue)
        self._ticks = _ticks((policy, *beside), head)
        self._next = 0

    async def hear(self, arrival: Arrival) -> None:
        """The times of schedules up to then, and then this."""
        await self.pass_to(arrival.stored_at)
        if arrival.event.type != ticking.DUE:  # those of the schedules as they are now come by themselves
            await self._hear(arrival)

    async def pass_to(self, moment: datetime) -> None:
        """Let time pass."""
        while self._next < len(self._ticks) and self._ticks[self._next].stored_at <= moment:
            tick = self._ticks[self._next]
            self._next += 1
            await self.stage.pass_to(tick.stored_at)
            await self._hear(tick)
        await self.stage.pass_to(moment)

    async def _hear(self, arrival: Arrival) -> None:
        await self.stage.hear(arrival)
        await self.stage.look_again()

    def told(self, head: Head) -> tuple[Decision, ...]:
        """What was decided in the time that is compared."""
        return tuple(one.decision for one in self.stage.findings.told if head.start <= one.decision.at <= head.end)


def _ticks(policies: tuple[Policy, ...], head: Head) -> tuple[Arrival, ...]:
    found: list[Arrival] = []
    for one in ticking.planned(policies):
        for slot in Cron(one.expression, one.timezone).slots(head.since, head.end):
            event = ticking.due(one, (slot,))
            found += [Arrival(event=event, sequence=0, stored_at=slot)] if event is not None else []
    return tuple(sorted(found, key=lambda arrival: arrival.stored_at))


async def run(items: AsyncIterator[Item], cast: Cast, catalogue: Catalogue) -> Backtest:
    """Play the whole record once. Memory: the estate, the decisions and what is open; never the events.

    Raises `ConfigurationError` for a record that cannot be used, `Unusable` or `CoreFault` for such a policy.
    """
    read, events, until = _Reading(), 0, datetime.min.replace(tzinfo=UTC)
    whole = False
    players: list[_Player] = []
    head: Head | None = None
    async for item in items:
        if isinstance(item, Head | Pictured | Decided):
            read.take(item, cast.site)
            continue
        head = _known(read)
        if not players:
            players = _players(read, head, cast, catalogue)
        if isinstance(item, End):
            until, whole = min(item.until, head.end), item.until >= head.end
            continue
        if not head.since <= item.stored_at <= head.end:
            msg = f"event {item.event.id} was stored at {item.stored_at.isoformat()}, outside the time of the record"
            raise ConfigurationError(msg)
        events, until = events + 1, item.stored_at
        for player in players:
            await player.hear(item)
    head = _known(read)
    players = players or _players(read, head, cast, catalogue)
    until = max(until, head.since)
    for player in players:
        await player.pass_to(until)
    after = players[0].told(head)
    if cast.against is not None:
        before = players[1].told(head)
    else:
        ours = [one for one in read.decisions if one.policy == cast.policy.name]
        before = tuple(one for one in comparing.news(ours) if head.start <= one.at <= head.end)
    seen = frozenset(one.match for one in after if any(word.says.endswith(SEEN) for word in one.observations))
    looks = limits.is_ungraceful(cast.policy) or cast.policy.spec.witnesses is not None
    unseen = frozenset(one.match for one in after) - seen if looks else frozenset()
    return Backtest(head, comparing.compare(before, after), events, until, whole, read.young, seen, unseen)


def _known(read: _Reading) -> Head:
    if read.head is None:
        msg = "the record does not begin with its first line; make one with: toban record --out FILE"
        raise ConfigurationError(msg)
    return read.head


def _players(read: _Reading, head: Head, cast: Cast, catalogue: Catalogue) -> list[_Player]:
    policies = [cast.policy, *([cast.against] if cast.against is not None else [])]
    return [_Player(read, head, one, cast, catalogue) for one in policies]
