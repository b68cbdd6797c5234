"""What is odd about several policies together: two that act on one object, loops, types that nobody emits; pure."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.documents import nearest
from engine.estate import linking
from engine.model import actions
from engine.model.catalogue import Catalogue
from engine.model.estate import Estate, Site
from engine.model.pattern import alternatives
from engine.model.policy import Mode, Policy, Scope
from engine.rules import compiling
from engine.rules.complaints import Complaint

ACTING = frozenset({Mode.APPROVE, Mode.AUTOMATIC})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known beside the policies."""

    catalogue: Catalogue
    site: Site | None = None
    emitted: frozenset[str] | None = None
    """Types that some source of this installation can publish; None: not known."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding, and the policy that it belongs to."""

    policy: str
    complaint: Complaint


def together(policies: Sequence[Policy], around: Surroundings) -> Iterator[Noted]:
    """All findings about these policies as the policies of one site."""
    yield from _rivals(policies, around.site)
    yield from _loops(policies, around)
    for policy in policies:
        if around.site is not None:
            yield from _scope(policy, around.site)
        if around.emitted is not None:
            yield from _emitted(policy, around.catalogue, around.emitted)


def _acts(policy: Policy) -> bool:
    known = actions.shipped()
    touching = any((action := known.get(step.verb)) is None or action.touches != "none" for step in policy.spec.do)
    return policy.spec.mode in ACTING and touching


def _rivals(policies: Sequence[Policy], site: Site | None) -> Iterator[Noted]:
    by_priority: dict[int, list[Policy]] = {}
    for policy in policies:
        if _acts(policy):
            by_priority.setdefault(policy.spec.priority, []).append(policy)
    for priority, some in sorted(by_priority.items()):
        for number, one in enumerate(some):
            others = [other.name for other in some[:number] if _overlap(one.spec.scope, other.spec.scope, site)]
            if others:
                message = (
                    f"{_named(others)} may act on the same object at the same time, with the same priority {priority}: "
                    "give one of them another priority, or narrow its scope"
                )
                yield Noted(one.name, Complaint("P051", "warning", ("spec", "priority"), message))


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _overlap(one: Scope, two: Scope, site: Site | None) -> bool:
    if site is not None:
        estate = Estate(site=site)
        return any(
            linking.in_scope(estate, one, place.id) and linking.in_scope(estate, two, place.id)
            for place in site.standings.values()
        )
    first, second = (scope.model_dump(exclude_none=True, exclude={"labels"}) for scope in (one, two))
    shared = all(first[level] == second[level] for level in first.keys() & second.keys())
    return shared and all(one.labels[name] == two.labels[name] for name in one.labels.keys() & two.labels.keys())


def _loops(policies: Sequence[Policy], around: Surroundings) -> Iterator[Noted]:
    """A policy that brings about what sets off another, and so on back to the first."""
    known = actions.shipped()
    acting = {policy.name: policy for policy in policies if _acts(policy)}
    takers: dict[str, list[str]] = {}
    for name, policy in acting.items():
        for kind in compiling.opening_types(policy.spec.when, around.catalogue):
            takers.setdefault(kind, []).append(name)
    edges: dict[str, dict[str, str]] = {}
    for name, policy in acting.items():
        opening = compiling.opening_types(policy.spec.when, around.catalogue)
        causes = [kind for step in policy.spec.do if (a := known.get(step.verb)) is not None for kind in a.causes]
        edges[name] = {
            other: kind
            for kind in causes
            for other in takers.get(kind, ())
            if (other != name or kind not in opening or _opens_anew(policy))
            and _overlap(policy.spec.scope, acting[other].spec.scope, around.site)
        }
    told: set[frozenset[str]] = set()
    for name in sorted(acting):
        cycle = _back_to(name, edges)
        if cycle and frozenset(cycle) not in told:
            told.add(frozenset(cycle))
            yield Noted(name, _loop(cycle, edges, acting))


def _opens_anew(policy: Policy) -> bool:
    """Whether its own effect can set it off again: a number that moves can, a state that it already saw cannot."""
    return any(hasattr(atom, "metric") or hasattr(atom, "count") for atom in alternatives(policy.spec.when))


def _back_to(start: str, edges: dict[str, dict[str, str]]) -> tuple[str, ...]:
    """The shortest way from a policy back to itself; empty if there is none."""
    waiting: deque[tuple[str, ...]] = deque([(start,)])
    seen: set[str] = set()
    while waiting:
        way = waiting.popleft()
        for following in sorted(edges[way[-1]]):
            if following == start:
                return way
            if following not in seen:
                seen.add(following)
                waiting.append((*way, following))
    return ()


def _loop(cycle: tuple[str, ...], edges: dict[str, dict[str, str]], acting: dict[str, Policy]) -> Complaint:
    pairs = zip(cycle, (*cycle[1:], cycle[0]), strict=True)
    way = ", ".join(f"{one} causes {edges[one][two]}, which sets off {two}" for one, two in pairs)
    damped = [name for name in cycle if acting[name].spec.cooldown and acting[name].spec.budget is not None]
    if damped:
        message = f"a loop, damped by the cooldown and budget of {damped[0]}: {way}"
        return Complaint("P052", "info", ("spec", "do"), message)
    return Complaint(
        "P052", "warning", ("spec", "do"), f"a loop that nothing damps: {way}; give a cooldown and a budget"
    )


def _scope(policy: Policy, site: Site) -> Iterator[Noted]:
    places = site.standings.values()
    names = {
        "category": {category.name for category in site.categories},
        "group": {group.name for category in site.categories for group in category.groups},
        "model": {model.name for model in site.models},
        "host": set(site.standings),
    }
    for level, name in policy.spec.scope.model_dump(exclude_none=True, exclude={"labels"}).items():
        if name not in names[level]:
            near = nearest(name, sorted(names[level]))
            hint = f"; did you mean {near!r}?" if near else ""
            message = f"the estate has no {level} {name!r}: the policy never applies{hint}"
            yield Noted(policy.name, Complaint("P053", "warning", ("spec", "scope", level), message))
    for label, word in policy.spec.scope.labels.items():
        if not any(place.host.labels.get(label) == word for place in places):
            message = f"no host of the estate has the label {label}: {word}: the policy never applies"
            yield Noted(policy.name, Complaint("P053", "warning", ("spec", "scope", "labels"), message))


def _emitted(policy: Policy, catalogue: Catalogue, emitted: Iterable[str]) -> Iterator[Noted]:
    known = set(emitted)
    for atom in alternatives(policy.spec.when):
        for part in compiling.selections(atom):
            types = compiling.types_of(part.event, catalogue)
            if types and not types & known:
                message = (
                    f"nothing that ships with Toban publishes {part.event}; it must come from a source of your own"
                )
                yield Noted(policy.name, Complaint("P018", "info", ("spec", "when"), message))
