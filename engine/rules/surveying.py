"""A whole check: every file read, every policy analysed, alone and together; waived findings set apart."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine import documents
from engine.model.catalogue import Catalogue
from engine.model.policy import Policy
from engine.rules import analysing, findings, loading
from engine.rules.analysing_patterns import Surroundings
from engine.rules.complaints import Complaint
from engine.rules.loading import Problem

_NOWHERE = documents.Document("", None)


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found."""

    policies: tuple[Policy, ...]
    files: Mapping[str, str]
    """By policy: its file."""
    problems: tuple[Problem, ...]
    """In the order of files and lines."""
    waived: tuple[Problem, ...]
    """Those that a policy says are meant to be so; `waived` of each is the reason."""

    def about(self, policy: str) -> tuple[Problem, ...]:
        """The findings about one policy."""
        return tuple(one for one in self.problems if one.file == self.files.get(policy))


def survey(paths: Sequence[Path], catalogue: Catalogue, around: Surroundings) -> Survey:
    """Raises `ConfigurationError` for more files than a site may have."""
    loaded = loading.load(paths, catalogue)
    found: dict[str, list[Complaint]] = {}
    for name, complaint in analysing.analyse(loaded.policies, catalogue, around):
        found.setdefault(name, []).append(complaint)
    problems = [*loaded.problems, *_placed(found, loaded.files)]
    open_ones, waived = _waive(problems, loaded.policies, loaded.files)
    if not loaded.policies and not loaded.problems:
        open_ones += [Problem("P003", "warning", str(path), 1, 1, "there is no policy here") for path in paths[:1]]
    order = {path: number for number, path in enumerate(dict.fromkeys(one.file for one in problems))}
    ranked = sorted(open_ones, key=lambda one: (order.get(one.file, len(order)), one.line, one.column, one.code))
    return Survey(loaded.policies, loaded.files, tuple(ranked), tuple(waived))


def _placed(found: Mapping[str, Iterable[Complaint]], files: Mapping[str, str]) -> list[Problem]:
    """With file, line and column; each file is read again, so that not all documents are held at once."""
    problems: list[Problem] = []
    for name, complaints in found.items():
        document = _document(files[name])
        problems += [loading.placed(document, complaint) for complaint in complaints]
    return problems


def _document(path: str) -> documents.Document:
    try:
        return documents.read(Path(path))
    except documents.Unreadable:  # changed since it was loaded
        return replace(_NOWHERE, file=path)


def _waive(
    problems: Iterable[Problem], policies: Iterable[Policy], files: Mapping[str, str]
) -> tuple[list[Problem], list[Problem]]:
    reasons = {(files[one.name], waiver.code): waiver.reason for one in policies for waiver in one.metadata.waive}
    kept: list[Problem] = []
    waived: list[Problem] = []
    for one in problems:
        reason = reasons.get((one.file, one.code)) if one.severity != "error" else None
        if reason is None:
            kept.append(one)
        else:
            waived.append(replace(one, waived=reason))
    used = {(one.file, one.code) for one in waived}
    for policy in policies:
        complaints = list(_unused(policy, files[policy.name], used))
        if complaints:
            document = _document(files[policy.name])
            kept += [loading.placed(document, one) for one in complaints]
    return kept, waived


def _unused(policy: Policy, file: str, used: set[tuple[str, str]]) -> Iterable[Complaint]:
    for index, waiver in enumerate(policy.metadata.waive):
        if (file, waiver.code) in used:
            continue
        known = findings.shipped().get(waiver.code)
        if known is None:
            why = "there is no such finding"
        else:
            why = "errors cannot be waived" if known.severity == "error" else "there is nothing to waive any more"
        yield Complaint(
            "P004", "warning", ("metadata", "waive", index), f"the waiver of {waiver.code} is unused: {why}"
        )
