"""durable_rules and the plain evaluator agree on what every pattern means."""

from hypothesis import given, settings

from engine.model.catalogue import shipped
from engine.rules import reference
from engine.rules.matching import Matcher
from tests.engine.rules.patterns import arrival, at, by_subject, cases, policy, told

UNTIL = 3000


def test_a_value_that_comes_again_is_counted_once() -> None:
    one = policy({"event": "host.crashed", "count": 3, "within": "5m", "distinct": "source"})
    night = [arrival(n, "host.crashed", name=f"e{n}", source=source) for n, source in enumerate("abac")]
    found = told(Matcher((one,), shipped(), by_subject), night, 60)
    assert [(what, when) for what, _, _, when in found] == [("matched", at(3))]


@given(cases())
@settings(max_examples=2000, deadline=None)
def test_the_compiled_form_means_what_the_reference_evaluator_says(case) -> None:
    when, night = case
    one = policy(when)
    matcher = Matcher((one,), shipped(), by_subject)
    assert told(matcher, night, UNTIL) == reference.evaluate(one, shipped(), by_subject, night, at(UNTIL))
    assert matcher.counts.faults == 0
