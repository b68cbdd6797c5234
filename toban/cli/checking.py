"""`toban policy check`: what is wrong with policies, alone and together, as lines, JSON or SARIF."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from engine.estate import loading as estates
from engine.model import catalogue
from engine.model.errors import ConfigurationError
from engine.rules import findings, surveying
from engine.rules.analysing_patterns import Surroundings
from engine.rules.loading import Problem
from engine.rules.surveying import Survey
from toban import emitting, sarif
from toban import settings as config
from toban.settings import CollectSettings, GuardSettings

LOADS = ("host.load", "vm.load")
"""Types that a vCenter collector brings at its own pace."""


class Format(StrEnum):
    """How findings are written."""

    LINE = "line"
    JSON = "json"
    SARIF = "sarif"


@dataclass(frozen=True, slots=True)
class Site:
    """Where policies are checked for, and where they lie."""

    around: Surroundings
    policies: tuple[Path, ...]


def site(config_file: Path | None, estate_file: Path | None) -> Site:
    """What the settings or the estate say; neither: what holds everywhere."""
    if config_file is not None and estate_file is not None:
        msg = "give --config or --estate, not both: the settings name their estate"
        raise ConfigurationError(msg)
    collect, guard = CollectSettings(), GuardSettings()
    folders: tuple[Path, ...] = (Path("policies"),)
    if config_file is not None:
        chosen = config.load(config_file)
        collect, guard, folders, estate_file = chosen.collect, chosen.guard, chosen.policies, chosen.estate
    known = estates.load(estate_file) if estate_file is not None else None
    paces: dict[str, float] = dict.fromkeys(LOADS, collect.load_every)
    around = Surroundings(emitting.emitted(catalogue.shipped()), paces, known, guard.minimum_hold)
    return Site(around, folders)


def survey(paths: list[Path] | None, chosen: Site) -> Survey:
    """Everything below these paths, or below the site's folders. Raises for a path that does not exist."""
    wanted = paths or list(chosen.policies)
    absent = [path for path in wanted if not (path.exists() or path.is_symlink())]
    if absent:
        msg = f"{absent[0]} does not exist; give policy files or folders"
        raise ConfigurationError(msg)
    return surveying.survey(wanted, catalogue.shipped(), chosen.around)


def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders; default: policies/")] = None,
    *,
    config_file: Annotated[
        Path | None, typer.Option("--config", "-c", help="Check for this site: its toban.yaml.")
    ] = None,
    estate_file: Annotated[Path | None, typer.Option("--estate", help="Check for this estate: estate.yaml.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    form: Annotated[Format, typer.Option("--format", help="line, json (one finding a line) or sarif.")] = Format.LINE,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings that are not waived fail, too.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also show hints and what is waived.")] = False,
) -> None:
    """Read policies and say what is wrong with them: FILE:LINE:COLUMN: severity CODE: what to do.

    Each policy is checked alone, then all of them together: two that act on one object at once, and circles in which
    one's action sets off the other. `metadata.waive: [{code, reason}]` takes a warning away for one policy.
    Exit code 0: no errors left (with --strict: no warnings either); 1: findings; 2: a path does not exist.
    """
    found = survey(paths, site(config_file, estate_file))
    chosen = Format.JSON if as_json else form
    if chosen is Format.SARIF:
        typer.echo(orjson.dumps(sarif.log(found.problems, found.waived, findings.shipped())).decode())
    elif chosen is Format.JSON:
        for one in (*found.problems, *found.waived):
            typer.echo(orjson.dumps(_as_json(one)).decode())
    else:
        _tell(found, verbose=verbose)
    fatal = {"error", "warning"} if strict else {"error"}
    raise typer.Exit(1 if any(one.severity in fatal for one in found.problems) else 0)


def _tell(found: Survey, *, verbose: bool) -> None:
    for one in found.problems:
        if verbose or one.severity != "info":
            typer.echo(str(one))
    for one in found.waived if verbose else ():
        typer.echo(f"{one} (waived: {one.waived})")
    counts = {word: sum(one.severity == word for one in found.problems) for word in ("error", "warning", "info")}
    typer.echo(
        f"{len(found.policies)} policies usable, {counts['error']} errors, {counts['warning']} warnings, "
        f"{counts['info']} hints, {len(found.waived)} waived"
    )


def _as_json(one: Problem) -> dict[str, object]:
    return {
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "severity": one.severity,
        "code": one.code,
        "message": one.message,
        "waived": one.waived,
    }
