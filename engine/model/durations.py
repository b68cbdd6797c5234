"""Durations as people write them: `45s`, `5m`, `1h30m`; seconds inside."""

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LIMIT_DAYS = 31


def seconds(value: object) -> float:
    """`45s`, `1m30s`, `500ms` as seconds; numbers are refused because their unit is unsaid. Raises `ValueError`."""
    if not isinstance(value, str):
        msg = "write a duration with its unit, such as 45s, 5m or 1h30m"
        raise ValueError(msg)  # noqa: TRY004  pydantic reports ValueError as a finding
    rest, total, seen = value.strip(), 0.0, False
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        number, rest = rest[:digits], rest[digits:]
        letters = len(rest) - len(rest.lstrip("smhd"))
        unit, rest = rest[:letters], rest[letters:]
        if unit not in _UNITS or not number or number.count(".") > 1 or number == ".":
            msg = f"{value!r} is not a duration; write for example 45s, 5m or 1h30m"
            raise ValueError(msg)
        total, seen = total + float(number) * _UNITS[unit], True
    if not seen or total > LIMIT_DAYS * 86400:
        msg = f"{value!r} is not a duration between 0s and {LIMIT_DAYS}d"
        raise ValueError(msg)
    return total


_ONE = r"([0-9]+\.?[0-9]*|\.[0-9]+)(ms|s|m|h|d)"
SHAPE = rf"^({_ONE})+$"
"""What a duration looks like, for those who cannot ask `seconds`."""
SHAPE_OF_SPAN = rf"^(?=.*[1-9])({_ONE})+$"
"""What one that is more than zero looks like."""
Duration = Annotated[float, BeforeValidator(seconds), Field(ge=0), WithJsonSchema({"type": "string", "pattern": SHAPE})]
"""Zero or more."""
Span = Annotated[
    float, BeforeValidator(seconds), Field(gt=0), WithJsonSchema({"type": "string", "pattern": SHAPE_OF_SPAN})
]
"""More than zero."""


def written(value: float) -> str:
    """Seconds as a person would write them, such as `15m`; exact to a millisecond."""
    rest, parts = round(value * 1000), []
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, round(_UNITS[unit] * 1000))
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"
