"""Blast radius (S9), mass failure (S10), cool-down (S13) and budgets: how much may happen; pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.estate.places import Places
from engine.guard.deeds import Deeds
from engine.model import actions
from engine.model.actions import Action
from engine.model.estate import Site, Standing
from engine.model.policy import Policy


@dataclass(frozen=True, slots=True)
class Limits:
    """The site's bounds. Defaults are safety.md S9, S10, S13 and S17; times in seconds."""

    fences: int = 2
    fences_within: float = 900.0
    cluster_share: float = 0.10
    cluster_within: float = 3600.0
    mass_hosts: int = 3
    mass_share: float = 0.30
    mass_within: float = 300.0
    refence_after: float = 1800.0
    flaps: int = 3
    flaps_within: float = 600.0
    """So often up or down within this time, and a host is put into quarantine (safety rule S13)."""
    human: float = 900.0
    """How long a person's act on an object holds every act of ours on it (safety rule S17)."""

    @property
    def reach(self) -> float:
        """How long an act is remembered at least."""
        return max(self.fences_within, self.cluster_within, self.refence_after)


@dataclass(frozen=True, slots=True)
class Excess:
    """A bound that one more act would break: a code, and the sentence in both languages."""

    code: str
    en: str
    ja: str
    used_up: bool = False
    """Of a budget: not merely busy, but spent."""


def _actions(policy: Policy) -> Iterator[Action | None]:
    known = actions.shipped()
    return (known.get(step.verb) for step in policy.spec.do)


def is_ungraceful(policy: Policy) -> bool:
    """Whether it takes power away: such acts need witnesses and obey every limit; so does a verb that nobody knows."""
    return any(action is None or action.ungraceful for action in _actions(policy))


def takes_capacity(policy: Policy) -> bool:
    """Whether fewer hosts run after it; so does a verb that nobody knows."""
    return any(action is None or action.takes_capacity for action in _actions(policy))


def touches(policy: Policy) -> bool:
    """Whether it changes anything in the estate, rather than only telling people."""
    return any(action is None or action.touches != "none" for action in _actions(policy))


def reach(policy: Policy, limits: Limits) -> float:
    """Seconds of the past that a decision of this policy may rest on."""
    budget = policy.spec.budget
    return max(policy.spec.cooldown, budget.limit[1] if budget is not None else 0.0, limits.reach)


def mass_failure(site: Site, down: frozenset[str], limits: Limits) -> str | None:
    """The sentence that names a mass failure, or None. A share counts from two hosts up."""
    known = site.standings
    dead = [place for name in sorted(down) if (place := known.get(name.partition(":")[2])) is not None]
    if len(dead) < min(2, limits.mass_hosts):
        return None
    if len(dead) >= limits.mass_hosts:
        return f"{len(dead)} hosts are down within {limits.mass_within:.0f} s"
    for name, members in _units(known.values()):
        lost = sum(place.id in members for place in dead)
        if lost >= 2 and lost / len(members) >= limits.mass_share:
            return f"{lost} of {len(members)} hosts of {name} are down within {limits.mass_within:.0f} s"
    return None


def _units(places: Iterable[Standing]) -> list[tuple[str, set[str]]]:
    units: dict[str, set[str]] = {}
    for place in places:
        names = [f"group {place.group}", f"vCenter {place.host.vcenter}"]
        if place.chassis is not None:
            names.append(f"chassis {place.chassis.name}")
        for name in names:
            units.setdefault(name, set()).add(place.id)
    return sorted(units.items())


def too_much(places: Places, deeds: Deeds, place: Standing, now: datetime, limits: Limits) -> str | None:
    """The sentence that says which bound of S9 one more fence of this host would break, or None."""
    recent = deeds.fences(now - timedelta(seconds=limits.fences_within))
    if len(recent) >= limits.fences:
        return f"{len(recent)} fences within {limits.fences_within:.0f} s are the site's limit"
    for _, deed in deeds.going():
        other = places.of(deed.object) if deed.ungraceful else None
        if other is not None and (_chassis(other) == _chassis(place) or other.group == place.group):
            return f"the fence of {other.id} is still in flight; one at a time per chassis and cluster"
    members = places.members(place.group)
    allowed = max(1, int(members * limits.cluster_share))
    fenced = [places.of(deed.object) for deed in deeds.fences(now - timedelta(seconds=limits.cluster_within))]
    lately = {other.id for other in fenced if other is not None and other.group == place.group}
    if len(lately) >= allowed:
        return f"{allowed} of {members} hosts of group {place.group} per hour is the site's limit"
    return None


def _chassis(place: Standing) -> str | None:
    return place.chassis.name if place.chassis is not None else None


def cooling(policy: Policy, places: Places, deeds: Deeds, key: str, now: datetime, limits: Limits) -> Excess | None:
    """Until when this object rests, or None."""
    rest = max(policy.spec.cooldown, limits.refence_after if is_ungraceful(policy) else 0.0)
    names = {key, places.anchor(key)}
    place = places.itself(key)
    names |= {place.machine} if place is not None else set()
    last = [next((d.at for d in deeds.on(name) if d.policy == policy.name or d.ungraceful), None) for name in names]
    ends = max((at for at in last if at is not None), default=None)
    if ends is None or ends + timedelta(seconds=rest) <= now:
        return None
    en = f"{key} was acted on at {ends:%H:%M:%S} and rests for {rest:.0f} s"
    return Excess("cooldown", en, f"冷却期間中: {ends:%H:%M:%S} に操作済み、{rest:.0f} 秒間休止")


@dataclass(frozen=True, slots=True)
class Spent:
    """What of its budget a policy has used where the object stands."""

    going: int
    acts: int
    hosts: frozenset[str]
    """Hosts acted on within the time of the rate."""


def spent(policy: Policy, places: Places, deeds: Deeds, key: str, since: datetime) -> Spent:
    """Counted in the unit of the object, from `since` on."""
    per = policy.spec.budget.per if policy.spec.budget is not None else "policy"
    unit = places.unit(key, per)
    mine = [deed for deed in deeds.of_policy(policy.name, since) if places.unit(deed.object, per) == unit]
    going = sum(deed.policy == policy.name and places.unit(deed.object, per) == unit for _, deed in deeds.going())
    hosts = [places.of(deed.object) for deed in mine]
    return Spent(going, len(mine), frozenset(place.id for place in hosts if place is not None))


def over_budget(
    policy: Policy, places: Places, deeds: Deeds, key: str, now: datetime, counted_from: datetime | None = None
) -> tuple[Excess, ...]:  # fmt: skip
    """Which bounds of the policy's own budget one more act would break: `budget`, `budget.share`.

    `counted_from`: when a person closed the breaker; what was done before that is paid for.
    """
    budget = policy.spec.budget
    if budget is None:
        return ()
    count, seconds = budget.limit
    since = max(now - timedelta(seconds=seconds), counted_from or datetime.min.replace(tzinfo=now.tzinfo))
    used = spent(policy, places, deeds, key, since)
    found: list[Excess] = []
    if used.going >= budget.concurrent:
        en = f"{used.going} run(s) of {policy.name} are still going; its budget allows {budget.concurrent}"
        found.append(Excess("budget", en, f"実行中 {used.going} 件、同時実行の上限は {budget.concurrent} 件"))
    if used.acts >= count:
        en = f"budget {budget.rate} per {budget.per} is used up"
        found.append(Excess("budget", en, f"予算超過: {budget.rate} ({budget.per} ごと)", used_up=True))
    if budget.percent is not None:
        found += _over_share(policy, places, key, used)
    return tuple(found)


def _over_share(policy: Policy, places: Places, key: str, used: Spent) -> list[Excess]:
    budget, place = policy.spec.budget, places.of(key)
    if budget is None or budget.percent is None:
        return []
    unit = places.unit(key, budget.per)
    size = places.size(unit, budget.per, policy.spec.scope)
    allowed = max(1, size * budget.percent // 100)
    hosts = used.hosts | ({place.id} if place is not None else set())
    count = max(len(hosts), used.acts + 1 if place is None else 0)
    if count <= allowed:
        return []
    en = f"{budget.share} of the {size} hosts per {budget.per}, that is {allowed}, within the time of {budget.rate}"
    return [
        Excess(
            "budget.share", f"one more would be above {en}", f"対象割合の上限: {size} 台中 {allowed} 台", used_up=True
        )
    ]
