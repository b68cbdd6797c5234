"""All findings about the policies of a site: each by itself, all together, and what their authors have waived."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.rules import analysing_sites, loading
from engine.rules.analysing_sites import Surroundings
from engine.rules.complaints import Complaint
from engine.rules.loading import Problem, Read


@dataclass(frozen=True, slots=True)
class Review:
    """What was found."""

    usable: int
    """Policies without an error."""
    findings: tuple[Problem, ...]

    @property
    def standing(self) -> tuple[Problem, ...]:
        """Findings that were not waived and are more than a hint."""
        return tuple(one for one in self.findings if one.waived is None and one.severity != "info")

    @property
    def errors(self) -> int:
        """How many files cannot be used as they are."""
        return sum(one.severity == "error" for one in self.standing)


def review(paths: Iterable[Path], around: Surroundings) -> Review:
    """Read and analyse everything below these paths. Raises `ConfigurationError` for more files than a site has."""
    reads = loading.read_all(paths, around.catalogue)
    usable = [read for read in reads if read.policy is not None and not read.has_errors]
    problems = [problem for read in reads for problem in read.problems]
    by_name = {read.policy.name: read for read in usable if read.policy is not None}
    policies = [read.policy for read in usable if read.policy is not None]
    noted = analysing_sites.together(policies, around)
    problems += [by_name[one.policy].problem(one.complaint) for one in noted]
    found = [_waived(problem, usable) for problem in problems]
    found += list(_unused(found, usable))
    return Review(len(usable), tuple(sorted(found, key=lambda one: (one.file, one.line, one.column, one.code))))


def _waived(problem: Problem, reads: Sequence[Read]) -> Problem:
    if problem.severity == "error":
        return problem
    for read in reads:
        if read.file == problem.file and read.policy is not None:
            reasons = [one.reason for one in read.policy.metadata.waive if one.code == problem.code]
            return replace(problem, waived=reasons[0]) if reasons else problem
    return problem


def _unused(found: Sequence[Problem], reads: Sequence[Read]) -> Iterator[Problem]:
    used = {(problem.file, problem.code) for problem in found if problem.waived is not None}
    for read in reads:
        for index, waiver in enumerate(read.policy.metadata.waive if read.policy is not None else ()):
            if (read.file, waiver.code) not in used:
                message = f"there is no finding {waiver.code} that could be waived here"
                yield read.problem(Complaint("P005", "warning", ("metadata", "waive", index), message))
