"""The deciding stage: gather what a decision may rest on, decide, store it once, tell people."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog
from pydantic import ValidationError

from engine.bus import subjects
from engine.bus.port import Bus
from engine.clock import Clock
from engine.estate import linking, reading
from engine.guard import deciding, limits, witnesses
from engine.guard.control import Control
from engine.guard.deciding import Situation
from engine.guard.limits import Deed, Limits
from engine.guard.sight import Sight
from engine.model import catalogue, ids
from engine.model.decision import Act, Decision, DecisionRecord, Hold
from engine.model.errors import Conflict, TobanError
from engine.model.estate import Estate, Standing
from engine.model.event import Event, Severity
from engine.model.match import Ended, Match
from engine.model.policy import Policy
from engine.model.run import Outcome
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


class Decider:
    """Decides matches. Holds the latest decision of each match, rebuilt from DECISIONS at a start."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        control: Control,
        sight: Sight,
        policies: Mapping[str, Policy],
        settings: DeciderSettings,
    ) -> None:
        """Call `rebuild` before the first decision."""
        self._bus, self._clock, self._control, self._sight = bus, clock, control, sight
        self._policies, self._settings = policies, settings
        self._latest: dict[str, Decision] = {}
        self._deeds: dict[str, Deed] = {}

    @property
    def rehearsal(self) -> bool:
        """Whether runs only say what they would do."""
        return not self._settings.armed

    def exchange(self, policies: Mapping[str, Policy]) -> None:
        """Policies that are followed from now on."""
        self._policies = policies

    async def rebuild(self) -> None:
        """Read back the decisions of the last day, and which of their runs have ended."""
        since = self._clock.now() - timedelta(days=1)
        async for record in self._bus.replay(subjects.ALL_DECISIONS, since=since):
            try:
                self._remember(DecisionRecord.model_validate_json(record.body).decision)
            except ValidationError as error:
                log.warning("decision.unreadable", sequence=record.sequence, error=str(error)[:200])
        async for record in self._bus.replay(subjects.ALL_RUNS, last_per_subject=True):
            run = record.subject.partition(".")[2]
            if b'"phase":"ended"' in record.body and run in self._deeds:
                self._deeds[run] = replace(self._deeds[run], finished=True)

    async def decide(self, match: Match, policy: Policy, estate: Estate, seen: witnesses.Seen) -> Decision:
        """The decision about this match as it is now stored. An Act or Ignore is final; a Hold is looked at again."""
        latest = self._latest.get(match.id)
        if latest is not None and not isinstance(latest, Hold):
            return latest
        situation = await self._situation(match, policy, estate, seen)
        decision = deciding.decide(match, policy, situation, revision=latest.revision + 1 if latest else 0)
        if latest is not None and isinstance(decision, Hold) and _same(latest, decision):
            return latest
        return await self._store(decision, match)

    async def ended(self, ended: Ended) -> None:
        """The condition behind a match is over: say so, as an event that leads back to it."""
        latest = self._latest.get(ended.id)
        if latest is not None:
            await self._tell(
                "toban.condition.ended", ended.id, ended.key, f"{ended.policy}: the condition is over for {ended.key}"
            )

    async def run_ended(self, run: str, outcome: Outcome) -> None:
        """The run of a match is over; anything but success is a page."""
        self._finish(run)
        latest = self._latest.get(run)
        if latest is not None and outcome not in (Outcome.SUCCESS, Outcome.PARTIAL):
            await self._page(f"{run}.{outcome.value}", latest.object, f"run {run} of {latest.policy}: {outcome.value}")

    async def run_broken(self, run: str, why: str) -> None:
        """The run could not be carried on; it stays unfinished and a person is told."""
        latest = self._latest.get(run)
        await self._page(f"{run}.broken", latest.object if latest else "toban:engine", f"run {run} stands still: {why}")

    async def overflowed(self, policy: str, count: int) -> None:
        """A policy has more open conditions than it may hold; the oldest were dropped."""
        text = f"{policy}: {count} open conditions were dropped, the oldest first; narrow its pattern or its `by`"
        await self._tell("toban.rules.overflow", f"{policy}.{self._clock.now().isoformat()}", "toban:engine", text)

    def _finish(self, run: str) -> None:
        if run in self._deeds:
            self._deeds[run] = replace(self._deeds[run], finished=True)

    def _remember(self, decision: Decision) -> None:
        self._latest[decision.match] = decision
        if isinstance(decision, Act):
            policy = self._policies.get(decision.policy)
            rough = policy is None or limits.is_ungraceful(policy)
            self._deeds[decision.match] = Deed(decision.at, decision.policy, decision.object, rough)

    async def _store(self, decision: Decision, match: Match) -> Decision:
        body = DecisionRecord(decision=decision).model_dump_json().encode()
        subject = subjects.decision(decision.match, decision.revision)
        try:
            await self._bus.append(subject, body, expected=0, nonce=ids.content_hash([subject, body]))
        except Conflict:
            stored = await self._bus.last(subject)
            if stored is None:
                raise
            decision = DecisionRecord.model_validate_json(stored.body).decision
        self._remember(decision)
        why = "; ".join(reason.en for reason in decision.reasons)
        log.info("decision", kind=decision.kind, policy=decision.policy, object=decision.object, why=why)
        if isinstance(decision, Hold):
            await self._tell("toban.decision.held", f"{decision.match}.{decision.revision}", match.key, why)
            if decision.page:
                await self._page(f"{decision.match}.{decision.revision}", match.key, f"{decision.policy} holds: {why}")
        return decision

    async def _situation(self, match: Match, policy: Policy, estate: Estate, seen: witnesses.Seen) -> Situation:
        host = linking.host_of(estate, match.key)
        place = estate.site.standings.get(host) if host else None
        rough = limits.is_ungraceful(policy)
        within = policy.spec.witnesses.within if policy.spec.witnesses else self._settings.expires
        if place is not None and (rough or policy.spec.witnesses):
            for word in await self._sight.look(place):
                seen = witnesses.remember(seen, word)
        now = self._clock.now()
        expires = min(within, self._settings.expires)
        return Situation(
            now=now,
            site=estate.site,
            observations=witnesses.about(seen, place.id if place else match.key, now, expires),
            hosts_down=witnesses.hosts_down(seen, now, self._settings.limits.mass_within),
            deeds=tuple(self._deeds.values()),
            stopped=await self._control.stopped(match.key),
            blind=self._sight.blind(place) if place is not None and rough else None,
            maintenance=await self._maintenance(match.key, place, estate),
            condition=_condition(policy, match, estate),
            limits=self._settings.limits,
            need=self._settings.need,
        )

    async def _maintenance(self, key: str, place: Standing | None, estate: Estate) -> str | None:
        flags = [await self._control.maintenance(target) for target in {key, place.id if place else key}]
        live = estate.hosts.get(place.host.name) if place else None
        if live is not None and live.maintenance:
            return "vCenter says so"
        return next((flag for flag in flags if flag), None)

    async def _page(self, cause: str, about: str, text: str) -> None:
        log.warning("page", object=about, text=text)
        await self._tell("toban.page", cause, about, text, Severity.CRITICAL)

    async def _tell(self, kind: str, cause: str, about: str, text: str, severity: Severity = Severity.WARNING) -> None:
        event = Event(
            id=ids.content_hash([kind, cause]),
            type=kind,
            source="toban/engine",
            subject=about,
            time=self._clock.now(),
            severity=severity,
            data={"text": text},
            causationid=cause.partition(".")[0],
        )
        try:
            await self._bus.publish(event)
        except TobanError as error:
            log.warning("telling.failed", kind=kind, about=about, error=str(error))


def _same(before: Decision, after: Decision) -> bool:
    return {reason.code for reason in before.reasons} == {reason.code for reason in after.reasons}


def _condition(policy: Policy, match: Match, estate: Estate) -> bool | None:
    if policy.spec.condition is None:
        return None
    opening = projecting.values(match.events[0], catalogue.shipped()) if match.events else {}
    try:
        known = {**reading.values_for(estate, match.key), **match.values, **opening}
        return evaluating.evaluate(policy.spec.condition, known)
    except (TobanError, ValueError) as error:
        log.warning("condition.unreadable", policy=policy.name, error=str(error))
        return None
