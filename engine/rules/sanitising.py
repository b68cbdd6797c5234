"""Values from outside as durable_rules reads them; nothing else may reach its parser (ADR 0002)."""

from engine.rules.port import Scalar

LIMIT_BYTES = 256
LIMIT_INTEGER = 2**63 - 1
LIMIT_FLOAT = 1e15


def safe(value: Scalar) -> Scalar | None:
    """A value that durable_rules reads as it is: numbers beyond its range become its ends; None for NaN."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, int):
        return max(-LIMIT_INTEGER, min(LIMIT_INTEGER, value))
    if value != value:  # noqa: PLR0124  not a number: no comparison can hold
        return None
    rounded = round(max(-LIMIT_FLOAT, min(LIMIT_FLOAT, value)), 6)
    return 0 if abs(rounded) < 1e-4 else rounded  # below that Python writes an exponent


def safe_text(value: str) -> str:
    """Printable text of at most 256 bytes; quotes and backslashes, which conditions cannot name, become blanks."""
    text = "".join(c if c.isprintable() and c not in '"\\' else " " for c in value[:LIMIT_BYTES])
    return text.encode("utf-8", "replace")[:LIMIT_BYTES].decode("utf-8", "ignore")
