"""Policy files -> policies and problems; every problem names file, line and column, and the word that was meant."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from engine import documents
from engine.documents import Document, Place
from engine.model.catalogue import Catalogue
from engine.model.errors import ConfigurationError
from engine.model.policy import Policy
from engine.rules import checking
from engine.rules.complaints import Complaint, Severity

LIMIT_FILES = 2000
"""Policies of one site: each costs about 10 ms to check and 100 KiB to follow (measured)."""


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
    """Why its author has waived it."""

    def __str__(self) -> str:
        """`file:line:column: severity code: message`."""
        return f"{self.file}:{self.line}:{self.column}: {self.severity} {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Read:
    """One file as it was read."""

    file: str
    document: Document | None = None
    policy: Policy | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def has_errors(self) -> bool:
        """Whether it gives no policy."""
        return any(problem.severity == "error" for problem in self.problems)

    def problem(self, complaint: Complaint) -> Problem:
        """A finding at its line."""
        if self.document is None:
            return Problem(complaint.code, complaint.severity, self.file, 1, 1, complaint.message)
        return _at(self.document, complaint)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found: usable policies, and all problems of all files."""

    policies: tuple[Policy, ...]
    problems: tuple[Problem, ...]


def load(paths: Iterable[Path], catalogue: Catalogue) -> Loaded:
    """Read files and folders (`*.yaml` without `*.test.yaml`). A file with an error gives no policy."""
    reads = read_all(paths, catalogue)
    policies = tuple(read.policy for read in reads if read.policy is not None and not read.has_errors)
    return Loaded(policies, tuple(problem for read in reads for problem in read.problems))


def read_all(paths: Iterable[Path], catalogue: Catalogue) -> list[Read]:
    """Every file below these paths, each checked by itself; of two with one name the second has an error."""
    found: list[Read] = []
    defined: dict[str, str] = {}
    for path in files(paths):
        read = _read(path, catalogue)
        if read.policy is not None and read.policy.name in defined:
            message = f"the policy {read.policy.name} is already defined in {defined[read.policy.name]}"
            doubled = read.problem(Complaint("P002", "error", ("metadata", "name"), message))
            read = replace(read, problems=(*read.problems, doubled))
        elif read.policy is not None and not read.has_errors:
            defined[read.policy.name] = str(path)
        found.append(read)
    return found


def _read(path: Path, catalogue: Catalogue) -> Read:
    try:
        document = documents.read(path)
        policy = documents.validate(document, Policy)
    except documents.Unreadable as error:
        problems = tuple(Problem("P001", "error", p.file, p.line, p.column, p.message) for p in error.problems)
        return Read(str(path), problems=problems)
    found = tuple(_at(document, problem) for problem in checking.check(policy, catalogue))
    return Read(str(path), document, policy, found)


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


def _at(document: Document, complaint: Complaint) -> Problem:
    place: Place = complaint.place
    at = document.position(place) if complaint.column is None else document.within(place, complaint.column)
    line, column = at
    return Problem(complaint.code, complaint.severity, document.file, line, column, complaint.message)
