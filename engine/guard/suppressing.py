"""Why an object is left alone: maintenance, plans, windows, people, conditions, lateness; pure checks."""

from datetime import timedelta

from engine.guard import limits, people, windows, witnesses
from engine.guard.people import HumanAct
from engine.guard.situation import Check, Situation, Verdict, hold, ignore
from engine.model.decision import Observation
from engine.model.match import Match
from engine.model.order import VALID_FOR
from engine.model.policy import Human, Late, Mode, Policy
from engine.model.window import Window

LATE_AFTER = 60.0
"""Seconds behind its moment from which on a timer counts as overdue: nobody was on duty when it ended."""
FRESH_FOR = 3600.0
"""Seconds for which a match that does not stay may be held."""
SETTLE = 30.0
"""Seconds after which the collectors have told what changed while nobody was on duty."""


def maintenance(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """Maintenance stops every act (safety rule S17); where the policy only tells people, only if it says so."""
    if situation.maintenance is None or _ends_maintenance(policy) or situation.sets_aside("maintenance"):
        return None
    if "maintenance" not in policy.spec.unless and not limits.touches(policy):
        return None
    who = situation.maintenance
    return ignore("maintenance", f"{match.key} is in maintenance ({who})", f"{match.key} は保守中({who})")


def _ends_maintenance(policy: Policy) -> bool:
    return bool(policy.spec.do) and all(step.verb == "exit-maintenance" for step in policy.spec.do)


def void(match: Match, _: Policy, situation: Situation) -> Verdict | None:
    """An order of a person is for now: what held it longer than it is valid has made it void."""
    order, until = situation.ordered, match.at + timedelta(seconds=VALID_FOR)
    if order is None or situation.now <= until:
        return None
    en = f"the order of {order.by} was valid until {until:%H:%M:%S}; give it again if it is still wanted"
    return ignore("order.void", en, f"{order.by} の指示は {until:%H:%M:%S} で失効、{match.key} は操作しない")


def planned(match: Match, policy: Policy, _: Situation) -> Verdict | None:
    """The event itself says that it was meant."""
    found = [event for event in match.events if event.data.get("planned") is True]
    if not found or "planned" not in policy.spec.unless:
        return None
    return ignore(
        "planned", f"{found[0].type} was planned by a person or a service", f"{found[0].type} は計画された操作"
    )


def stale(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """News that nothing can take back is not acted on for ever: what was held for so long is left alone."""
    patience = max(FRESH_FOR, policy.spec.approval.deadline if policy.spec.mode is Mode.APPROVE else 0.0)
    if match.stays or situation.noticed is None or situation.now - situation.noticed <= timedelta(seconds=patience):
        return None
    kind = match.events[-1].type if match.events else "it"
    return ignore(
        "stale", f"{kind} was held for {patience:.0f} s; it is old news by now", f"{kind} は古い情報のため見送り"
    )


def outside(_: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """`during`: it decides in its windows only."""
    during = policy.spec.during
    if not during or windows.first_open(during, situation.now) is not None:
        return None
    said = ", ".join(windows.words(one) for one in during)
    return ignore("outside.window", f"the policy decides only during {said}", f"対象時間帯の外: {said}")


def window(_: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """`unless` a window: it leaves alone in it."""
    found = windows.first_open((one for one in policy.spec.unless if isinstance(one, Window)), situation.now)
    if found is None:
        return None
    said = windows.words(found)
    return ignore("window", f"objects are left alone during {said}", f"除外時間帯: {said}")


def human(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """`unless` a person: what people are busy with is left to them."""
    act = situation.human if situation.ordered is None else None
    spans = [one.human for one in policy.spec.unless if isinstance(one, Human)]
    if act is None or not any(people.within(act, span, situation.now) for span in spans):
        return None
    return ignore("human", *_told(act, match))


def human_by_rule(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """The site's own bound, for acts on the target itself (safety rule S17).

    It ends by itself, so what is still wrong then is not forgotten. What people do to the VMs of a host does not keep
    these VMs from being brought back when it dies: a policy that wants that says `unless: [{human: ...}]`.
    """
    act = situation.on_target if situation.ordered is None else None
    if act is None or not limits.touches(policy) or not people.within(act, situation.limits.human, situation.now):
        return None
    if human(match, policy, situation) is not None:
        return None
    until = act.at + timedelta(seconds=situation.limits.human)
    en, ja = _told(act, match)
    en, ja = f"{en}; held until {until:%H:%M:%S}", f"{ja}、{until:%H:%M:%S} まで保留"
    return hold("human", en, ja, page=limits.is_ungraceful(policy))


def _told(act: HumanAct, match: Match) -> tuple[str, str]:
    where = "" if act.object == match.key else f" ({match.key} hangs together with it)"
    return (
        f"{act.who} did {act.what} on {act.object} at {act.at:%H:%M:%S}{where}",
        f"{act.at:%H:%M:%S} に {act.who} が {act.object} を操作({act.what})",
    )


def condition(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """`if`: unknown is not false."""
    text = policy.spec.condition
    if text is None or situation.condition is True:
        return None
    if situation.condition is None:
        en = f"the condition {text!r} could not be read for {match.key}"
        return hold("condition.unknown", en, f"条件 {text!r} を評価できない", page=True)
    return ignore("condition.false", f"the condition {text!r} does not hold", f"条件 {text!r} が成立しない")


def overdue(match: Match, situation: Situation) -> float:
    """Seconds that its moment lay back when somebody on duty saw it."""
    if situation.overdue is not None:
        return situation.overdue
    return max(match.late_by, (situation.now - match.at).total_seconds())


def late(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """`late: skip` of a timer that ended while nobody was on duty."""
    behind = overdue(match, situation)
    if policy.spec.late is not Late.SKIP or behind < LATE_AFTER:
        return None
    en = f"the timer ended {behind:.0f} s before anybody was on duty, and the policy skips such ones"
    return ignore("late", en, f"期限から {behind:.0f} 秒超過のため見送り")


def recheck(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """`late: recheck` of such a timer: it acts once the condition was seen again.

    Seen again means: where witnesses decide, one of them says down, by a look just now or by an event that came after
    it was noticed; otherwise, that it is still open 30 s after it was noticed, when the collectors have told what
    changed meanwhile (a match that has ended is not decided any more).
    """
    behind = overdue(match, situation)
    if policy.spec.late is not Late.RECHECK or behind < LATE_AFTER:
        return None
    noticed = situation.noticed or situation.now
    if limits.is_ungraceful(policy) or policy.spec.witnesses is not None:
        since = situation.noticed
        words = standing(policy, situation)
        seen = any(one.down and (since is None or one.at >= since) for one in words)
    else:
        seen = situation.now >= noticed + timedelta(seconds=SETTLE)
    if seen:
        return None
    en = f"the timer ended {behind:.0f} s before anybody was on duty; the condition must be seen again first"
    return hold("late.recheck", en, f"期限から {behind:.0f} 秒超過、状態の再確認待ち")


def observed(policy: Policy) -> tuple[str, ...]:
    """The witness classes that count for a policy."""
    return policy.spec.witnesses.of if policy.spec.witnesses else ("vcenter", "chassis", "probe", "bmc")


def standing(policy: Policy, situation: Situation) -> tuple[Observation, ...]:
    """The words that count for a policy: of policy and site the stricter says whether unproven ones do."""
    strict = policy.spec.witnesses is not None and policy.spec.witnesses.authenticated
    strict = strict or (situation.authenticated and limits.is_ungraceful(policy))
    return witnesses.standing(situation.observations, authenticated=strict)


def witnessed(match: Match, policy: Policy, situation: Situation) -> Verdict | None:
    """Enough classes say that it is down (safety rule S1)."""
    rough = limits.is_ungraceful(policy)
    if not rough and policy.spec.witnesses is None:
        return None
    asked = policy.spec.witnesses.need if policy.spec.witnesses else 0
    need = max(asked, situation.need if rough else 0)
    words = standing(policy, situation)
    classes = witnesses.down(words, observed(policy))
    if len(classes) >= need:
        return None
    seen = ", ".join(classes) or "nobody"
    against = sorted({one.witness for one in words if not one.down})
    other = f"; {', '.join(against)} sees it alive" if against else ""
    en = f"{need} witness classes must say that {match.key} is down, only {len(classes)} does ({seen}){other}"
    ja = f"証人が {need} 種必要、確認できたのは {len(classes)} 種({seen})"
    unproven = set(witnesses.down(situation.observations, observed(policy))) - set(classes)
    if unproven:
        names = ", ".join(sorted(unproven))
        en, ja = (
            f"{en}; {names} only by a trap that proves no sender",
            f"{ja}、{names} は送信者を証明しないトラップのみ",
        )
    return hold("witnesses.missing", en, ja, page=True)


LEFT_ALONE: tuple[Check, ...] = (void, stale, maintenance, planned, outside, window, human, condition, late)
"""What is said first: where one of these holds, nothing else is of interest."""
IN_DOUBT: tuple[Check, ...] = (witnessed, recheck)
"""What has to be known before an act."""
