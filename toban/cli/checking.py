"""`toban policy check`."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from engine.estate import loading as estates
from engine.model import catalogue
from engine.model.errors import ConfigurationError
from engine.model.estate import Site
from engine.rules import findings, reviewing
from engine.rules.analysing_sites import Surroundings
from engine.rules.loading import Problem
from engine.rules.reviewing import Review
from toban import emitted, settings
from toban.cli.options import AsJson

LEVELS = {"error": "error", "warning": "warning", "info": "note"}
"""Our severities in the words of SARIF."""


class Format(StrEnum):
    """How findings are printed."""

    LINE = "line"
    JSON = "json"
    SARIF = "sarif"


def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders; default: policies/")] = None,
    *,
    as_json: AsJson = False,
    form: Annotated[Format, typer.Option("--format", help="line, json (one object a line) or sarif.")] = Format.LINE,
    estate: Annotated[Path | None, typer.Option("--estate", help="Also hold scopes against this estate.yaml.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Take policies and estate from this toban.yaml.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="A warning is a failure too.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also show hints and what was waived.")] = False,
) -> None:
    """Read policies and say what is wrong with them, each by itself and all together.

    One line each: FILE:LINE:COLUMN: severity CODE: what to do. The codes are explained in docs/policy-reference.md; a
    warning that is meant to be so can be waived in the file: metadata: {waive: [{code: P050, reason: ...}]}.

    Exit code 0: no errors; 1: errors (with --strict: or warnings); 2: a path or option cannot be used.
    """
    site: Site | None = None
    chosen = list(paths or ())
    if config is not None:
        configured = settings.load(config)
        chosen = chosen or list(configured.policies)
        site = estates.load(estate or configured.estate)
    elif estate is not None:
        site = estates.load(estate)
    chosen = chosen or [Path("policies")]
    absent = [path for path in chosen if not path.exists() and not path.is_symlink()]
    if absent:
        msg = f"{absent[0]} does not exist; give policy files or folders"
        raise ConfigurationError(msg)
    found = reviewing.review(chosen, Surroundings(catalogue.shipped(), site, emitted.types()))
    _print(found, Format.JSON if as_json else form, verbose=verbose)
    failed = found.standing if strict else [one for one in found.standing if one.severity == "error"]
    raise typer.Exit(1 if failed else 0)


def _print(found: Review, form: Format, *, verbose: bool) -> None:
    shown = found.findings if verbose or form is not Format.LINE else found.standing
    if form is Format.SARIF:
        typer.echo(orjson.dumps(sarif(found.findings), option=orjson.OPT_INDENT_2).decode())
        return
    for one in shown:
        if form is Format.JSON:
            typer.echo(orjson.dumps(as_object(one)).decode())
        else:
            typer.echo(f"{one}" + (f" (waived: {one.waived})" if one.waived is not None else ""))
    if form is Format.LINE:
        left = len(found.findings) - len(shown)
        more = f", {left} hints and waived findings (--verbose)" if left else ""
        none = "; there is no policy file below the given paths" if not found.usable and not found.findings else ""
        typer.echo(f"{found.usable} policies usable, {len(found.standing)} findings{more}{none}")


def as_object(one: Problem) -> dict[str, object]:
    """A finding for machines."""
    return {
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "severity": one.severity,
        "code": one.code,
        "message": one.message,
        "waived": one.waived,
    }


def sarif(found: Iterable[Problem]) -> dict[str, object]:
    """The findings as SARIF 2.1.0 (OASIS), one run."""
    rules = [
        {
            "id": kind.code,
            "shortDescription": {"text": kind.en},
            "fullDescription": {"text": kind.means},
            "help": {"text": kind.todo},
            "defaultConfiguration": {"level": LEVELS[kind.severity]},
        }
        for kind in findings.table().values()
    ]
    results = []
    for one in found:
        region = {"startLine": one.line, "startColumn": one.column}
        result: dict[str, object] = {
            "ruleId": one.code,
            "level": LEVELS[one.severity],
            "message": {"text": one.message},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": one.file}, "region": region}}],
        }
        if one.waived is not None:
            result["suppressions"] = [{"kind": "inSource", "justification": one.waived}]
        results.append(result)
    driver = {"name": "toban", "rules": rules}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return {"$schema": schema, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
