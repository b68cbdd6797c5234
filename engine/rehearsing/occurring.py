"""What comes when in a scenario: its inputs, the answers of people, and the times of schedules; pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeAlias

from engine.cron import Cron
from engine.model.event import Arrival, Event
from engine.model.policy import Policy
from engine.rehearsing.scenarios import Answering, Scenario
from engine.schedule import ticking
from engine.schedule.ticking import Planned

Timeline: TypeAlias = tuple[tuple[datetime, Arrival | Answering], ...]
_INSTANT = timedelta(microseconds=1)


def timeline(scenario: Scenario, policies: Iterable[Policy]) -> Timeline:
    """Everything in the order of its coming; what comes at one moment stays in the order in which it is written."""
    events = [*_inputs(scenario), *_ticks(scenario, policies)]
    found: list[tuple[datetime, Arrival | Answering]] = []
    for number, (moment, event) in enumerate(sorted(events, key=lambda pair: pair[0]), start=1):
        named = event if event.type == ticking.DUE else event.model_copy(update={"id": f"input-{number}"})
        found.append((moment, Arrival(event=named, sequence=number, stored_at=moment)))
    found += [(scenario.starts + timedelta(seconds=one.at), one) for one in scenario.approvals]
    return tuple(sorted(found, key=lambda pair: pair[0]))


def _inputs(scenario: Scenario) -> Iterator[tuple[datetime, Event]]:
    for one in scenario.inputs:
        for at in one.times():
            moment = scenario.starts + timedelta(seconds=at)
            yield (
                moment,
                Event(
                    id="input",
                    type=one.type,
                    source="scenario",
                    subject=one.about,
                    time=moment,
                    severity=one.severity,
                    data=one.data,
                ),
            )


def _ticks(scenario: Scenario, policies: Iterable[Policy]) -> Iterator[tuple[datetime, Event]]:
    """The times of schedules; of those that were missed, the newest when somebody is back, as on duty."""
    for one in ticking.planned(policies):
        slots = Cron(one.expression, one.timezone).slots(
            scenario.starts - _INSTANT, scenario.starts + timedelta(seconds=scenario.until)
        )
        missed = tuple(slot for slot in slots if _is_away(scenario, slot))
        seen = (slot for slot in slots if not _is_away(scenario, slot))
        yield from ((slot, event) for slot in seen for event in _due(one, (slot,)))
        if missed and scenario.away is not None:
            back = scenario.starts + timedelta(seconds=scenario.away.to)
            yield from ((back, event) for event in _due(one, missed))


def _due(one: Planned, slots: tuple[datetime, ...]) -> Iterator[Event]:
    event = ticking.due(one, slots)
    if event is not None:
        yield event


def _is_away(scenario: Scenario, moment: datetime) -> bool:
    away, at = scenario.away, (moment - scenario.starts).total_seconds()
    return away is not None and away.since <= at < away.to
