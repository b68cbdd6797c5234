"""Why a policy acted on an object, or why not: read from the bus, decided again without doing anything."""

import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from engine.bus import subjects
from engine.bus.port import Bus
from engine.clock import HandClock
from engine.deciding import Decider, DeciderSettings
from engine.estate import linking, reading
from engine.guard.control import Control
from engine.hearing import Hearing, still_open
from engine.inhand import InHand
from engine.model import ids
from engine.model.catalogue import Catalogue
from engine.model.decision import Decision, DecisionRecord, Observation
from engine.model.estate import Estate, Site, Standing
from engine.model.event import Event
from engine.model.match import Match
from engine.model.policy import Policy
from engine.model.run import Outcome
from engine.past import FlowSettings, Past
from engine.rules import compiling, projecting, tracing
from engine.rules.pending import Pending
from engine.rules.tracing import Part
from engine.runs.journal import BusJournal
from engine.situating import Scene

RECENT = 5
"""Decisions that are shown."""


class Recorded(BaseModel):
    """A decision as it is stored, and how its run ended."""

    model_config = ConfigDict(frozen=True)

    decision: Decision
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything that there is to say; the wording is elsewhere."""

    policy: Policy
    object: str
    at: datetime
    is_past: bool
    in_scope: bool
    pending: tuple[Pending, ...]
    match: Match | None
    """The open match, if its condition holds now."""
    last: tuple[Event, datetime] | None
    """The last event about the object that the policy waits for."""
    since: datetime
    """How far back the events were read."""
    considered: Decision
    """What would be decided now about the open match, or if it matched now."""
    parts: tuple[Part, ...]
    """The policy's `if`, part by part."""
    recorded: tuple[Recorded, ...]
    """The latest decisions about the object, newest last."""


class _NoSight:
    """Nobody looks at anything for an explanation."""

    async def look(self, place: Standing) -> tuple[Observation, ...]:  # noqa: ARG002  the port's parameter
        return ()

    def blind(self, place: Standing) -> str | None:  # noqa: ARG002  the port's parameter
        return None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    policy: Policy
    object: str
    at: datetime
    is_past: bool
    guard: DeciderSettings = field(default_factory=DeciderSettings)
    replay: float = 7200.0
    ours: frozenset[str] = frozenset()


async def explain(bus: Bus, site: Site, catalogue: Catalogue, question: Question) -> Explained:
    """Rebuild what the engine knew at that moment, and look at the policy's clauses. Writes nothing to the bus."""
    policy, clock = question.policy, HandClock(question.at)
    with tempfile.TemporaryDirectory(prefix="toban-explain-") as folder:
        hand = InHand(Path(folder))
        hearing = Hearing(site, (policy,), catalogue, hand, question.ours)
        past = Past(bus, clock, hearing, FlowSettings(replay=question.replay))
        await past.inventory()
        since = await past.since((policy,))
        matches: dict[str, Match] = {}
        last: tuple[Event, datetime] | None = None
        wanted = {kind for one in compiling.compile_policy(policy, catalogue).alternatives for kind in one.takes}
        async for record in past.records(since):
            if record.stored_at > question.at:
                break
            arrival = past.decoded(record)
            if arrival is None:
                continue
            still_open(matches, hearing.heard("events", arrival), {})
            if arrival.event.type in wanted and hearing.key_of(arrival.event, policy.spec.when.by) == question.object:
                last = (arrival.event, arrival.stored_at)
        still_open(matches, hearing.matcher.advance(question.at), {})
        hand.close()
    picture = hearing.picture
    match = next((one for one in matches.values() if one.key == question.object and one.stays), None)
    decider = Decider(bus, clock, Control(bus), _NoSight(), {policy.name: policy}, question.guard)
    await decider.rebuild()
    scene = Scene(picture.estate, picture.seen, picture.people, picture.blind)
    supposed = match or _supposed(policy, question, last)
    return Explained(
        policy=policy,
        object=question.object,
        at=question.at,
        is_past=question.is_past,
        in_scope=linking.in_scope(picture.estate, policy.spec.scope, question.object),
        pending=hearing.matcher.pending(policy.name, question.object),
        match=match,
        last=last,
        since=since,
        considered=await decider.consider(supposed, policy, scene),
        parts=_parts(policy, supposed, picture.estate, catalogue),
        recorded=await _recorded(bus, policy.name, question),
    )


def known_objects(site: Site, estate: Estate) -> tuple[str, ...]:
    """Objects of the estate, for a name that was meant."""
    places = site.standings.values()
    declared = [name for place in places for name in (place.id, place.machine, f"group:{place.group}")]
    declared += [f"chassis:{chassis.name}" for chassis in site.chassis]
    declared += [f"vm:{vm.name}" for vm in estate.vms.values()]
    return tuple(dict.fromkeys([*declared, *(f"datastore:{name}" for name in estate.datastores)]))


async def estate_of(bus: Bus, site: Site, catalogue: Catalogue, at: datetime) -> Estate:
    """The estate as its inventory stands."""
    with tempfile.TemporaryDirectory(prefix="toban-explain-") as folder:
        hearing = Hearing(site, (), catalogue, InHand(Path(folder)))
        await Past(bus, HandClock(at), hearing, FlowSettings()).inventory()
        return hearing.picture.estate


def _supposed(policy: Policy, question: Question, last: tuple[Event, datetime] | None) -> Match:
    """A match as it would be if the pattern were fulfilled now."""
    events = (last[0],) if last is not None else ()
    name = ids.content_hash(["explain", policy.name, question.object, question.at.isoformat()])
    return Match(name, policy.name, question.object, question.at, question.at, 0.0, events)


def _parts(policy: Policy, match: Match, estate: Estate, catalogue: Catalogue) -> tuple[Part, ...]:
    if policy.spec.condition is None:
        return ()
    opening = projecting.values(match.events[0], catalogue) if match.events else {}
    values = {**reading.values_for(estate, match.key), **match.values, **opening}
    return tracing.trace(policy.spec.condition, values)


async def _recorded(bus: Bus, policy: str, question: Question) -> tuple[Recorded, ...]:
    found: list[Decision] = []
    async for record in bus.replay(subjects.ALL_DECISIONS):
        if record.stored_at <= question.at and f'"policy":"{policy}"'.encode() in record.body:
            decision = DecisionRecord.model_validate_json(record.body).decision
            if decision.object == question.object:
                found.append(decision)
    journal = BusJournal(bus)
    told: list[Recorded] = []
    for decision in found[-RECENT:]:
        entries, _ = await journal.read(decision.match) if decision.kind == "act" else ((), 0)
        ends = [entry.outcome for entry in entries if entry.phase.value == "ended" and entry.at <= question.at]
        told.append(Recorded(decision=decision, outcome=ends[-1] if ends else None))
    return tuple(told)
