"""`toban policy`: check rule files before they are trusted with a night."""

from pathlib import Path
from typing import Annotated

import typer

from toban.cli import authoring, autonomy, backtest, checking, describing, explaining, scenarios
from toban.cli.options import AsJson

app = typer.Typer(help="Write, check and understand policies.", no_args_is_help=True)
app.command("schema")(describing.schema)
app.command("reference")(describing.show_reference)


@app.callback()
def policy() -> None:
    """Write, check and understand policies."""


app.command("check")(checking.check)
app.command("new")(authoring.new)
app.command("list")(authoring.show_list)
app.command("show")(authoring.show)


@app.command("test")
def play(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders; default: policies/")] = None,
    *,
    as_json: AsJson = False,
    coverage: Annotated[bool, typer.Option("--coverage", help="Also say which clauses no scenario exercised.")] = False,
    junit: Annotated[Path | None, typer.Option("--junit", help="Also write the results as JUnit XML.")] = None,
) -> None:
    """Play the scenarios (*.test.yaml) on virtual time and compare the decisions and runs with what is expected.

    Exit code 0: all came out as written; 1: some did not; 2: a file cannot be used.
    """
    failed = scenarios.run(paths or [Path("policies")], as_json=as_json, coverage=coverage, junit=junit)
    raise typer.Exit(1 if failed else 0)


app.command("explain")(explaining.explain)
app.command("backtest")(backtest.backtest)
app.command("arm")(autonomy.arm)
app.command("disarm")(autonomy.disarm)
app.command("promote")(autonomy.promote)
