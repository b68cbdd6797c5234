"""What can be told about policies before anything happens: one by one, and together; pure."""

from collections.abc import Iterator, Sequence

from engine.model.catalogue import Catalogue
from engine.model.policy import Policy
from engine.rules import analysing_pairs, analysing_patterns, analysing_steps
from engine.rules.analysing_pairs import Found
from engine.rules.analysing_patterns import Surroundings


def analyse(policies: Sequence[Policy], catalogue: Catalogue, around: Surroundings) -> Iterator[Found]:
    """Every finding with the name of the policy that it is about. The policies must have no error of their own."""
    for policy in policies:
        for complaint in analysing_patterns.analyse(policy, catalogue, around):
            yield policy.name, complaint
        for complaint in analysing_steps.analyse(policy, around.minimum_hold):
            yield policy.name, complaint
    yield from analysing_pairs.analyse(policies, catalogue, around.site)
