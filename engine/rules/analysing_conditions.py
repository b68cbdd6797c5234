"""Whether a condition can come out both ways: every value that could make a difference is tried; pure.

A condition becomes a list of cases, of which one must hold; a case can hold if for each name there is a value with
which all its parts hold. Parts over two names are taken to be possible, and where too much would have to be
tried nothing is said: a finding is never a guess.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise, product
from math import ceil, floor
from typing import Literal, TypeAlias

from engine.model.catalogue import FieldType
from engine.rules import evaluating, expressions
from engine.rules.expressions import Both, Call, Compare, Constant, Has, Listed, Name, Node, Not, Within, column_of
from engine.rules.literals import Unusable, Value
from engine.rules.sanitising import LIMIT_BYTES, safe_text

LIMIT_CASES = 256
Word: TypeAlias = Literal["always", "never"]
Part: TypeAlias = tuple[Node, bool]
"""A part without `&&` and `||`, and whether it has to hold."""
_NOT_NEGATIVE = ("_percent", "_mb", "_mhz", ".vms", "_vms", "_hosts", ".hosts")


@dataclass(frozen=True, slots=True)
class Domain:
    """What a condition may read: the types of its names, and of some the only texts that they can be."""

    kinds: Mapping[str, FieldType]
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A part that comes out the same whatever happens, and where it stands in the condition."""

    word: Word
    column: int
    whole: bool


def verdicts(node: Node, domain: Domain) -> Iterator[Verdict]:
    """The whole if it can come out one way only, or else the smallest parts of it that can."""
    word = _word(node, domain)
    if word is not None:
        yield Verdict(word, column_of(node), whole=True)
        return
    for part in _inner(node):
        for found in verdicts(part, domain):
            yield Verdict(found.word, found.column, whole=False)


def possible(nodes: tuple[Node, ...], domain: Domain) -> bool:
    """Whether all of these can hold at once."""
    cases = _cases(Both("all", nodes), wanted=True)
    return cases is None or any(_can_hold(case, domain) for case in cases)


def unreachable_texts(node: Node) -> Iterator[tuple[str, int]]:
    """Texts that an event's text can never be or contain, because quotes and backslashes are taken out of it."""
    pairs: list[tuple[Node, Node]] = []
    if isinstance(node, Compare):
        pairs = [(node.left, node.right), (node.right, node.left)]
    elif isinstance(node, Within) and isinstance(node.right, Listed):
        pairs = [(node.left, item) for item in node.right.items]
    elif isinstance(node, Call) and len(node.arguments) == 2 and node.function != "matches":
        pairs = [(node.arguments[0], node.arguments[1])]
    for name, text in pairs:
        if isinstance(text, Constant) and isinstance(text.value, str) and _cannot_say(name, text.value):
            yield text.value, text.column
    for part in expressions.parts(node):
        yield from unreachable_texts(part)


def _cannot_say(name: Node, text: str) -> bool:
    return isinstance(name, Name) and name.path.startswith("event.") and safe_text(text) != text


def _inner(node: Node) -> tuple[Node, ...]:
    return expressions.parts(node) if isinstance(node, Both | Not) else ()


def _word(node: Node, domain: Domain) -> Word | None:
    for word, wanted in (("never", True), ("always", False)):
        cases = _cases(node, wanted=wanted)
        if cases is not None and not any(_can_hold(case, domain) for case in cases):
            return "never" if word == "never" else "always"
    return None


def _cases(node: Node, *, wanted: bool) -> list[list[Part]] | None:
    """Ways in which the tree comes out as wanted; None for more than 256."""
    if isinstance(node, Not):
        return _cases(node.inner, wanted=not wanted)
    if not isinstance(node, Both):
        return [[(node, wanted)]]
    each = [_cases(part, wanted=wanted) for part in node.parts]
    known = [one for one in each if one is not None]
    if len(known) < len(each):
        return None
    if (node.word == "all") is not wanted:
        found = [case for one in known for case in one]
        return found if len(found) <= LIMIT_CASES else None
    count = 1
    for one in known:
        count *= len(one)
    if count > LIMIT_CASES:
        return None
    return [[part for case in chosen for part in case] for chosen in product(*known)]


def _can_hold(case: list[Part], domain: Domain) -> bool:
    by_name: dict[str, list[Part]] = {}
    for part in case:
        paths = {name.path for name in expressions.names(part[0])}
        if not paths and not _holds(part, {}):
            return False
        if len(paths) == 1:
            by_name.setdefault(next(iter(paths)), []).append(part)
        elif (part[0], not part[1]) in case:
            return False
    return all(_name_can(path, parts, domain) for path, parts in by_name.items())


def _name_can(path: str, parts: list[Part], domain: Domain) -> bool:
    kind = domain.kinds.get(path)
    if any((node, not wanted) in parts for node, wanted in parts):
        return False
    if all(_holds(part, {}) for part in parts):
        return True  # where it is absent
    if kind is FieldType.BOOLEAN:
        tried: list[Value] | None = [True, False]
    elif kind is FieldType.STRING:
        tried = _texts(path, parts, domain)
    else:
        tried = _numbers(path, parts, whole=kind is FieldType.INTEGER)
    return tried is None or any(all(_holds(part, {path: value}) for part in parts) for value in tried)


def _holds(part: Part, values: Mapping[str, Value]) -> bool:
    node, wanted = part
    try:
        return evaluating.holds(node, values) is wanted
    except Unusable:
        return False


def _constants(node: Node) -> Iterator[Value]:
    if isinstance(node, Constant):
        yield node.value
    for part in expressions.parts(node):
        yield from _constants(part)


def _numbers(path: str, parts: list[Part], *, whole: bool) -> list[Value] | None:
    """Every number named, one beside each, and one between each two: enough to tell comparisons apart."""
    if any(not isinstance(node, Compare | Within | Has) for node, _ in parts):
        return None
    named = sorted({one for node, _ in parts for one in _constants(node) if isinstance(one, int | float)})
    tried: set[float] = {0.0, *named}
    for one in named:
        tried |= {one - 1, one + 1, floor(one), ceil(one)} if abs(one) < 2**52 else {one}
    tried |= {(one + other) / 2 for one, other in pairwise(named)}
    if path.endswith(_NOT_NEGATIVE):
        tried = {one for one in tried if one >= 0}
    return [int(one) for one in tried if float(one).is_integer()] if whole else list(tried)


def _texts(path: str, parts: list[Part], domain: Domain) -> list[Value] | None:
    """All texts that matter; None where they cannot be listed."""
    words = domain.words.get(path)
    if words is None and not any(_names_texts(part) for part in parts):
        return _beginnings(parts) if not _only_sizes(parts) else _sizes(path, parts)
    named = words if words is not None else {one for n, _ in parts for one in _constants(n) if isinstance(one, str)}
    event = path.startswith("event.")
    return [one for one in named if not event or safe_text(one) == one]


def _names_texts(part: Part) -> bool:
    """Whether it holds for listed texts only."""
    node, wanted = part
    if isinstance(node, Compare):
        sides = (node.left, node.right)
        plain = all(isinstance(side, Name | Constant) for side in sides)
        return plain and (node.operator == ("==" if wanted else "!="))
    return isinstance(node, Within) and wanted and isinstance(node.left, Name) and isinstance(node.right, Listed)


def _beginnings(parts: list[Part]) -> list[Value] | None:
    """For nothing but wanted beginnings the longest of them: it holds, or nothing does."""
    found: list[str] = []
    for node, wanted in parts:
        if not (wanted and isinstance(node, Call) and node.function == "startsWith"):
            return None
        last = node.arguments[-1]
        if not isinstance(last, Constant) or not isinstance(last.value, str):
            return None
        if _cannot_say(node.arguments[0], last.value):
            return []
        found.append(last.value)
    return [max(found, key=len)]


def _only_sizes(parts: list[Part]) -> bool:
    return all(
        isinstance(node, Compare)
        and any(isinstance(side, Call) and side.function == "size" for side in (node.left, node.right))
        for node, _ in parts
    )


def _sizes(path: str, parts: list[Part]) -> list[Value]:
    named = {int(one) for node, _ in parts for one in _constants(node) if isinstance(one, int | float)}
    limit = LIMIT_BYTES if path.startswith("event.") else 4096
    lengths = {0} | {length for one in named for length in (one - 1, one, one + 1)}
    return ["x" * length for length in lengths if 0 <= length <= limit]
