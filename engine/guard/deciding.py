"""Match and situation -> Act, Hold or Ignore. Every check is made and told; the first that has something decides.

Order: what is left alone (maintenance, plans, windows, people, `if`, `late`), a person's no, `recommend`; then what
holds (orders, sight, limits, budget, precedence, witnesses); then `minimum_running`, and last the person who has to
approve: nobody is asked about what could not be done anyway, and a yes lets nothing else through.
"""

from datetime import timedelta

from engine.guard import approval, bounding, limits, suppressing, witnesses
from engine.guard.situation import Check, Situation, Verdict, hold, ignore
from engine.model.decision import Act, Decision, Hold, Ignore, Reason
from engine.model.match import Match
from engine.model.order import Order
from engine.model.policy import Mode, Policy


def decide(match: Match, policy: Policy, situation: Situation, revision: int = 0) -> Decision:
    """The decision about a match."""
    against = _against(match, policy, situation)
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
    reasons = tuple(verdict.reason for verdict in against)
    if not against:
        reasons = _for(policy, situation)
    if policy.spec.mode is Mode.OBSERVE:
        return Ignore(**told, reasons=(_dry("mode.observe", "観察のみ", "the policy only observes", against), *reasons))
    if policy.spec.mode is Mode.RECOMMEND and not (against and against[0].kind == "ignore"):
        first = _dry("mode.recommend", "推奨のみ", "the policy only recommends", against)
        return Hold(**told, reasons=(first, *reasons), page=False)
    if not against:
        return Act(**told, reasons=reasons)
    if against[0].kind == "ignore":
        return Ignore(**told, reasons=reasons)
    return Hold(**told, reasons=reasons, page=any(verdict.page for verdict in against))


def _against(match: Match, policy: Policy, situation: Situation) -> list[Verdict]:
    checks: tuple[Check, ...] = (
        *suppressing.LEFT_ALONE,
        _rejected,
        *bounding.BOUNDS,
        *suppressing.IN_DOUBT,
        bounding.minimum,
    )
    found = [verdict for check in checks if (verdict := check(match, policy, situation)) is not None]
    found = _sure_to_open(policy, situation, found)
    asked = _approval(match, policy, situation, alone=not found)
    return [*found, asked] if asked is not None else found


def _sure_to_open(policy: Policy, situation: Situation, found: list[Verdict]) -> list[Verdict]:
    """A breaker is opened only by a match that would have been an act."""
    if situation.breaker is not None and situation.breaker.open:
        return found
    dry = policy.spec.mode in (Mode.OBSERVE, Mode.RECOMMEND)
    if not dry and {verdict.reason.code for verdict in found} <= bounding.OF_LIMITS:
        return found
    return [verdict for verdict in found if verdict.reason.code != "breaker"]


def _rejected(_: Match, policy: Policy, situation: Situation) -> Verdict | None:
    answer = situation.answer
    if policy.spec.mode is not Mode.APPROVE or answer is None or answer.yes:
        return None
    why = f": {answer.why}" if answer.why else ""
    return ignore("rejected", f"{answer.by} said no at {answer.at:%H:%M:%S}{why}", f"{answer.by} が却下{why}")


def _approval(match: Match, policy: Policy, situation: Situation, *, alone: bool) -> Verdict | None:
    if policy.spec.mode is not Mode.APPROVE:
        return None
    rule, since = policy.spec.approval, situation.waiting_since
    how = approval.standing(rule, since, situation.answer, situation.now)
    if how in ("approved", "rejected", "act"):
        return None
    say = f"toban approve {match.id[:12]}"
    if not alone:
        return hold("mode.approve", f"a person has to approve it: {say}", f"承認待ち: {say}")
    if how == "waiting":
        until = f"{(since or situation.now) + timedelta(seconds=rule.deadline):%Y-%m-%d %H:%M:%S}"
        en = f"a person has to approve it until {until}: {say}"
        return hold("mode.approve", en, f"承認待ち({until} まで): {say}", page=True)
    en = f"nobody answered within {rule.deadline:.0f} s"
    if how == "ignore":
        return ignore("approval.deadline", f"{en}; it is left alone", f"{rule.deadline:.0f} 秒以内に回答なし、見送り")
    ja = f"{rule.deadline:.0f} 秒以内に回答なし、引き続き承認待ち"
    return hold("approval.deadline", f"{en}; it stays held until a person speaks", ja, page=True)


def _for(policy: Policy, situation: Situation) -> tuple[Reason, ...]:
    """What speaks for it."""
    found = [_ordered(situation.ordered) if situation.ordered is not None else _agreed(policy, situation)]
    if policy.spec.mode is Mode.APPROVE:
        found.append(_approved(policy, situation))
    return tuple(found)


def _ordered(order: Order) -> Reason:
    aside = f", setting aside {', '.join(order.overrides)}" if order.overrides else ""
    why = f": {order.why}" if order.why else ""
    return Reason(code="ordered", en=f"{order.by} ordered it{aside}{why}", ja=f"{order.by} の手動指示{why}")


def _agreed(policy: Policy, situation: Situation) -> Reason:
    if not limits.is_ungraceful(policy):
        return Reason(code="held", en="the condition held; the act is reversible", ja="条件が継続、可逆な操作")
    classes = witnesses.down(suppressing.standing(policy, situation), suppressing.observed(policy))
    names = " and ".join(classes)
    return Reason(code="witnesses", en=f"{names} agree that it is down", ja=f"{'・'.join(classes)} が停止を確認")


def _approved(policy: Policy, situation: Situation) -> Reason:
    answer, rule = situation.answer, policy.spec.approval
    if answer is not None and approval.standing(rule, situation.waiting_since, answer, situation.now) == "approved":
        why = f": {answer.why}" if answer.why else ""
        en = f"{answer.by} approved it at {answer.at:%Y-%m-%d %H:%M:%S}{why}"
        return Reason(code="approved", en=en, ja=f"{answer.by} が {answer.at:%Y-%m-%d %H:%M:%S} に承認{why}")
    en = f"nobody answered within {rule.deadline:.0f} s, and the policy acts then"
    return Reason(code="approval.deadline", en=en, ja=f"{rule.deadline:.0f} 秒以内に回答なし、ポリシーの定めにより実行")


def _dry(code: str, ja: str, en: str, against: list[Verdict]) -> Reason:
    if not against:
        return Reason(code=code, en=f"{en}; it would have acted", ja=f"{ja}(実行条件は成立)")
    codes = ", ".join(verdict.reason.code for verdict in against)
    if against[0].kind == "ignore":
        return Reason(code=code, en=f"{en}; it would have been left alone: {codes}", ja=f"{ja}(対象外: {codes})")
    return Reason(code=code, en=f"{en}; it would have been held: {codes}", ja=f"{ja}(保留条件あり: {codes})")
