"""A new policy from a standard one: its own name, its comments kept, and it only observes; pure."""

import re
from dataclasses import dataclass

import orjson

from engine import documents
from engine.documents import Document, Place
from engine.model.errors import ConfigurationError
from engine.model.policy import Mode
from engine.rules import rewriting

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Scaffold:
    """Two files that go together."""

    policy: str
    scenarios: str


def scaffold(name: str, standard: str, policy: str, scenarios: str) -> Scaffold:
    """The texts of a standard policy and of its scenarios under a new name. Raises `ConfigurationError`."""
    if not NAME.fullmatch(name):
        msg = f"{name!r} is no name for a policy: lower case letters, digits and -, a letter first, 63 at most"
        raise ConfigurationError(msg)
    document = documents.parse(policy.encode(), f"{standard}.yaml")
    titles = {
        ("metadata", "title", "en"): f"{name} (from {standard})",
        ("metadata", "title", "ja"): f"{name}({standard} より)",
    }
    new = _with(
        policy, document, {("metadata", "name"): name, **{place: _quoted(text) for place, text in titles.items()}}
    )
    beside = documents.parse(scenarios.encode(), f"{standard}.test.yaml")
    played = _with(scenarios, beside, {("policy",): name})
    mode = _mode(document)
    if mode != Mode.OBSERVE.value and isinstance(beside.value, dict) and "mode" not in beside.value:
        line = re.compile(r"^policy: .*$", re.MULTILINE)
        played = line.sub(lambda found: f"{found[0]}\nmode: {mode}", played, count=1)
    return Scaffold(rewriting.with_mode(new, Mode.OBSERVE, f"{name}.yaml"), played)


def _mode(document: Document) -> str:
    spec = document.value.get("spec") if isinstance(document.value, dict) else None
    return str(spec.get("mode", Mode.OBSERVE.value)) if isinstance(spec, dict) else Mode.OBSERVE.value


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _with(text: str, document: Document, changes: dict[Place, str]) -> str:
    """The text with other scalars at these places; what stands behind them on their line moves along."""
    lines = text.splitlines(keepends=True)
    found = [(document.written[place], new) for place, new in changes.items() if place in document.written]
    for old, new in sorted(found, key=lambda one: (one[0].line, one[0].column), reverse=True):
        line = lines[old.line - 1]
        begin = old.column - 1
        lines[old.line - 1] = f"{line[:begin]}{new}{line[begin + len(old.source) :]}"
    return "".join(lines)
