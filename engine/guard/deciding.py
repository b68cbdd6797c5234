"""Match and situation -> Act, Hold or Ignore. The first reason against acting decides; all of them are told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.guard import limits, witnesses
from engine.guard.limits import Deed, Limits
from engine.model.decision import Act, Decision, Hold, Ignore, Observation, Reason
from engine.model.estate import Site
from engine.model.match import Match
from engine.model.policy import Late, Mode, Policy


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a decision may rest on, read just now and handed in frozen."""

    now: datetime
    site: Site
    observations: tuple[Observation, ...] = ()
    """About the matched host; expired ones left out."""
    hosts_down: frozenset[str] = frozenset()
    """All hosts that some witness called down lately."""
    deeds: tuple[Deed, ...] = ()
    stopped: str | None = "the stop switch was not read"
    """Why everything stands still, or None."""
    blind: str | None = None
    """Why we do not trust our own sight (S3), or None."""
    maintenance: str | None = None
    """Who says that the object is in maintenance, or None."""
    condition: bool | None = None
    """What the policy's `if` gave; None: it could not be evaluated."""
    limits: Limits = field(default_factory=Limits)
    need: int = 2
    """Witness classes an ungraceful act needs, whatever the policy says."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    kind: str
    reason: Reason
    page: bool = False


Check = Callable[[Match, Policy, Situation], _Verdict | None]


def decide(match: Match, policy: Policy, situation: Situation, revision: int = 0) -> Decision:
    """The decision about a match; every reason is recorded, the first one decides its kind."""
    verdicts = [verdict for check in _CHECKS if (verdict := check(match, policy, situation)) is not None]
    told = {
        "match": match.id,
        "policy": policy.name,
        "object": match.key,
        "at": situation.now,
        "causes": tuple(event.id for event in match.events),
        "observations": situation.observations,
        "revision": revision,
        "synthetic": any(event.synthetic for event in match.events),
    }
    reasons = tuple(verdict.reason for verdict in verdicts)
    if not verdicts:
        return Act(**told, reasons=(_agreed(policy, situation),))
    if verdicts[0].kind == "ignore":
        return Ignore(**told, reasons=reasons)
    return Hold(**told, reasons=reasons, page=any(verdict.page for verdict in verdicts))


def _agreed(policy: Policy, situation: Situation) -> Reason:
    classes = witnesses.down(situation.observations, _allowed(policy))
    if not limits.is_ungraceful(policy):
        return Reason(code="held", en="the condition held; the act is reversible", ja="条件が継続、可逆な操作")
    names = " and ".join(classes)
    return Reason(code="witnesses", en=f"{names} agree that it is down", ja=f"{'・'.join(classes)} が停止を確認")


def _allowed(policy: Policy) -> tuple[str, ...]:
    return policy.spec.witnesses.of if policy.spec.witnesses else ("vcenter", "chassis", "probe", "bmc")


def _mode(_: Match, policy: Policy, __: Situation) -> _Verdict | None:
    mode = policy.spec.mode
    if mode is Mode.AUTOMATIC:
        return None
    en = {
        Mode.OBSERVE: "the policy only observes; it would have been looked at",
        Mode.RECOMMEND: "the policy only recommends",
        Mode.APPROVE: "a person has to approve",
    }[mode]
    ja = {Mode.OBSERVE: "観察モード", Mode.RECOMMEND: "推奨のみ", Mode.APPROVE: "承認待ち"}[mode]
    reason = Reason(code=f"mode.{mode.value}", en=en, ja=ja)
    return _Verdict("ignore" if mode is Mode.OBSERVE else "hold", reason, page=mode is Mode.APPROVE)


def _stopped(_: Match, __: Policy, situation: Situation) -> _Verdict | None:
    if situation.stopped is None:
        return None
    return _Verdict("hold", Reason(code="stopped", en=situation.stopped, ja="停止スイッチにより保留"))


def _maintenance(match: Match, policy: Policy, situation: Situation) -> _Verdict | None:
    if situation.maintenance is None or "maintenance" not in policy.spec.unless:
        return None
    en = f"{match.key} is in maintenance ({situation.maintenance})"
    return _Verdict("ignore", Reason(code="maintenance", en=en, ja=f"{match.key} は保守中"))


def _planned(match: Match, policy: Policy, _: Situation) -> _Verdict | None:
    planned = [event for event in match.events if event.data.get("planned") is True]
    if not planned or "planned" not in policy.spec.unless:
        return None
    en = f"{planned[0].type} was planned by a person or a service"
    return _Verdict("ignore", Reason(code="planned", en=en, ja="計画された操作"))


def _condition(match: Match, policy: Policy, situation: Situation) -> _Verdict | None:
    if policy.spec.condition is None or situation.condition is True:
        return None
    if situation.condition is None:
        en = f"the condition {policy.spec.condition!r} could not be read for {match.key}"
        return _Verdict("hold", Reason(code="condition.unknown", en=en, ja="条件を評価できない"), page=True)
    en = f"the condition {policy.spec.condition!r} does not hold"
    return _Verdict("ignore", Reason(code="condition.false", en=en, ja="条件が成立しない"))


def _late(match: Match, policy: Policy, situation: Situation) -> _Verdict | None:
    late = situation.now - match.at
    if policy.spec.late is not Late.SKIP or late < timedelta(seconds=60):
        return None
    en = f"the timer ended {late.total_seconds():.0f} s ago, while nobody was on duty"
    return _Verdict("ignore", Reason(code="late", en=en, ja="期限超過のため見送り"))


def _blind(_: Match, __: Policy, situation: Situation) -> _Verdict | None:
    if situation.blind is None:
        return None
    return _Verdict("hold", Reason(code="blind", en=situation.blind, ja="自身の視界に疑いあり"), page=True)


def _cooling(match: Match, policy: Policy, situation: Situation) -> _Verdict | None:
    sentence = limits.cooling(policy, situation.deeds, match.key, situation.now, situation.limits)
    if sentence is None:
        return None
    return _Verdict("hold", Reason(code="cooldown", en=sentence, ja="冷却期間中"), limits.is_ungraceful(policy))


def _mass(_: Match, policy: Policy, situation: Situation) -> _Verdict | None:
    if not limits.is_ungraceful(policy):
        return None
    sentence = limits.mass_failure(situation.site, situation.hosts_down, situation.limits)
    if sentence is None:
        return None
    en = f"{sentence}: this looks like the network or the power, not the hosts"
    return _Verdict("hold", Reason(code="mass.failure", en=en, ja="大規模障害のため保留"), page=True)


def _radius(match: Match, policy: Policy, situation: Situation) -> _Verdict | None:
    place = situation.site.standings.get(match.key.partition(":")[2])
    if not limits.is_ungraceful(policy):
        return None
    if place is None:
        en = f"{match.key} is no host of the estate; an ungraceful act needs one"
        return _Verdict("hold", Reason(code="unknown.host", en=en, ja="未登録のホスト"), page=True)
    sentence = limits.too_much(situation.site, situation.deeds, place, situation.now, situation.limits)
    if sentence is None:
        return None
    return _Verdict("hold", Reason(code="blast.radius", en=sentence, ja="影響範囲の上限"), page=True)


def _budget(match: Match, policy: Policy, situation: Situation) -> _Verdict | None:
    sentence = limits.over_budget(policy, situation.site, situation.deeds, match.key, situation.now)
    if sentence is None:
        return None
    return _Verdict("hold", Reason(code="budget", en=sentence, ja="予算超過"), page=limits.is_ungraceful(policy))


def _witnesses(match: Match, policy: Policy, situation: Situation) -> _Verdict | None:
    if not limits.is_ungraceful(policy) and policy.spec.witnesses is None:
        return None
    asked = policy.spec.witnesses.need if policy.spec.witnesses else 0
    need = max(asked, situation.need if limits.is_ungraceful(policy) else 0)
    classes = witnesses.down(situation.observations, _allowed(policy))
    if len(classes) >= need:
        return None
    seen = ", ".join(classes) or "nobody"
    against = sorted({o.witness for o in situation.observations if not o.down})
    other = f"; {', '.join(against)} sees it alive" if against else ""
    en = f"{need} witness classes must say that {match.key} is down, only {len(classes)} does ({seen}){other}"
    ja = f"証人が {need} 種必要、確認できたのは {len(classes)} 種"
    return _Verdict("hold", Reason(code="witnesses.missing", en=en, ja=ja), page=True)


_CHECKS: tuple[Check, ...] = (
    _mode,
    _maintenance,
    _planned,
    _condition,
    _late,
    _stopped,
    _blind,
    _cooling,
    _mass,
    _radius,
    _budget,
    _witnesses,
)
