"""The read side over the bus: one run's whole story, and whether somebody is on duty."""

import json
from datetime import datetime

from engine.audit import timeline
from engine.audit.timeline import Line
from engine.bus import codec, subjects
from engine.bus.port import Bus, Record
from engine.model.decision import DecisionRecord
from engine.model.errors import ConfigurationError, Permanent
from engine.model.run import entries_of
from engine.runs.journal import BusJournal

ON_DUTY_WITHIN = 30.0
"""Seconds within which a Toban on duty has renewed its heartbeat."""


def entry_lines(record: Record) -> list[Line]:
    """The records of a journal's message as lines that name their run."""
    lines = [timeline.of_entry(entry, entry.command or entry.run) for entry in entries_of(record.body)]
    run = record.subject.partition(".")[2]
    return [line.model_copy(update={"about": run}) for line in lines if line is not None]


async def find_run(bus: Bus, prefix: str) -> str:
    """The full id of the one run that begins so; raises `ConfigurationError` if none or several do."""
    found = {record.subject.partition(".")[2] async for record in bus.replay(subjects.ALL_RUNS, last_per_subject=True)}
    fitting = sorted(run for run in found if run.startswith(prefix))
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(run[:8] for run in sorted(found)) or "none yet"
    msg = f"{len(fitting)} runs begin with {prefix!r}; known runs: {known}"
    raise ConfigurationError(msg)


async def story(bus: Bus, prefix: str) -> list[Line]:
    """Everything about one run: the events that led to it, its decisions, its journal, and what came of it."""
    run = await find_run(bus, prefix)
    entries, _ = await BusJournal(bus).read(run)
    decisions = [
        DecisionRecord.model_validate_json(record.body).decision
        async for record in bus.replay(subjects.decisions_of(run))
    ]
    causes = {cause for decision in decisions for cause in decision.causes}
    witnesses = {decision.object for decision in decisions}
    first = min((decision.at for decision in decisions), default=None)
    seen: list[Line] = []
    async for record in bus.replay(subjects.ALL_EVENTS):
        try:
            arrival = codec.decode(record)
        except Permanent:
            continue
        event = arrival.event
        told = event.causationid == run or event.id in causes
        near = first is not None and abs((arrival.stored_at - first).total_seconds()) < 300
        about = event.subject in witnesses or any(
            event.type in o.says and event.subject in o.says for d in decisions for o in d.observations
        )
        if told or (near and about and not event.type.endswith(".load")):
            seen.append(timeline.of_event(event, arrival.stored_at))
    return timeline.merge(seen, [timeline.of_decision(d) for d in decisions], timeline.of_run(entries))


async def report(bus: Bus, now: datetime, unfinished: tuple[str, ...]) -> dict[str, object]:
    """What `toban status` says."""
    heartbeat = await bus.get("CONTROL", "heartbeat")
    age = (now - heartbeat.stored_at).total_seconds() if heartbeat is not None else None
    health = json.loads(heartbeat.value) if heartbeat is not None else {}
    last: datetime | None = None
    async for record in bus.replay(subjects.ALL_EVENTS, last_per_subject=True):
        last = record.stored_at if last is None else max(last, record.stored_at)
    return {
        "on_duty": age is not None and age < ON_DUTY_WITHIN,
        "armed": health.get("armed"),
        "heartbeat_age_s": round(age, 1) if age is not None else None,
        "last_event_age_s": round((now - last).total_seconds(), 1) if last is not None else None,
        "open_runs": list(unfinished),
        "broken_policies": health.get("broken_policies", []),
        "health": health,
    }
