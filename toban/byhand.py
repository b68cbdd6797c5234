"""Orders by hand, from the outside: what would be done, giving the order, and following it to its end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine import planning
from engine.bus import subjects
from engine.bus.port import Bus
from engine.clock import Clock
from engine.model import ids, order
from engine.model.decision import Act, Decision, DecisionRecord, Ignore
from engine.model.errors import ConfigurationError
from engine.model.estate import Estate
from engine.model.event import Event
from engine.model.ids import Kind
from engine.model.match import Match
from engine.model.order import Order
from engine.model.run import Entry, Outcome, Phase, RunPlan, entries_of

GRACE = timedelta(seconds=30)
"""How long after an order's end its last word is waited for."""


@dataclass(frozen=True, slots=True)
class Silent:
    """Nobody decided about an order while it was valid: no engine is on duty, or it cannot hear."""


Word = Decision | Entry | Silent


def preview(estate: Estate, wanted: Order, event: Event) -> RunPlan:
    """What would be done if it were decided now; raises ConfigurationError for an object that is not there."""
    known(estate, wanted.about)
    policy = order.policy(event)
    match = Match(order.match_id(event), policy.name, wanted.about, event.time, event.time, 0.0, (event,), stays=False)
    act = Act(match=match.id, policy=policy.name, object=wanted.about, at=event.time, reasons=(), causes=(event.id,))
    return planning.plan(act, match, policy, estate, rehearsal=True)


def known(estate: Estate, about: str) -> None:
    """Raises ConfigurationError for a host, VM or group that the picture does not have, with what it has."""
    kind, name = ids.kind_of(about), ids.name_of(about)
    groups = {place.group for place in estate.site.standings.values()}
    names = {
        Kind.HOST: set(estate.site.standings),
        Kind.VM: {vm.name for vm in estate.vms.values() if not vm.template},
        Kind.GROUP: groups,
    }.get(kind)
    if names is not None and name not in names:
        some = ", ".join(sorted(names)[:8]) + (", ..." if len(names) > 8 else "") or "none"
        msg = f"there is no {kind.value} {name!r}; known: {some}"
        raise ConfigurationError(msg)


def valid_until(event: Event) -> datetime:
    """When an order is void, as near as its giver can tell: the engine counts from its storing."""
    return event.time + timedelta(seconds=order.VALID_FOR)


async def follow(bus: Bus, event: Event, clock: Clock) -> AsyncGenerator[Word, None]:
    """Every new word about an order: decisions until one is final, then the journal of its run until that ends."""
    match = order.match_id(event)
    acted = False
    left = (valid_until(event) + GRACE - clock.now()).total_seconds()
    heard = False
    try:
        async with asyncio.timeout(max(1.0, left)):
            async with aclosing(bus.follow(subjects.decisions_of(match), from_start=True)) as records:
                async for record in records:
                    decision = DecisionRecord.model_validate_json(record.body).decision
                    heard = True
                    yield decision
                    if isinstance(decision, Act | Ignore):
                        acted = isinstance(decision, Act)
                        break
    except TimeoutError:
        if not heard:
            yield Silent()
        return
    if acted:
        async with aclosing(bus.follow(subjects.run(match), from_start=True)) as records:
            async for record in records:
                for entry in entries_of(record.body):
                    yield entry
                    if entry.phase is Phase.ENDED:
                        return


def code(last: Word | None) -> int:
    """The exit code that a last word means: 0 only for a run that ended well."""
    return 0 if isinstance(last, Entry) and last.outcome is Outcome.SUCCESS else 1
