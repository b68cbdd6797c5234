"""Events, decisions and journal records -> one timeline for a person; pure."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from engine.model.decision import Decision
from engine.model.event import Event
from engine.model.run import Entry, Phase


class Line(BaseModel):
    """One moment of a story."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: datetime
    room: str
    """seen, decided or done."""
    what: str
    """Event type, decision kind or journal phase."""
    about: str
    text: str
    cause: str
    """Id of the event, match or command that it belongs to."""


def of_event(event: Event, stored_at: datetime) -> Line:
    """What was seen."""
    told = event.data.get("text")
    detail = told if isinstance(told, str) else f"{event.type} from {event.source}"
    mark = " (synthetic)" if event.synthetic else ""
    return Line(at=stored_at, room="seen", what=event.type, about=event.subject, text=f"{detail}{mark}", cause=event.id)


def of_decision(decision: Decision) -> Line:
    """What was decided, and every reason."""
    why = "; ".join(reason.en for reason in decision.reasons)
    seen = "; ".join(f"{o.witness}: {o.says}" for o in decision.observations)
    text = f"{decision.policy}: {why}" + (f" [{seen}]" if seen else "")
    return Line(
        at=decision.at, room="decided", what=decision.kind, about=decision.object, text=text, cause=decision.match
    )


def of_entry(entry: Entry, target: str) -> Line | None:
    """What was done; bookkeeping lines that tell a person nothing are left out."""
    if entry.phase in (Phase.VERIFIED, Phase.STEP) and not entry.detail:
        return None
    verb = entry.step or "run"
    text = f"{verb}: {entry.detail}" if entry.detail else verb
    if entry.reference:
        text = f"{text} ({entry.reference})"
    return Line(
        at=entry.at, room="done", what=entry.phase.value, about=target, text=text, cause=entry.command or entry.run
    )


def of_run(entries: Iterable[Entry]) -> list[Line]:
    """A run's journal as lines; each command's records are about its target."""
    lines: list[Line] = []
    targets: dict[str, str] = {}
    about = ""
    for entry in entries:
        if entry.plan is not None:
            about = entry.plan.object
            targets = {command.id: command.target for step in entry.plan.steps for command in step.commands}
        line = of_entry(entry, targets.get(entry.command or "", about))
        if line is not None:
            lines.append(line)
    return lines


def merge(*parts: Iterable[Line]) -> list[Line]:
    """All lines by time; lines of one moment keep seen before decided before done."""
    order = {"seen": 0, "decided": 1, "done": 2}
    return sorted((line for part in parts for line in part), key=lambda line: (line.at, order.get(line.room, 3)))
