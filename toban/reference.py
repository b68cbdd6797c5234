"""The policy reference: a page of prose in which every table and example is made from what it speaks of."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

from engine import documents
from engine.model.catalogue import Catalogue
from engine.model.errors import ConfigurationError
from engine.model.pattern import Part
from engine.rehearsing import places, scenarios
from engine.rules import expressions
from toban import describing, tables

_DIRECTIVE = re.compile(r"\{\{(\w+) ?([\w-]*)\}\}")
_MADE = "<!-- Made by `toban policy reference` (make docs). Edit toban/templates/policy-reference.md or the models. -->"


def template() -> str:
    """The prose, with `{{fields Spec}}`, `{{example held}}` and the like where something is put in."""
    return resources.files("toban.templates").joinpath("policy-reference.md").read_text(encoding="utf-8")


def page(catalogue: Catalogue, examples: Path) -> str:
    """The whole page. Raises `ConfigurationError` for an example that is not there."""
    known = classes()
    makers: Mapping[str, Callable[[str], str]] = {
        "fields": lambda name: tables.fields(known[name]),
        "words": lambda name: tables.words(known[name]),
        "example": lambda name: example(examples, name),
        "actions": lambda _: tables.action_table(),
        "references": lambda _: tables.references(),
        "conditions": lambda _: tables.names(),
        "functions": lambda _: tables.functions(),
        "events": lambda _: tables.event_types(catalogue),
        "findings": lambda _: tables.finding_table(),
        "number": lambda _: str(expressions.LIMIT_CHARACTERS),
    }
    lines: list[str] = []
    for line in template().splitlines():
        whole = _DIRECTIVE.fullmatch(line)
        made = _DIRECTIVE.sub(lambda found: makers[found[1]](found[2]), line)
        lines += ["", *made.splitlines(), ""] if whole is not None else [made]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines).strip())
    head, _, rest = text.partition("\n")
    return f"{head}\n{_MADE}\n{rest}\n"


def classes() -> Mapping[str, Any]:
    """Parts and lists of words, of policies and of scenarios, by name."""
    found: dict[str, Any] = dict(describing.classes())
    for module in (scenarios, places):
        ours = (one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__)
        found |= {one.__name__: one for one in ours if issubclass(one, Part | StrEnum)}
    return found


def example(folder: Path, name: str) -> str:
    """The `spec` of an example, what it is for, and which scenarios hold it to that."""
    policy, scenario = folder / f"{name}.yaml", folder / f"{name}.test.yaml"
    absent = [path for path in (policy, scenario) if not path.is_file()]
    if absent:
        msg = f"{absent[0]} is not there; give the folder of the examples (--examples)"
        raise ConfigurationError(msg)
    text = policy.read_text(encoding="utf-8")
    comment = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("# "))
    told = documents.validate(documents.read(scenario), scenarios.Scenarios)
    shown = "; ".join(one.name for one in told.scenarios)
    body = f"```yaml\n{text[text.index('spec:') :].rstrip()}\n```"
    links = f"[{policy.name}](examples/{policy.name}), [{scenario.name}](examples/{scenario.name})"
    return f"{comment}\n{body}\n{links}: {shown}."
