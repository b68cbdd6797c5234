"""An explanation in words: the answer first, then clause by clause; English or Japanese."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.guard import windows
from engine.model.decision import Decision, Reason
from engine.model.policy import Human, Late
from engine.model.window import Window
from engine.rules.pending import Pending
from toban.explaining import Explained

Mark = Literal["ok", "no", "?"]
CODES: tuple[tuple[str, frozenset[str]], ...] = (
    ("mode", frozenset({"mode.observe", "mode.recommend", "mode.approve", "approval.deadline", "rejected"})),
    ("orders", frozenset({"stopped", "disarmed"})),
    ("during", frozenset({"outside.window"})),
    ("unless", frozenset({"maintenance", "planned", "human", "window"})),
    ("if", frozenset({"condition.false", "condition.unknown"})),
    ("witnesses", frozenset({"witnesses.missing"})),
    ("budget", frozenset({"budget", "budget.share", "breaker"})),
    ("cooldown", frozenset({"cooldown"})),
    ("minimum_running", frozenset({"minimum.running"})),
    ("priority", frozenset({"priority"})),
    ("late", frozenset({"late", "late.recheck"})),
)
"""Which reasons speak of which clause; all others are the site's own guard."""
SPEAKING = frozenset({"held", "witnesses", "approved"})
"""Reasons that speak for acting."""


@dataclass(frozen=True, slots=True)
class Line:
    """One clause and how it stands."""

    clause: str
    mark: Mark
    says: str


def answer(told: Explained, lang: str = "en") -> str:
    """One sentence: what happened, or what is missing."""
    name, about = told.policy.name, told.object
    open_id = told.match.id if told.match is not None else None
    decided = next((one for one in reversed(told.recorded) if one.decision.match == open_id), None)
    if decided is not None:
        end = f", its run ended: {decided.outcome.value}" if decided.outcome is not None else ""
        return _past(decided.decision, lang, f"{name}: {about}", end)
    if not told.in_scope:
        return (
            f"{name}: {about} は対象範囲外です"
            if lang == "ja"
            else f"{name} leaves {about} alone: it is not in its scope"
        )
    if told.match is not None:
        why = _first(told.considered, lang)
        return (
            f"{name}: {about} は成立済み、判定待ち: {why}"
            if lang == "ja"
            else f"{name} matched {about} and is being decided: {why}"
        )
    for one in told.pending:
        if one.due is not None and one.events:
            return _due(name, about, one, lang)
    if told.pending:
        return f"{name} ({about}): " + "; ".join(pending(one, lang) for one in told.pending)
    if told.recorded:
        last = told.recorded[-1]
        end = f", its run ended: {last.outcome.value}" if last.outcome is not None else ""
        now = "現在は未成立。前回: " if lang == "ja" else "nothing is open now; the last time: "
        return _past(last.decision, lang, f"{name}: {about}: {now}", end)
    if told.last is not None:
        event, at = told.last
        heard = f"{event.type} ({at:%Y-%m-%d %H:%M:%S})"
        return (
            f"{name}: {about} は未成立。最後のイベント: {heard}"
            if lang == "ja"
            else f"{name} has not acted on {about}: nothing is open; the last it heard of it was {heard}"
        )
    since = f"{told.since:%Y-%m-%d %H:%M:%S}"
    return (
        f"{name}: {about} に関するイベントは {since} 以降なし"
        if lang == "ja"
        else f"{name} has not acted on {about}: none of its events about it was heard since {since}"
    )


def _past(decision: Decision, lang: str, about: str, end: str) -> str:
    word = {"act": ("acted", "実行"), "hold": ("held", "保留"), "ignore": ("left alone", "見送り")}[decision.kind]
    why, at = _first(decision, lang), f"{decision.at:%Y-%m-%d %H:%M:%S}"
    run = f" (run {decision.match[:8]})" if decision.kind == "act" else ""
    return f"{about} {word[1 if lang == 'ja' else 0]} {at}{run}: {why}{end}"


def _first(decision: Decision, lang: str) -> str:
    return "; ".join(_said(reason, lang) for reason in decision.reasons[:2]) or "-"


def _said(reason: Reason, lang: str) -> str:
    return reason.ja if lang == "ja" else reason.en


def _due(name: str, about: str, one: Pending, lang: str) -> str:
    event, at = one.events[0]
    ends = " / ".join(one.ends[:3])
    due = f"{one.due:%Y-%m-%d %H:%M:%S}"
    if lang == "ja":
        unless = f"({ends} が来なければ)" if ends else ""
        return f"{name}: {about} は未実行。{event.type} が {at:%H:%M:%S} から継続、{due} に成立{unless}"
    unless = f" unless {ends} comes" if ends else ""
    return f"{name} has not acted on {about}: {event.type} is open since {at:%H:%M:%S} and becomes a match at {due}{unless}"


def pending(one: Pending, lang: str = "en") -> str:
    """What one alternative has open."""
    there = ", ".join(f"{event.type} at {at:%H:%M:%S} (event {event.id[:8]})" for event, at in one.events) or "-"
    ends = f"; ends with {' / '.join(one.ends[:3])}" if one.ends else ""
    if one.matched:
        return f"成立済み: {there}" if lang == "ja" else f"matched and still open: {there}{ends}"
    if one.due is not None:
        return (
            f"{there} 、{one.due:%H:%M:%S} に成立"
            if lang == "ja"
            else f"{there}; a match at {one.due:%Y-%m-%d %H:%M:%S}{ends}"
        )
    until = f"; the oldest counts until {one.lapses:%H:%M:%S}" if one.lapses is not None else ""
    wanted = " and ".join(one.wanted) or "nothing"
    return (
        f"{one.have}/{one.need}: {there}; 未着: {wanted}"
        if lang == "ja"
        else f"{one.have} of {one.need}: {there}; waits for {wanted}{until}"
    )


def clauses(told: Explained, lang: str = "en") -> tuple[Line, ...]:
    """Every clause that the policy has, in the order of its decision."""
    return tuple(_clauses(told, lang))


def _clauses(told: Explained, lang: str) -> Iterator[Line]:
    spec = told.policy.spec
    against = {reason.code: reason for reason in told.considered.reasons if reason.code not in SPEAKING}
    scope = ", ".join(f"{name}: {value}" for name, value in spec.scope.model_dump(exclude_none=True).items() if value)
    yield Line("scope", "ok" if told.in_scope else "no", scope or "everything")
    mark: Mark = "ok" if told.match is not None else "no"
    whens = [pending(one, lang) for one in told.pending] or ["nothing is open"]
    for says in whens:
        yield Line("when", mark, says)
    values = {"mode": spec.mode.value, "orders": "none against it", **_values(told)}
    for clause, codes in CODES:
        found = [against.pop(code) for code in sorted(codes) if code in against]
        if clause == "if" and told.parts:
            for part in told.parts:
                read = ", ".join(f"{name} = {value}" for name, value in part.values)
                standing: Mark = "?" if part.holds is None else "ok" if part.holds else "no"
                yield Line("if", standing, part.text + (f"   ({read})" if read else ""))
            continue
        for reason in found:
            yield Line(
                clause,
                "?" if reason.code.endswith("unknown") else "no",
                f"{values.get(clause, clause)}: {_said(reason, lang)}",
            )
        if not found and clause in values:
            yield Line(clause, "ok", values[clause])
    for reason in against.values():
        yield Line("site", "no", f"{reason.code}: {_said(reason, lang)}")


def _values(told: Explained) -> dict[str, str]:
    spec = told.policy.spec
    words = [
        windows.words(one) if isinstance(one, Window) else f"human {one.human:g}s" if isinstance(one, Human) else one
        for one in spec.unless
    ]
    found = {
        "during": ", ".join(windows.words(one) for one in spec.during),
        "unless": ", ".join(words),
        "if": spec.condition or "",
        "witnesses": f"{spec.witnesses.need} of {', '.join(spec.witnesses.of)}" if spec.witnesses is not None else "",
        "budget": f"{spec.budget.rate} per {spec.budget.per}" if spec.budget is not None else "",
        "cooldown": f"{spec.cooldown:g}s" if spec.cooldown else "",
        "minimum_running": str(spec.minimum_running) if spec.minimum_running else "",
        "priority": str(spec.priority),
        "late": spec.late.value if spec.late is not Late.RECHECK else "",
    }
    return {name: value for name, value in found.items() if value}


def when(moment: datetime) -> str:
    """A moment for people."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"
