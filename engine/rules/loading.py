"""Policy files -> policies and problems; every problem names file, line and column, and the word that was meant."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from engine import documents
from engine.documents import Document, Place
from engine.model.catalogue import Catalogue
from engine.model.errors import ConfigurationError
from engine.model.policy import Policy
from engine.rules import checking
from engine.rules.complaints import Complaint

LIMIT_FILES = 2000
"""Policies of one site: each costs about 10 ms to check and 100 KiB to follow (measured)."""

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about a policy file."""

    code: str
    severity: Severity
    file: str
    line: int
    column: int
    message: str
    waived: str | None = None
    """Why its policy says that it is meant to be so."""

    def __str__(self) -> str:
        """`file:line:column: severity code: message`."""
        return f"{self.file}:{self.line}:{self.column}: {self.severity} {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found: usable policies, and all problems of all files."""

    policies: tuple[Policy, ...]
    problems: tuple[Problem, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    """By policy: its file."""


def load(paths: Iterable[Path], catalogue: Catalogue) -> Loaded:
    """Read files and folders (`*.yaml` without `*.test.yaml`). A file with an error gives no policy."""
    policies: dict[str, tuple[Policy, str]] = {}
    problems: list[Problem] = []
    for path in files(paths):
        try:
            document = documents.read(path)
            policy = documents.validate(document, Policy)
        except documents.Unreadable as error:
            problems += [Problem("P001", "error", p.file, p.line, p.column, p.message) for p in error.problems]
            continue
        found = [placed(document, problem) for problem in checking.check(policy, catalogue)]
        if policy.name in policies:
            message = f"the policy {policy.name} is already defined in {policies[policy.name][1]}"
            found.append(placed(document, Complaint("P002", "error", ("metadata", "name"), message)))
        problems += found
        if not any(problem.severity == "error" for problem in found):
            policies[policy.name] = (policy, str(path))
    where = {name: path for name, (_, path) in policies.items()}
    return Loaded(tuple(policy for policy, _ in policies.values()), tuple(problems), where)


def files(paths: Iterable[Path]) -> list[Path]:
    """Policy files below these paths, in a stable order. Raises `ConfigurationError` for more than a site may have."""
    found: list[Path] = []
    for path in paths:
        inside = path.rglob("*.yaml") if path.is_dir() else iter([path])
        wanted = (one for one in inside if not one.name.endswith(".test.yaml"))
        found += sorted(islice(wanted, LIMIT_FILES + 1 - len(found)))
        if len(found) > LIMIT_FILES:
            msg = f"there are more than {LIMIT_FILES} policy files below {path}; a site has at most that many"
            raise ConfigurationError(msg)
    return found


def placed(document: Document, complaint: Complaint) -> Problem:
    """A finding at its line and column."""
    place: Place = complaint.place
    line, column = document.inside(place, complaint.column)
    return Problem(
        complaint.code, complaint.severity, document.file, line, column, documents.shortened(complaint.message)
    )
