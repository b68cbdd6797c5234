"""Policies in each other's way: two that act on one object at once, and circles of cause and effect; pure."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from engine.model import actions
from engine.model.catalogue import Catalogue, Tells
from engine.model.estate import Site
from engine.model.pattern import EventPattern, MetricPattern, alternatives
from engine.model.policy import Mode, Policy, Scope
from engine.rules import analysing_conditions, expressions
from engine.rules.analysing_patterns import domain_of, triggers
from engine.rules.complaints import Complaint

LIMIT_PAIRS = 100_000
"""Comparisons of two policies; beyond that it is said that not all were made."""
Found = tuple[str, Complaint]
"""The name of a policy, and what is to be said about it."""


@dataclass(frozen=True, slots=True)
class _Acting:
    policy: Policy
    triggers: frozenset[str]
    causes: frozenset[str]
    down: bool
    """Whether a host that dies can set it off."""


def analyse(policies: Sequence[Policy], catalogue: Catalogue, site: Site | None) -> Iterator[Found]:
    """Findings about several policies together; those that only observe or recommend are in nobody's way."""
    acting = [_acting(one, catalogue) for one in policies if one.spec.mode in (Mode.APPROVE, Mode.AUTOMATIC)]
    acting = [one for one in acting if one.causes or _touches(one.policy)]
    yield from _overlaps(acting, catalogue, site)
    yield from _circles(acting, catalogue, site)


def _acting(policy: Policy, catalogue: Catalogue) -> _Acting:
    known, started = actions.shipped(), triggers(policy, catalogue)
    causes = {one for step in policy.spec.do if step.verb in known for one in known[step.verb].causes}
    down = any(catalogue.types[one].tells is Tells.DOWN for one in started)
    return _Acting(policy, started, frozenset(causes), down)


def _touches(policy: Policy) -> bool:
    known = actions.shipped()
    return any(known[step.verb].touches != "none" for step in policy.spec.do if step.verb in known)


def _overlaps(acting: Sequence[_Acting], catalogue: Catalogue, site: Site | None) -> Iterator[Found]:
    by_type: dict[str, list[int]] = {}
    for number, one in enumerate(acting):
        for name in {*one.triggers, *(["a host that dies"] if one.down else [])}:
            by_type.setdefault(name, []).append(number)
    seen: set[tuple[int, int]] = set()
    for name in sorted(by_type):
        for pair in combinations(by_type[name], 2):
            if pair in seen:
                continue
            if len(seen) >= LIMIT_PAIRS:
                message = f"more than {LIMIT_PAIRS} pairs of policies could meet; the rest was not compared"
                yield acting[pair[0]].policy.name, Complaint("P073", "info", ("metadata", "name"), message)
                return
            seen.add(pair)
            one, other = (acting[number] for number in pair)
            if _meet(one, other, catalogue, site):
                first, second = sorted((one.policy, other.policy), key=lambda policy: policy.name)
                message = (
                    f"{second.name} and {first.name} can act on one object at once ({name}) with equal priority "
                    f"{first.spec.priority}; say with `priority` which goes first"
                )
                yield second.name, Complaint("P070", "warning", ("metadata", "name"), message)


def _meet(one: _Acting, other: _Acting, catalogue: Catalogue, site: Site | None) -> bool:
    left, right = one.policy.spec, other.policy.spec
    if left.priority != right.priority or not scopes_meet(left.scope, right.scope, site):
        return False
    if not (_touches(one.policy) and _touches(other.policy)):
        return False
    return _patterns_meet(one.policy, other.policy, catalogue)


def _patterns_meet(one: Policy, other: Policy, catalogue: Catalogue) -> bool:
    """Whether both can be set off by one trouble: not by one number that is high and low, nor by x == 1 and x == 2."""
    if isinstance(one.spec.when, MetricPattern) and isinstance(other.spec.when, MetricPattern):
        low, high = sorted((one.spec.when, other.spec.when), key=lambda when: when.below is None)
        if low.metric != high.metric or low.below is None or high.above is None:
            return low.metric == high.metric
        return low.below > high.above
    for left in alternatives(one.spec.when):
        for right in alternatives(other.spec.when):
            if not (isinstance(left, EventPattern) and isinstance(right, EventPattern) and left.event == right.event):
                return True
            if left.condition is None or right.condition is None:
                return True
            nodes = (expressions.parse(left.condition), expressions.parse(right.condition))
            known = domain_of(frozenset({left.event}), catalogue, None)
            if left.event not in catalogue.types or analysing_conditions.possible(nodes, known):
                return True
    return False


def scopes_meet(one: Scope, other: Scope, site: Site | None) -> bool:
    """Whether an object can lie in both; with an estate, whether a declared host does."""
    if site is not None:
        return any(_holds(one, host, site) and _holds(other, host, site) for host in site.standings)
    levels = (
        (one.category, other.category),
        (one.group, other.group),
        (one.model, other.model),
        (one.host, other.host),
    )
    apart = any(left is not None and right is not None and left != right for left, right in levels)
    return not apart and all(other.labels.get(name, word) == word for name, word in one.labels.items())


def _holds(scope: Scope, host: str, site: Site) -> bool:
    place = site.standings[host]
    own = ((scope.category, place.category), (scope.group, place.group), (scope.model, place.host.model))
    named = all(wanted in (None, name) for wanted, name in (*own, (scope.host, host)))
    return named and all(place.host.labels.get(name) == word for name, word in scope.labels.items())


def _circles(acting: Sequence[_Acting], catalogue: Catalogue, site: Site | None) -> Iterator[Found]:
    """The shortest circle through each policy that is in one; each circle once."""
    heard: dict[str, list[int]] = {}
    for number, one in enumerate(acting):
        for name in one.triggers:
            heard.setdefault(name, []).append(number)
    told: set[frozenset[int]] = set()
    steps = LIMIT_PAIRS
    for start in range(len(acting)):
        way, used = _way_back(start, acting, heard, site)
        steps -= used
        if way == [start] and not _opens_again(acting[start], catalogue):
            continue
        if way is not None and frozenset(way) not in told:
            told.add(frozenset(way))
            yield _circle([acting[number] for number in way])
        if steps <= 0:
            message = f"more than {LIMIT_PAIRS} pairs of policies could set each other off; the rest was not followed"
            yield acting[start].policy.name, Complaint("P073", "info", ("metadata", "name"), message)
            return


def _opens_again(one: _Acting, catalogue: Catalogue) -> bool:
    """Whether what it brings can set it off anew: while a condition is open, only its recovery lets it open again."""
    links = one.causes & one.triggers
    return any(not catalogue.recoveries_of(name) or catalogue.recoveries_of(name) & one.causes for name in links)


def _way_back(
    start: int, acting: Sequence[_Acting], heard: Mapping[str, Sequence[int]], site: Site | None
) -> tuple[list[int] | None, int]:
    """Breadth first, so the shortest; with the number of pairs that were looked at."""
    came: dict[int, int] = {}
    queue, used = deque([start]), 0
    while queue:
        here = queue.popleft()
        for number in sorted({one for name in acting[here].causes for one in heard.get(name, ())}):
            used += 1
            if number in came or not scopes_meet(
                acting[here].policy.spec.scope, acting[number].policy.spec.scope, site
            ):
                continue
            came[number] = here
            if number == start:
                return _walked(start, came), used
            queue.append(number)
    return None, used


def _walked(start: int, came: Mapping[int, int]) -> list[int]:
    way, here = [start], came[start]
    while here != start:
        way.append(here)
        here = came[here]
    return [start, *reversed(way[1:])]


def _circle(ring: Sequence[_Acting]) -> Found:
    parts = []
    for one, following in zip(ring, (*ring[1:], ring[0]), strict=True):
        name = min(one.causes & following.triggers)
        verb = next(step.verb for step in one.policy.spec.do if name in _causes(step.verb))
        parts.append(f"{one.policy.name} does {verb}, which brings {name}, which sets off {following.policy.name}")
    braked = [one.policy.name for one in ring if _is_braked(one.policy)]
    text = "; ".join(parts)
    if braked:
        message = f"a circle: {text}. It is slowed by the cooldown or breaker of {', '.join(sorted(braked))}"
        return ring[0].policy.name, Complaint("P072", "info", ("spec", "do"), message)
    message = f"a circle without a brake: {text}. Give one of them a `cooldown`, or a budget with `breaker: manual`"
    return ring[0].policy.name, Complaint("P071", "warning", ("spec", "do"), message)


def _causes(verb: str) -> tuple[str, ...]:
    action = actions.shipped().get(verb)
    return action.causes if action is not None else ()


def _is_braked(policy: Policy) -> bool:
    budget = policy.spec.budget
    return policy.spec.cooldown > 0 or (budget is not None and budget.breaker == "manual")
