"""Policy files while on duty: what changed, and what of it can be used. A broken file leaves its old version."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from engine.model.catalogue import Catalogue
from engine.model.policy import Policy
from engine.rules import loading
from engine.rules.loading import Problem

Signature = tuple[int, int, int]
Refuse = Callable[[Policy], str | None]
"""Why this site cannot follow a policy that is right in itself, or None."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The policies to follow, and what is wrong with the files of the others."""

    policies: tuple[Policy, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a look brought."""

    shelf: Shelf
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    """Files that can be used no longer; their old version stays, if there was one."""
    mended: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`new: a; changed: b`."""
        words = {"new": self.new, "changed": self.changed, "removed": self.removed, "broken": self.broken}
        said = [f"{word}: {', '.join(names)}" for word, names in words.items() if names]
        return "; ".join(said) or "nothing changed"


@dataclass(slots=True)
class _File:
    signature: Signature | None
    policy: Policy | None = None
    """The last version that could be used."""
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class Files:
    """Files and folders of policies, looked at again and again; a change counts once it stood still for one look."""

    paths: tuple[Path, ...]
    words: Catalogue
    refuse: Refuse
    _known: dict[Path, _File] = field(default_factory=dict)
    _seen: dict[Path, Signature | None] = field(default_factory=dict)
    _shelf: Shelf = Shelf(())

    def first(self) -> Shelf:
        """Everything as it stands now."""
        self._seen = self._signatures()
        return self._read(self._seen).shelf

    def look(self) -> Change | None:
        """What changed since the last look; None if nothing did, or it is still being written."""
        seen = self._signatures()
        still, self._seen = seen == self._seen, seen
        if not still or seen == {path: file.signature for path, file in self._known.items()}:
            return None
        return self._read(seen)

    def _signatures(self) -> dict[Path, Signature | None]:
        return {path: _signature(path) for path in loading.files(self.paths)}

    def _read(self, seen: dict[Path, Signature | None]) -> Change:
        old, self._known = self._known, {}
        for path, signature in seen.items():
            file = old.get(path)
            if file is None or file.signature != signature:
                file = self._file(path, signature, file.policy if file is not None else None)
            self._known[path] = file
        shelf = Shelf(*self._sorted())
        was = {policy.name: policy for policy in self._shelf.policies}
        now = {policy.name: policy for policy in shelf.policies}
        wrong_before = {problem.file for problem in self._shelf.problems}
        wrong = {problem.file for problem in shelf.problems}
        self._shelf = shelf
        return Change(
            shelf,
            new=_names(now.keys() - was.keys()),
            changed=_names(name for name in now.keys() & was.keys() if now[name] != was[name]),
            removed=_names(was.keys() - now.keys()),
            broken=_names(wrong - wrong_before),
            mended=_names(wrong_before - wrong),
        )

    def _file(self, path: Path, signature: Signature | None, before: Policy | None) -> _File:
        loaded = loading.load([path], self.words)
        errors = tuple(problem for problem in loaded.problems if problem.severity == "error")
        for policy in loaded.policies:
            why = self.refuse(policy)
            if why is None:
                return _File(signature, policy)
            errors = (Problem("P003", "error", str(path), 1, 1, why),)
        return _File(signature, before, errors)

    def _sorted(self) -> tuple[tuple[Policy, ...], tuple[Problem, ...]]:
        """By file; of two files with one name the first counts, and the other one is a problem."""
        by_name: dict[str, tuple[Policy, Path]] = {}
        problems = [problem for file in self._known.values() for problem in file.problems]
        for path, file in self._known.items():
            if file.policy is None:
                continue
            _, first = by_name.setdefault(file.policy.name, (file.policy, path))
            if first != path:
                message = f"the policy {file.policy.name} is already defined in {first}"
                problems.append(Problem("P002", "error", str(path), 1, 1, message))
        return tuple(policy for policy, _ in by_name.values()), tuple(problems)


def _signature(path: Path) -> Signature | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _names(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(found))
