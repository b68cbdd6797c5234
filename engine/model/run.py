"""Run: one decided act as a journalled saga, and the fold that reads its state back from the journal."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from engine.model.command import Command
from engine.model.plan import Unplaced
from engine.model.policy import After


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Outcome(StrEnum):
    """How a step or a run ended."""

    SUCCESS = "success"
    PARTIAL = "partial"
    """Everything that could be done was done; what could not is named."""
    FAILED = "failed"
    HELD = "held"
    """Stopped in doubt or by the stop switch; a person looks."""
    SKIPPED = "skipped"


class PlannedStep(_Word):
    """One step of a policy with the commands it came to."""

    id: str
    verb: str
    after: dict[str, After] = Field(default_factory=dict)
    """Which ends of earlier steps let it run; empty: always."""
    commands: tuple[Command, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
    notes: tuple[str, ...] = ()
    """What else is to be kept about it, such as rules that a person set aside."""


class RunPlan(_Word):
    """Everything a run needs to be finished by somebody who knows nothing else."""

    run: str
    policy: str
    object: str
    causes: tuple[str, ...]
    correlation: str | None = None
    rehearsal: bool = False
    synthetic: bool = False
    steps: tuple[PlannedStep, ...]


class Phase(StrEnum):
    """A line of the journal (safety.md 5.2)."""

    PLANNED = "planned"
    START = "start"
    CALLED = "called"
    VERIFIED = "verified"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    HELD = "held"
    SKIPPED = "skipped"
    COMPENSATED = "compensated"
    """It was done, and taken back."""
    STEP = "step"
    ENDED = "ended"


class Entry(_Word):
    """One journal record."""

    run: str
    number: int
    phase: Phase
    at: AwareDatetime
    step: str | None = None
    command: str | None = None
    attempt: int = 0
    token: int = 0
    """Fencing token of the lease that was held (safety rule S8)."""
    detail: str = ""
    reference: str | None = None
    """The far side's id of the task, or what was kept before an order by which its task can be found."""
    facts: dict[str, JsonValue] = Field(default_factory=dict)
    outcome: Outcome | None = None
    plan: RunPlan | None = None
    previous: str = ""
    """Content hash of the record before: a chain."""

    @property
    def stored(self) -> str:
        """The record as it is stored and chained; a field that a later version adds does not change old records."""
        return self.model_dump_json(exclude_defaults=True)


def entries_of(body: bytes) -> tuple[Entry, ...]:
    """The records of one stored message, in order: one a line. Raises `ValidationError` for anything else."""
    return tuple(Entry.model_validate_json(line) for line in body.splitlines())


class CommandState(_Word):
    """Where one command stands."""

    phase: Phase
    attempt: int = 0
    reference: str | None = None


class RunView(_Word):
    """The state of a run, folded from its journal."""

    plan: RunPlan | None = None
    commands: dict[str, CommandState] = Field(default_factory=dict)
    steps: dict[str, Outcome] = Field(default_factory=dict)
    outcome: Outcome | None = None


def fold(entries: Iterable[Entry]) -> RunView:
    """The state after these records, in journal order."""
    view = RunView()
    for entry in entries:
        view = after(view, entry)
    return view


def after(view: RunView, entry: Entry) -> RunView:
    """The state after one more record."""
    if entry.phase is Phase.PLANNED:
        return view.model_copy(update={"plan": entry.plan})
    if entry.phase is Phase.ENDED:
        return view.model_copy(update={"outcome": entry.outcome})
    if entry.phase is Phase.STEP and entry.step is not None and entry.outcome is not None:
        return view.model_copy(update={"steps": {**view.steps, entry.step: entry.outcome}})
    if entry.command is None:
        return view
    before = view.commands.get(entry.command)
    reference = entry.reference or (before.reference if before and entry.attempt == before.attempt else None)
    standing = CommandState(phase=entry.phase, attempt=entry.attempt, reference=reference)
    return view.model_copy(update={"commands": {**view.commands, entry.command: standing}})
