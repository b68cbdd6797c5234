"""`toban policy`: check rule files before they are trusted with a night."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from engine.model import catalogue
from engine.model.errors import ConfigurationError
from engine.rules import loading
from toban.cli import autonomy, describing, scenarios
from toban.cli.options import AsJson

app = typer.Typer(help="Write, check and understand policies.", no_args_is_help=True)
app.command("schema")(describing.schema)
app.command("reference")(describing.show_reference)


@app.callback()
def policy() -> None:
    """Write, check and understand policies."""


@app.command("check")
def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders; default: policies/")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Read policies and say what is wrong with them, one line each: FILE:LINE:COLUMN: severity: what to do.

    Exit code 0: nothing found; 1: findings; 2: a path does not exist.
    """
    chosen = paths or [Path("policies")]
    absent = [path for path in chosen if not path.exists()]
    if absent:
        msg = f"{absent[0]} does not exist; give policy files or folders"
        raise ConfigurationError(msg)
    loaded = loading.load(chosen, catalogue.shipped())
    for problem in loaded.problems:
        if as_json:
            line = {
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "severity": problem.severity,
                "code": problem.code,
                "message": problem.message,
            }
            typer.echo(orjson.dumps(line).decode())
        else:
            typer.echo(str(problem))
    if not as_json:
        typer.echo(f"{len(loaded.policies)} policies usable, {len(loaded.problems)} findings")
    raise typer.Exit(1 if loaded.problems else 0)


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


app.command("arm")(autonomy.arm)
app.command("disarm")(autonomy.disarm)
app.command("promote")(autonomy.promote)
