"""Scalars of YAML 1.2: what a plain one means (what all readers agree on), and where a column of it stands; pure."""

import math
import re
from dataclasses import dataclass

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ESCAPES = {"x": 4, "u": 6, "U": 10}
_ODD = re.compile(r"[-+]?(0[xob]\w+|0[0-9]+|[0-9]+_[0-9_]*|\.(inf|Inf|INF)|[0-9]{18,})$|\.(nan|NaN|NAN)$")
"""Other bases, leading zeros, underscores, no numbers, numbers beyond 64 bits."""


@dataclass(frozen=True, slots=True)
class Written:
    """A scalar as its author wrote it; lines and columns count from 1."""

    text: str
    """Its content."""
    source: str
    """With its quotes, or with the header of a block."""
    line: int
    column: int

    def at(self, column: int) -> tuple[int, int]:
        """Line and column in the file of a column of the content. In a folded scalar at least the line is right."""
        first = self.source[:1]
        if first in "|>":
            return self._in_block(column)
        inner = self.source[1:-1] if first in "\"'" else self.source
        rest = column - 1
        for number, line in enumerate(inner.splitlines() or [""]):
            held = line.lstrip(" \t") if number else line
            offset = (len(line) - len(held) + 1) if number else self.column + (first in "\"'")
            width = len(held.rstrip(" \t")) + 1
            raw = _raw_offset(held, rest, first)
            if raw < width or number == inner.count("\n"):
                return self.line + number, offset + raw
            rest -= _content_length(held.rstrip(" \t"), first) + 1
        return self.line, self.column

    def _in_block(self, column: int) -> tuple[int, int]:
        _, *lines = self.source.splitlines()
        rest = column - 1
        indent = next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), 0)
        for number, line in enumerate(lines, start=1):
            length = len(line[indent:])
            if rest <= length:
                return self.line + number, indent + rest + 1
            rest -= length + 1
        return self.line, self.column


def meaning(text: str) -> str | int | float | bool | None:
    """What a plain scalar is. `no`, `on`, `1:30` and `2026-01-01` are texts. Raises `ValueError` with one sentence."""
    if text in _WORDS:
        return _WORDS[text]
    if (odd := _ODD.match(text)) is not None:
        msg = f"the number {odd[0][:40]} is read differently by different readers; write it plainly, or in quotes"
        raise ValueError(msg)
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _FLOAT.fullmatch(text):
        return text
    number = float(text)
    if not math.isfinite(number):
        msg = "this number is too large"
        raise ValueError(msg)
    return number


def _steps(source: str, quote: str) -> list[int]:
    """How many characters each character of the content takes in the source."""
    found: list[int] = []
    index = 0
    while index < len(source):
        step = 1
        if quote == '"' and source[index] == "\\":
            step = _ESCAPES.get(source[index + 1 : index + 2], 2)
        elif quote == "'" and source[index : index + 2] == "''":
            step = 2
        found.append(step)
        index += step
    return found


def _raw_offset(source: str, offset: int, quote: str) -> int:
    steps = _steps(source, quote)
    return sum(steps[:offset]) + max(0, offset - len(steps))


def _content_length(source: str, quote: str) -> int:
    return len(_steps(source, quote))
