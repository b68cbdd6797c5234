"""Event -> fact: only what a policy names, of the type that the catalogue gives it, bounded and printable."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.model.catalogue import Catalogue, FieldType
from engine.model.event import Event
from engine.rules import evaluating
from engine.rules.expressions import Node
from engine.rules.literals import Unusable
from engine.rules.lowering import field_name
from engine.rules.port import Fact, Scalar
from engine.rules.sanitising import safe

_PYTHON: Mapping[FieldType, type | tuple[type, ...]] = {
    FieldType.STRING: str,
    FieldType.INTEGER: (int, float),
    FieldType.NUMBER: (int, float),
    FieldType.BOOLEAN: bool,
}


@dataclass(frozen=True, slots=True)
class Projection:
    """What the facts of one alternative say."""

    catalogue: Catalogue
    fields: tuple[str, ...] = ()
    """Names that they carry, `event.slot`."""
    computed: tuple[tuple[str, Node], ...] = ()
    """Properties that hold what a part of a condition gives."""

    def content(self, event: Event) -> Fact:
        """The fact about this event; what is absent, of another type or cannot be known is left out."""
        out: Fact = {"type": event.type}
        if not self.fields and not self.computed:
            return out
        known = values(event, self.catalogue)
        for name in self.fields:
            if name in known:
                out[field_name(name)] = known[name]
        for name, node in self.computed:
            try:
                out[name] = evaluating.holds(node, known)
            except Unusable:
                continue  # not known, so neither true nor false
        return out


def values(event: Event, catalogue: Catalogue) -> dict[str, Scalar]:
    """What conditions read about an event: the envelope, and the catalogue's fields, as the core sees them."""
    found: dict[str, Scalar] = {
        "event.type": event.type,
        "event.source": _text(event.source),
        "event.subject": _text(event.subject),
        "event.severity": event.severity.value,
        "event.synthetic": event.synthetic,
    }
    entry = catalogue.get(event.type)
    for name, kind in entry.fields.items() if entry is not None else ():
        value = _typed(event.data.get(name), kind)
        if value is not None:
            found[f"event.{name}"] = value
    return found


def _typed(value: object, kind: FieldType) -> Scalar | None:
    """A value of its catalogue's type; a field of another type is as good as absent."""
    if isinstance(value, bool) is not (kind is FieldType.BOOLEAN) or not isinstance(value, str | int | float):
        return None
    return safe(value) if isinstance(value, _PYTHON[kind]) else None


def _text(value: str) -> str:
    return str(safe(value))


def shared(event: Event, names: Iterable[str], catalogue: Catalogue) -> tuple[str, ...] | None:
    """The values of `same` fields as parts of a key; None where the event lacks one."""
    if not names:
        return ()
    found, parts = values(event, catalogue), []
    for name in names:
        if f"event.{name}" not in found:
            return None
        value = found[f"event.{name}"]
        parts.append(f"{type(value).__name__}:{value}")
    return tuple(parts)
