"""Event -> fact: only the fields that a policy names, bounded; nothing else reaches the matcher's parser."""

from collections.abc import Iterable

from engine.model.event import Event
from engine.rules.conditions import field_name
from engine.rules.port import Fact, Scalar

LIMIT_BYTES = 256
LIMIT_INTEGER = 2**63 - 1
LIMIT_FLOAT = 1e15


def values(event: Event) -> dict[str, Scalar]:
    """The event's readable names: envelope and scalar fields."""
    found: dict[str, Scalar] = {
        "event.type": event.type,
        "event.source": event.source,
        "event.subject": event.subject,
        "event.severity": event.severity.value,
        "event.synthetic": event.synthetic,
    }
    for name, value in event.data.items():
        if isinstance(value, str | int | float | bool):
            found[f"event.{name}"] = value
    return found


def content(event: Event, fields: Iterable[str]) -> Fact:
    """What a fact says about this event; a field that is absent or cannot be said safely is left out."""
    out: Fact = {"type": event.type}
    known = values(event)
    for name in fields:
        value = safe(known[name]) if name in known else None
        if value is not None:
            out[field_name(name)] = value
    return out


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
