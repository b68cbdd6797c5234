"""What a person sees of an order: the plan before it, the decision, each command with its progress."""

from datetime import datetime
from typing import Self

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.model.command import Command
from engine.model.decision import Act, Hold, Ignore
from engine.model.order import Order
from engine.model.run import Entry, Phase, RunPlan
from toban.byhand import Silent, Word

SETTLED = frozenset({Phase.DONE, Phase.FAILED, Phase.UNKNOWN, Phase.HELD, Phase.SKIPPED})
SHOWN = ("host", "target", "source", "status")


def plan(console: Console, wanted: Order, would: RunPlan, *, as_json: bool) -> None:
    """The plan as a table, or as one JSON value."""
    if as_json:
        steps = [
            {
                "step": step.verb,
                "commands": [_command(one) for one in step.commands],
                "notes": step.notes,
                "unplaced": [left.model_dump() for left in step.unplaced],
            }
            for step in would.steps
        ]
        typer.echo(orjson.dumps({"order": wanted.model_dump(mode="json"), "plan": steps}).decode())
        return
    table = Table("step", "act", "on", "where")
    for step in would.steps:
        for command in step.commands:
            act = f"or else {command.verb}" if command.instead_of else command.verb
            table.add_row(step.verb, act, command.target, _where(command))
    if table.row_count:
        console.print(table)
    for note in (note for step in would.steps for note in step.notes):
        console.print(note, style="yellow", soft_wrap=True)
    lost = [left for step in would.steps for left in step.unplaced]
    for left in lost:
        who = "" if left.vm == "-" or left.vm in left.en else f"{left.vm}: "
        console.print(f"not possible: {who}{left.en} ({left.ja})", style="yellow", soft_wrap=True)
    if not table.row_count and not lost:
        console.print("nothing has to be done")


def _command(one: Command) -> dict[str, object]:
    known: dict[str, object] = {"verb": one.verb, "target": one.target, "where": _where(one)}
    return {**known, "instead_of": one.instead_of} if one.instead_of else known


def _where(command: Command) -> str:
    given = command.parameters
    if "source" in given and "target" in given:
        return f"{given['source']} > {given['target']}"
    return next((str(given[name]) for name in SHOWN if name in given), "")


class Following:
    """Shows words as they come; a bar counts the commands that are settled."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        """Nothing is shown yet."""
        self._console, self._as_json = console, as_json
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._task: TaskID | None = None
        self._settled: set[str] = set()

    def __enter__(self) -> Self:
        """The bar appears with the first command."""
        if not self._as_json:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """The bar stays as it stands."""
        self._progress.stop()

    def word(self, said: Word, until: datetime) -> None:
        """One more word about an order."""
        if self._as_json:
            typer.echo(said.model_dump_json() if not isinstance(said, Silent) else '{"kind":"silent"}')
        elif isinstance(said, Silent):
            self._say("nobody decided about it: is Toban on duty? See: toban status", "red")
        elif isinstance(said, Entry):
            self._entry(said)
        else:
            self._decision(said, until)

    def _decision(self, said: Act | Hold | Ignore, until: datetime) -> None:
        why = "; ".join(reason.en for reason in said.reasons)
        if isinstance(said, Act):
            self._say(f"decided: {why or 'nothing is against it'}; run {said.match}", "green")
        elif isinstance(said, Hold):
            self._say(f"held, and waited for until {until.astimezone():%H:%M:%S} (Ctrl-C: leave it): {why}", "yellow")
        else:
            self._say(f"not done: {why}", "red")

    def _entry(self, entry: Entry) -> None:
        if entry.plan is not None:
            total = sum(len(step.commands) for step in entry.plan.steps)
            self._task = self._progress.add_task(entry.plan.policy, total=total)
        elif entry.phase is Phase.ENDED and entry.outcome is not None:
            self._say(entry.detail, "green" if entry.outcome.value == "success" else "red")
        elif entry.command is not None and entry.phase in SETTLED:
            self._settled.add(entry.command)
            if self._task is not None:
                self._progress.update(self._task, completed=len(self._settled))
            style = "" if entry.phase is Phase.DONE else "red"
            self._say(f"  {entry.phase.value}: {entry.detail}", style)

    def _say(self, text: str, style: str) -> None:
        self._console.print(text, style=style, soft_wrap=True, highlight=False)
