"""What holds an act though its reason is good: stop switch, mass failure, limits, budget, precedence; pure checks."""

from engine.guard import limits
from engine.guard.limits import Excess
from engine.guard.situation import Check, Situation, Verdict, hold, ignore
from engine.guard.suppressing import human_by_rule
from engine.model.match import Match
from engine.model.policy import Policy

OF_LIMITS = frozenset(
    {"mode.approve", "stopped", "cooldown", "mass.failure", "blast.radius", "breaker", "budget", "budget.share"}
)
"""Codes that doubt nothing about the match itself: with only these it would have been an act, and opens a breaker."""


def disarmed(_: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """A person took the policy out of service."""
    order = situation.disarmed
    if order is None:
        return None
    why = f": {order.why}" if order.why else ""
    en = f"{order.by} took {policy.name} out of service{why}; toban policy arm {policy.name} takes it back"
    return hold("disarmed", en, f"{order.by} により停止中{why}")


def stopped(_: Match, __: Policy, situation: Situation) -> Verdict | None:
    """The stop switch (safety rule S15)."""
    if situation.stopped is None:
        return None
    return hold("stopped", situation.stopped, "停止スイッチにより保留")


def blind(_: Match, __: Policy, situation: Situation) -> Verdict | None:
    """Is it us? (Safety rule S3.)"""
    if situation.blind is None:
        return None
    return hold("blind", situation.blind, "自身の視界に疑いあり", page=True)


def cooling(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """The object rests. A person may set that aside, but not for a second fence (safety rule S13)."""
    if situation.sets_aside("cooldown") and not limits.is_ungraceful(policy):
        return None
    found = limits.cooling(policy, situation.places, situation.deeds, match.key, situation.now, situation.limits)
    return hold(found.code, found.en, found.ja, page=limits.is_ungraceful(policy)) if found is not None else None


def flapping(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """A host that goes up and down is in quarantine until a person releases it (safety rule S13).

    A person may still move VMs off it by hand; nobody fences it before it is released.
    """
    if situation.flapping is None or not limits.touches(policy):
        return None
    if situation.ordered is not None and not limits.is_ungraceful(policy):
        return None
    en = f"{situation.flapping}; toban release {situation.places.anchor(match.key)} ends the quarantine"
    return hold("flapping", en, "状態が頻繁に変化したため隔離中(toban release で解除)", page=True)


def mass(_: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """Too many hosts are down for it to be the hosts (safety rule S10)."""
    if not limits.is_ungraceful(policy) or situation.mass is None:
        return None
    en = f"{situation.mass}: this looks like the network or the power, not the hosts"
    return hold("mass.failure", en, "大規模障害のため保留", page=True)


def radius(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """The site's own bounds on fences (safety rule S9)."""
    if not limits.is_ungraceful(policy):
        return None
    place = situation.places.itself(match.key)
    if place is None:
        en = f"{match.key} is no host of the estate; an ungraceful act needs one"
        return hold("unknown.host", en, f"{match.key} は未登録のホスト", page=True)
    sentence = limits.too_much(situation.places, situation.deeds, place, situation.now, situation.limits)
    return hold("blast.radius", sentence, "影響範囲の上限", page=True) if sentence is not None else None


def _excess(match: Match, policy: Policy, situation: Situation) -> tuple[Excess, ...]:
    closed = situation.breaker.at if situation.breaker is not None and not situation.breaker.open else None
    places, deeds = situation.places, situation.deeds
    return limits.over_budget(policy, places, deeds, match.key, situation.now, closed)


def breaker(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """`breaker: manual`: open, or to be opened by this match, which finds the budget used up."""
    if policy.spec.budget is None or policy.spec.budget.breaker != "manual":
        return None
    again = f"until a person says: toban policy arm {policy.name}"
    known = situation.breaker
    if known is not None and known.open:
        en = f"the breaker of {policy.name} is open since {known.at:%Y-%m-%d %H:%M:%S}; nothing is done {again}"
        return hold("breaker", en, f"ブレーカー作動中({known.at:%Y-%m-%d %H:%M:%S} から)、人による再開待ち")
    spent = next((one for one in _excess(match, policy, situation) if one.used_up), None)
    if spent is None:
        return None
    return hold("breaker", f"{spent.en}: the breaker opens, {again}", "予算超過によりブレーカー作動", page=True)


def budget(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """The policy's own rate, and how many runs may be going."""
    found = next((one for one in _excess(match, policy, situation) if one.code == "budget"), None)
    return hold(found.code, found.en, found.ja, page=_pages(policy)) if found is not None else None


def share(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """The policy's own share of hosts."""
    found = next((one for one in _excess(match, policy, situation) if one.code == "budget.share"), None)
    return hold(found.code, found.en, found.ja, page=_pages(policy)) if found is not None else None


def _pages(policy: Policy) -> bool:
    manual = policy.spec.budget is not None and policy.spec.budget.breaker == "manual"  # the breaker pages, once
    return limits.is_ungraceful(policy) and not manual


def precedence(_: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """Another policy goes first on this object."""
    rival = situation.rival
    if rival is None:
        return None
    state = "its run is going" if rival.running else "its match is open"
    equal = "came first" if rival.priority == policy.spec.priority else f"has priority {rival.priority}"
    en = f"{rival.policy} {equal} and {state} ({rival.match[:8]}); {policy.name} waits"
    return hold("priority", en, f"優先ポリシー {rival.policy} が対応中のため待機")


def minimum(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """So many healthy hosts must be left in the group; a host that is dead already is not taken from it."""
    least = policy.spec.minimum_running
    if not least or not limits.takes_capacity(policy):
        return None
    places = situation.places
    group = places.group(match.key)
    if group is None or not places.members(group):
        en = f"{match.key} belongs to no group of the estate, so nobody knows what would be left running"
        return hold("minimum.unknown", en, f"{match.key} の所属グループが不明", page=True)
    healthy, place = places.healthy(group), places.itself(match.key)
    if place is not None and place.id not in healthy:
        return None
    going = [deed for _, deed in situation.deeds.going() if deed.takes_capacity and places.group(deed.object) == group]
    leaving = {one.id for deed in going if (one := places.itself(deed.object)) is not None and one.id in healthy}
    groups = sum(places.itself(deed.object) is None for deed in going)
    left = len(healthy - leaving - ({place.id} if place is not None else set())) - groups - (place is None)
    if left >= least:
        return None
    en = f"only {max(0, left)} healthy hosts would be left in group {group}, {least} must be"
    return ignore("minimum.running", en, f"グループ {group} の稼働台数が下限 {least} を下回るため見送り")


BOUNDS: tuple[Check, ...] = (
    disarmed,
    stopped,
    blind,
    human_by_rule,
    flapping,
    cooling,
    mass,
    radius,
    breaker,
    budget,
    share,
    precedence,
)
"""What holds an act, whatever its reason."""
