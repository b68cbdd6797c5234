"""`toban policy new | list | show`: begin a policy, see what there is, read it in plain words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer

from engine import documents
from engine.model import catalogue
from engine.model.errors import ConfigurationError
from engine.model.policy import Policy
from engine.rehearsing import scenarios
from engine.rules import loading
from engine.rules.surveying import Survey
from toban import policies, scaffolding
from toban.cli import checking
from toban.cli.options import AsJson
from toban.wording import Words

Paths = Annotated[list[Path] | None, typer.Argument(help="Files or folders; default: policies/")]


def new(
    name: Annotated[str | None, typer.Argument(help="Name of the new policy, such as esx-down.")] = None,
    *,
    standard: Annotated[str, typer.Option("--from", help="The standard policy to begin with.")] = "host-down-failover",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write into.")] = Path("policies"),
    listed: Annotated[bool, typer.Option("--list", help="Show the standard policies instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Begin a policy: a copy of a standard one and of its scenarios, under a new name, that only observes.

    Then: change it, `toban policy check`, `toban policy test`, and `toban policy promote` when it has proven itself.
    """
    known = {one.name: one for one in loading.load([policies.shipped()], catalogue.shipped()).policies}
    if listed:
        for one in known.values():
            title = one.metadata.title
            told = {"name": one.name, "title": {"en": title.en, "ja": title.ja}}
            typer.echo(orjson.dumps(told).decode() if as_json else f"{one.name:<26} {title.en} / {title.ja}")
        return
    if name is None:
        msg = "give the new policy a name, such as `toban policy new esx-down`; --list shows what to begin with"
        raise ConfigurationError(msg)
    if standard not in known:
        near = documents.nearest(standard, sorted(known))
        hint = f"; did you mean {near!r}?" if near else "; --list shows them"
        msg = f"there is no standard policy {standard!r}{hint}"
        raise ConfigurationError(msg)
    for path in _write(name, standard, out):
        typer.echo(f"wrote {path}")


def _write(name: str, standard: str, out: Path) -> tuple[Path, Path]:
    folder = policies.shipped()
    texts = [folder.joinpath(f"{standard}{end}").read_text(encoding="utf-8") for end in (".yaml", ".test.yaml")]
    made = scaffolding.scaffold(name, standard, *texts)
    paths = (out / f"{name}.yaml", out / f"{name}.test.yaml")
    for path in paths:
        if path.exists() or path.is_symlink():
            msg = f"{path} is there already; nothing was written"
            raise ConfigurationError(msg)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, (made.policy, made.scenarios), strict=True):
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        msg = f"{error.filename or out} cannot be written: {(error.strerror or 'unknown').lower()}"
        raise ConfigurationError(msg) from error
    return paths


def show_list(paths: Paths = None, *, as_json: AsJson = False) -> None:
    """Show every policy: mode, priority, what it waits for, what it does, its scenarios and findings.

    Exit code 1 if a file has an error and so is not in the list.
    """
    found = checking.survey(paths, checking.site(None, None))
    rows = [_row(one, found) for one in sorted(found.policies, key=lambda one: one.name)]
    for row in rows:
        typer.echo(orjson.dumps(row).decode() if as_json else _as_text(row))
    errors = [one for one in found.problems if one.severity == "error"]
    for one in errors:
        typer.echo(str(one), err=True)
    raise typer.Exit(1 if errors else 0)


def _as_text(row: Mapping[str, object]) -> str:
    does = row["does"]
    verbs = ", ".join(does) if isinstance(does, list) else ""
    first = f"{row['name']:<26} {row['mode']:<10} priority {row['priority']:<3} "
    return f"{first}{row['scenarios']} scenarios, {row['findings']} findings\n    when {row['when']}\n    does {verbs}"


def _row(one: Policy, found: Survey) -> dict[str, str | int | list[str]]:
    return {
        "name": one.name,
        "mode": one.spec.mode.value,
        "priority": one.spec.priority,
        "when": Words("en", catalogue.shipped()).pattern(one.spec.when),
        "does": [step.verb for step in one.spec.do],
        "scenarios": _scenarios(Path(found.files[one.name])),
        "findings": sum(problem.severity != "info" for problem in found.about(one.name)),
    }


def _scenarios(file: Path) -> int:
    beside = file.with_suffix("").with_suffix(".test.yaml")
    try:
        return len(scenarios.read(beside).content.scenarios) if beside.exists() else 0
    except documents.Unreadable:
        return 0


def show(
    name: Annotated[str, typer.Argument(help="Name of the policy, or its file.")],
    paths: Paths = None,
    *,
    language: Annotated[Literal["en", "ja"], typer.Option("--lang", help="en or ja.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Say in plain words what a policy does: one sentence per clause."""
    file = Path(name)
    found = checking.survey([file] if file.suffix == ".yaml" else paths, checking.site(None, None))
    wanted = [one for one in found.policies if file.suffix == ".yaml" or one.name == name]
    if not wanted:
        known = [one.name for one in found.policies]
        near = documents.nearest(name, known)
        broken = next((one for one in found.problems if one.severity == "error"), None)
        hint = f"; did you mean {near!r}?" if near else f"; known: {', '.join(sorted(known)[:12]) or 'none'}"
        msg = f"there is no usable policy {name!r}{f': {broken}' if broken and not near else hint}"
        raise ConfigurationError(msg)
    one = wanted[0]
    title = one.metadata.title.ja if language == "ja" else one.metadata.title.en
    sentences = list(Words(language, catalogue.shipped()).sentences(one))
    if as_json:
        told = {"name": one.name, "title": title, "file": found.files[one.name], "sentences": sentences}
        typer.echo(orjson.dumps(told).decode())
        return
    typer.echo(f"{one.name}: {title}")
    for sentence in sentences:
        typer.echo(f"  {sentence}")
