"""Blast radius (S9), mass failure (S10) and cool-down (S13): how much may happen, whichever policy asks; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.model import actions
from engine.model.estate import Site, Standing
from engine.model.policy import Policy


@dataclass(frozen=True, slots=True)
class Deed:
    """An act that was decided: when, by which policy, on what."""

    at: datetime
    policy: str
    object: str
    ungraceful: bool
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The site's bounds. Defaults are safety.md S9, S10 and S13; times in seconds."""

    fences: int = 2
    fences_within: float = 900.0
    cluster_share: float = 0.10
    cluster_within: float = 3600.0
    mass_hosts: int = 3
    mass_share: float = 0.30
    mass_within: float = 300.0
    refence_after: float = 1800.0


def is_ungraceful(policy: Policy) -> bool:
    """Whether it takes power away: such acts need witnesses and obey every limit; so does a verb that nobody knows."""
    known = actions.shipped()
    return any((action := known.get(step.verb)) is None or action.ungraceful for step in policy.spec.do)


def mass_failure(site: Site, down: frozenset[str], limits: Limits) -> str | None:
    """The sentence that names a mass failure, or None. A share counts from two hosts up."""
    places = site.standings.values()
    dead = [place for place in places if place.id in down]
    if len(dead) >= limits.mass_hosts:
        return f"{len(dead)} hosts are down within {limits.mass_within:.0f} s"
    for name, members in _units(places):
        lost = sum(place in members for place in dead)
        if lost >= 2 and lost / len(members) >= limits.mass_share:
            return f"{lost} of {len(members)} hosts of {name} are down within {limits.mass_within:.0f} s"
    return None


def _units(places: Iterable[Standing]) -> list[tuple[str, list[Standing]]]:
    units: dict[str, list[Standing]] = {}
    for place in places:
        names = [f"group {place.group}", f"vCenter {place.host.vcenter}"]
        if place.chassis is not None:
            names.append(f"chassis {place.chassis.name}")
        for name in names:
            units.setdefault(name, []).append(place)
    return sorted(units.items())


def too_much(site: Site, deeds: Iterable[Deed], place: Standing, now: datetime, limits: Limits) -> str | None:
    """The sentence that says which bound of S9 one more fence of this host would break, or None."""
    fences = [deed for deed in deeds if deed.ungraceful]
    recent = [deed for deed in fences if deed.at > now - timedelta(seconds=limits.fences_within)]
    if len(recent) >= limits.fences:
        return f"{len(recent)} fences within {limits.fences_within:.0f} s are the site's limit"
    unfinished = [site.standings.get(deed.object.partition(":")[2]) for deed in fences if not deed.finished]
    for other in unfinished:
        if other is not None and (other.chassis == place.chassis or other.group == place.group):
            return f"the fence of {other.id} is still in flight; one at a time per chassis and cluster"
    members = [other for other in site.standings.values() if other.group == place.group]
    allowed = max(1, int(len(members) * limits.cluster_share))
    lately = {d.object for d in fences if d.at > now - timedelta(seconds=limits.cluster_within)}
    if len(lately & {member.id for member in members}) >= allowed:
        return f"{allowed} of {len(members)} hosts of group {place.group} per hour is the site's limit"
    return None


def cooling(policy: Policy, deeds: Iterable[Deed], key: str, now: datetime, limits: Limits) -> str | None:
    """The sentence that says until when this object rests, or None."""
    rest = max(policy.spec.cooldown, limits.refence_after if is_ungraceful(policy) else 0.0)
    same = [d.at for d in deeds if d.object == key and (d.policy == policy.name or d.ungraceful)]
    ends = max(same, default=None)
    if ends is None or ends + timedelta(seconds=rest) <= now:
        return None
    return f"{key} was acted on at {ends:%H:%M:%S} and rests for {rest:.0f} s"


def over_budget(policy: Policy, site: Site, deeds: Iterable[Deed], key: str, now: datetime) -> str | None:
    """The sentence that says how the policy's own budget is used up, or None."""
    budget = policy.spec.budget
    if budget is None:
        return None
    unit = _unit(site, budget.per, key)
    mine = [d for d in deeds if d.policy == policy.name and _unit(site, budget.per, d.object) == unit]
    count, seconds = budget.limit
    used = sum(d.at > now - timedelta(seconds=seconds) for d in mine)
    running = sum(not d.finished for d in mine)
    if running >= budget.concurrent:
        return f"{running} run(s) of {policy.name} are still going; its budget allows {budget.concurrent}"
    return f"budget {budget.rate} per {budget.per} is used up" if used >= count else None


def _unit(site: Site, per: str, key: str) -> str:
    place = site.standings.get(key.partition(":")[2])
    if place is None or per == "policy":
        return per if place is not None or per == "policy" else key
    chassis = place.chassis.name if place.chassis else "none"
    return {"group": place.group, "chassis": chassis, "cluster": place.group}[per]
