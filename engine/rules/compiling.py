"""Policy -> what the matcher needs: event types that open and close, the ruleset of durable_rules, the fields; pure."""

from dataclasses import dataclass

from engine.model.catalogue import Catalogue
from engine.model.policy import EventPattern, MetricPattern, Policy
from engine.rules import conditions, expressions
from engine.rules.port import Scalar


@dataclass(frozen=True, slots=True)
class Threshold:
    """A metric's boundary: which field, which side, and when it is over."""

    field: str
    above: bool
    boundary: float
    clear: float

    def beyond(self, value: float) -> bool:
        """Whether the value is on the wrong side of the boundary."""
        return value > self.boundary if self.above else value < self.boundary

    def over(self, value: float) -> bool:
        """Whether the value is back past `clear`."""
        return value < self.clear if self.above else value > self.clear


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy ready to be matched."""

    policy: str
    opens: str
    closes: frozenset[str]
    by: str
    hold: float
    threshold: Threshold | None
    fields: tuple[str, ...]
    """Names that the facts carry."""
    definition: dict[str, dict[str, object]]
    """The ruleset in durable_rules' JSON: `opened` for one fact, `held` for the fact and its timer."""


def compile_policy(policy: Policy, catalogue: Catalogue) -> Compiled:
    """Raises `Unusable` where a condition cannot be matched."""
    when = policy.spec.when
    if isinstance(when, MetricPattern):
        return _metric(policy, when)
    return _event(policy, when, catalogue)


def _event(policy: Policy, when: EventPattern, catalogue: Catalogue) -> Compiled:
    node = expressions.parse(when.condition) if when.condition is not None else None
    closes = frozenset([when.until]) if when.until else catalogue.recoveries_of(when.event)
    hold = when.hold or 0.0
    fields = tuple(sorted({name.path for name in expressions.names(node)})) if node else ()
    wanted = [conditions.to_durable(node)] if node else []
    return Compiled(
        policy.name, when.event, closes, when.by, hold, None, fields, _rules({"kind": "open"}, wanted, held=hold > 0)
    )


def _metric(policy: Policy, when: MetricPattern) -> Compiled:
    event, _, field = when.metric.rpartition(".")
    above = when.above is not None
    boundary = when.above if when.above is not None else when.below
    if boundary is None:  # the model refuses it; said again so that nothing is guessed
        msg = f"policy {policy.name}: give above or below"
        raise expressions.Unusable(msg)
    clear = when.clear if when.clear is not None else boundary
    threshold = Threshold(field, above, float(boundary), float(clear))
    name = conditions.field_name(f"event.{field}")
    compare: dict[str, object] = {"$gt" if above else "$lt": {name: _plain(threshold.boundary)}}
    rules = _rules({"kind": "open"}, [compare], held=when.hold > 0)
    return Compiled(policy.name, event, frozenset(), when.by, when.hold, threshold, (f"event.{field}",), rules)


def _plain(value: float) -> Scalar:
    return int(value) if value.is_integer() else value


def _rules(kind: dict[str, object], wanted: list[dict[str, object]], *, held: bool) -> dict[str, dict[str, object]]:
    pattern: dict[str, object] = {"$and": [kind, *wanted]} if wanted else kind
    # `seen` takes every fact: freeing a key none of whose facts ever matched a rule aborts the process (ADR 0002)
    rules: dict[str, dict[str, object]] = {
        "seen": {"all": [{"open": kind}]},
        "opened": {"all": [{"open": pattern}]},
    }
    if held:
        timer = {"due": {"$and": [{"kind": "timer"}, {"of": {"open": "fact"}}]}}
        rules["held"] = {"all": [{"open": pattern}, timer]}
    return rules
