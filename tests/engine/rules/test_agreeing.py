"""durable_rules and the plain evaluator agree on what every pattern means."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.catalogue import shipped
from engine.rules import reference
from engine.rules.matching import Matcher
from tests.engine.rules.patterns import arrival, at, by_subject, cases, policy, told, whens

UNTIL = 3000


def test_a_value_that_comes_again_is_counted_once() -> None:
    one = policy({"event": "host.crashed", "count": 3, "within": "5m", "distinct": "source"})
    night = [arrival(n, "host.crashed", name=f"e{n}", source=source) for n, source in enumerate("abac")]
    found = told(Matcher((one,), shipped(), by_subject), night, 60)
    assert [(what, when) for what, _, _, when in found] == [("matched", at(3))]


@given(cases(), st.lists(whens, max_size=2))
@settings(max_examples=2000, deadline=None)
def test_a_set_of_policies_means_what_the_reference_evaluator_says_of_each(case, others) -> None:
    when, night = case
    policies = tuple(policy(one, f"p{number}") for number, one in enumerate([when, *others]))
    matcher = Matcher(policies, shipped(), by_subject)
    said = [line for one in policies for line in reference.evaluate(one, shipped(), by_subject, night, at(UNTIL))]
    assert told(matcher, night, UNTIL) == sorted(said, key=lambda one: (one[3], one[0], one[1]))
    assert matcher.counts.faults == 0
