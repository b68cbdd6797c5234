"""`any`: while one alternative holds for an object, a match of another is the same trouble and is not told again."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.model.match import Ended, Finding, Match


@dataclass(slots=True)
class _Trouble:
    told: Match
    by_alternative: dict[int, set[str]] = field(default_factory=dict)


class Merging:
    """The alternatives of one policy, folded into one finding per object."""

    def __init__(self, *, stays: Iterable[bool]) -> None:
        """`stays` says per alternative whether its matches stay open until they are ended."""
        self._stays = tuple(stays)
        self._open: dict[str, _Trouble] = {}

    def fold(self, number: int, found: Iterable[Finding]) -> list[Finding]:
        """What of these findings of one alternative is told."""
        told: list[Finding] = []
        for finding in found:
            told += self._match(number, finding) if isinstance(finding, Match) else self._ended(number, finding)
        return told

    def _match(self, number: int, match: Match) -> list[Finding]:
        known = self._open.get(match.key)
        if not self._stays[number]:
            return [] if known is not None else [match]
        trouble = known or _Trouble(match)
        trouble.by_alternative.setdefault(number, set()).add(match.id)
        self._open[match.key] = trouble
        return [match] if known is None else []

    def _ended(self, number: int, ended: Ended) -> list[Finding]:
        trouble = self._open.get(ended.key)
        if trouble is None or ended.id not in trouble.by_alternative.get(number, ()):
            return []  # it had not matched, so nothing was told
        trouble.by_alternative[number].discard(ended.id)
        if any(trouble.by_alternative.values()):
            return []
        del self._open[ended.key]
        return [Ended(trouble.told.id, ended.policy, ended.key, ended.at, ended.by)]
