"""Values of the condition language, read from how they are written."""

from dataclasses import dataclass
from typing import TypeAlias

_UNITS = {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_LARGEST = 2**63 - 1
_LONGEST = 315_576_000_000 * 10**9
"""CEL's range of durations, in nanoseconds."""


class Unusable(ValueError):
    """The condition cannot be used; `column` counts from 1 within its text."""

    def __init__(self, message: str, column: int = 1) -> None:
        """One sentence."""
        super().__init__(message)
        self.column = column


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A duration."""

    nanoseconds: int


Value: TypeAlias = "str | int | float | bool | Span | tuple[Value, ...]"


def read(text: str, column: int) -> Value:
    """A literal of CEL; raises `Unusable` for bytes, null, unsigned integers and what is out of range."""
    if text in ("true", "false"):
        return text == "true"
    raw = text[:1] in "rR"
    quoted = text[1:] if raw else text
    if quoted[:1] in ("'", '"'):
        return _string(quoted, column, raw=raw)
    try:
        if text.lower().lstrip("-").startswith("0x"):
            return bounded(int(text, 16), column)
        return bounded(int(text) if text.lstrip("-").isdigit() else float(text), column)
    except ValueError as error:
        msg = f"{text[:40]} is outside the condition language"
        raise Unusable(msg, column) from error


def bounded(number: float, column: int) -> int | float:
    """An integer of 64 bits, or a double."""
    if isinstance(number, int) and not -_LARGEST - 1 <= number <= _LARGEST:
        msg = f"{number} does not fit into 64 bits"
        raise Unusable(msg, column)
    return number


def _string(quoted: str, column: int, *, raw: bool) -> str:
    if quoted.startswith(('"""', "'''")) or ("\\" in quoted and not raw):
        msg = "escapes and long strings are outside the condition language; write r'...' for a backslash"
        raise Unusable(msg, column)
    return quoted[1:-1]


def span(text: str) -> Span:
    """`1h30m`, `-1.5s` as a duration; raises `Unusable`."""
    negative, rest = text.startswith("-"), text.removeprefix("-").removeprefix("+")
    total = 0
    if not rest:
        msg = f"{text!r} is not a duration; write for example 1h30m"
        raise Unusable(msg)
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        number, rest = rest[:digits], rest[digits:]
        letters = len(rest) - len(rest.lstrip("hmsun"))
        unit, rest = rest[:letters], rest[letters:]
        whole, _, part = number.partition(".")
        if unit not in _UNITS or not (whole or part) or not (whole + part).isdigit():
            msg = f"{text!r} is not a duration; write for example 1h30m"
            raise Unusable(msg)
        total += int(whole or 0) * _UNITS[unit] + int(part or 0) * _UNITS[unit] // 10 ** len(part)
    if total > _LONGEST:
        msg = f"{text!r} is out of range"
        raise Unusable(msg)
    return Span(-total if negative else total)
