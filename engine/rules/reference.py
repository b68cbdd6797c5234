"""The reference evaluator: what each pattern means, in plain Python without durable_rules. Slow, and right by reading.

Tests hold the matcher against it; see `matching` for the meaning in words.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from engine.model import ids
from engine.model.catalogue import Catalogue
from engine.model.event import Arrival, Event
from engine.model.policy import EventPattern, MetricPattern, Policy
from engine.rules import conditions, projecting
from engine.rules.expressions import Unusable

Told = tuple[str, str, str, datetime]
"""(matched or ended, match id, key, when)."""
NEVER = 9999
"""The year of a condition that has matched: it ripens no more."""
Opening = tuple[datetime, str]


def evaluate(
    policy: Policy,
    catalogue: Catalogue,
    key_of: Callable[[Event, str], str | None],
    arrivals: Iterable[Arrival],
    until: datetime,
) -> list[Told]:
    """All findings of one policy over these arrivals, with the clock turned to `until` at the end."""
    when = policy.spec.when
    by_key: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        key = key_of(arrival.event, when.by)
        if key is not None:
            by_key.setdefault(key, []).append(arrival)
    told: list[Told] = []
    for key, mine in by_key.items():
        if isinstance(when, MetricPattern):
            told += _metric(policy.name, when, key, mine, until)
        else:
            told += _held(policy.name, when, catalogue, key, mine, until)
    return sorted(told, key=lambda one: (one[3], one[0], one[1]))


def _held(
    name: str, when: EventPattern, catalogue: Catalogue, key: str, mine: list[Arrival], until: datetime
) -> list[Told]:
    closes = {when.until} if when.until else set(catalogue.recoveries_of(when.event))
    hold = timedelta(seconds=when.hold or 0)
    told: list[Told] = []
    since: Opening | None = None
    for arrival in mine:
        told_now, since = _ripen(since, key, hold, arrival.stored_at, stays=bool(closes))
        told += told_now
        if arrival.event.type in closes and since is not None:
            told.append(("ended", since[1], key, arrival.stored_at))
            since = None
        elif since is None and arrival.event.type == when.event and _fits(when, arrival.event):
            since = (arrival.stored_at, ids.content_hash([name, key, arrival.event.id]))
            if not hold:
                told.append(("matched", since[1], key, arrival.stored_at))
                since = (datetime.max.replace(tzinfo=since[0].tzinfo), since[1]) if closes else None
    return told + _ripen(since, key, hold, until, stays=True)[0]


def _ripen(
    since: Opening | None, key: str, hold: timedelta, now: datetime, *, stays: bool
) -> tuple[list[Told], Opening | None]:
    never = datetime.max.replace(tzinfo=now.tzinfo)
    if since is None or since[0] == never or not hold or since[0] + hold > now:
        return [], since
    told: list[Told] = [("matched", since[1], key, since[0] + hold)]
    return told, (never, since[1]) if stays else None


def _fits(when: EventPattern, event: Event) -> bool:
    if when.condition is None:
        return True
    try:
        return conditions.evaluate(when.condition, projecting.values(event))
    except Unusable:
        return False


def _metric(name: str, when: MetricPattern, key: str, mine: list[Arrival], until: datetime) -> list[Told]:
    event, _, field = when.metric.rpartition(".")
    sign = 1 if when.above is not None else -1
    boundary = sign * float(when.above if when.above is not None else when.below or 0)
    clear = sign * float(when.clear) if when.clear is not None else boundary
    hold = timedelta(seconds=when.hold)
    told: list[Told] = []
    since: Opening | None = None
    for arrival in mine:
        raw = arrival.event.data.get(field)
        if arrival.event.type != event or isinstance(raw, bool) or not isinstance(raw, int | float):
            continue
        value = sign * float(raw)
        told_now, since = _ripen(since, key, hold, arrival.stored_at, stays=True)
        told += told_now
        matched = since is not None and since[0].year == NEVER
        if since is None and value > boundary:
            since = (arrival.stored_at, ids.content_hash([name, key, arrival.event.id]))
            if not hold:
                told.append(("matched", since[1], key, arrival.stored_at))
                since = (datetime.max.replace(tzinfo=arrival.stored_at.tzinfo), since[1])
        elif since is not None and (value < clear if matched else value <= boundary):
            told.append(("ended", since[1], key, arrival.stored_at))
            since = None
    return told + _ripen(since, key, hold, until, stays=True)[0]
