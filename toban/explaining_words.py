"""An explanation in words: the answer first, then clause by clause; English or Japanese."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.guard import windows
from engine.model.decision import Decision, Reason
from engine.model.policy import Human, Late, Suppression, Witnesses
from engine.model.window import Window
from engine.rules.pending import Pending
from toban.explaining import Explained, Recorded

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


WORDS: Mapping[str, tuple[str, str]] = {
    "scope": ("{name} leaves {about} alone: it is not in its scope", "{name}: {about} は対象範囲外です"),
    "judging": ("{name} matched {about} and is being decided: {why}", "{name}: {about} は成立済み、判定待ち: {why}"),
    "gathered": ("{name} has not acted on {about}: {why}", "{name}: {about} は未成立: {why}"),
    "due": (
        "{name} has not acted on {about}: {event} is open since {at} and becomes a match at {due}{unless}",
        "{name}: {about} は未実行。{event} が {at} から継続、{due} に成立{unless}",
    ),
    "unless": (" unless {ends} comes", "({ends} が来なければ)"),
    "closed": (
        "{name} has not acted on {about}: nothing is open; the last it heard of it was {event} at {at}",
        "{name}: {about} は未成立。最後のイベント: {event}({at})",
    ),
    "silent": (
        "{name} has not acted on {about}: none of its events about it was heard since {at}",
        "{name}: {about} に関するイベントは {at} 以降なし",
    ),
    "act": (
        "{name}: {about}: {now}acted at {at} (run {run}): {why}{end}",
        "{name}: {about}: {now}実行 {at}({run}): {why}{end}",
    ),
    "hold": ("{name}: {about}: {now}held at {at}: {why}{end}", "{name}: {about}: {now}保留 {at}: {why}{end}"),
    "ignore": ("{name}: {about}: {now}left alone at {at}: {why}{end}", "{name}: {about}: {now}見送り {at}: {why}{end}"),
    "then": ("nothing is open now; the last time it was ", "現在は未成立、前回は"),
    "end": (", its run ended: {end}", "、実行結果: {end}"),
    "matched": ("matched and still open: {there}{ends}", "成立済み: {there}{ends}"),
    "ripens": ("{there}; a match at {due}{ends}", "{there}、{due} に成立{ends}"),
    "some": ("{have} of {need}: {there}; waits for {wanted}{until}", "{have}/{need}: {there}、未着: {wanted}{until}"),
    "until": ("; the oldest counts until {at}", "、最古の有効期限 {at}"),
    "ends": ("; ends with {ends}", "、終了条件: {ends}"),
}
"""English and Japanese."""


def _say(lang: str, key: str, **values: object) -> str:
    return WORDS[key][1 if lang == "ja" else 0].format(**values)


def answer(told: Explained, lang: str = "en") -> str:
    """One sentence: what happened, or what is missing."""
    who = {"name": told.policy.name, "about": told.object}
    open_id = told.match.id if told.match is not None else None
    decided = next((one for one in reversed(told.recorded) if one.decision.match == open_id), None)
    if decided is not None:
        return _past(decided, lang, "", who)
    if not told.in_scope:
        return _say(lang, "scope", **who)
    if told.match is not None:
        return _say(lang, "judging", **who, why=_first(told.considered, lang))
    due = next((one for one in told.pending if one.due is not None and one.events), None)
    if due is not None:
        return _due(due, lang, who)
    if told.pending:
        return _say(lang, "gathered", **who, why="; ".join(pending(one, lang) for one in told.pending))
    if told.recorded:
        return _past(told.recorded[-1], lang, _say(lang, "then"), who)
    if told.last is not None:
        return _say(lang, "closed", **who, event=told.last[0].type, at=when(told.last[1]))
    return _say(lang, "silent", **who, at=when(told.since))


def _past(one: Recorded, lang: str, now: str, who: Mapping[str, str]) -> str:
    decision = one.decision
    end = _say(lang, "end", end=one.outcome.value) if one.outcome is not None else ""
    told = {"at": when(decision.at), "run": decision.match[:8], "why": _first(decision, lang), "now": now, "end": end}
    return _say(lang, decision.kind, **who, **told)


def _first(decision: Decision, lang: str) -> str:
    return "; ".join(said(reason, lang) for reason in decision.reasons[:2]) or "-"


def said(reason: Reason, lang: str) -> str:
    """A reason in a language."""
    return reason.ja if lang == "ja" else reason.en


def _due(one: Pending, lang: str, who: Mapping[str, str]) -> str:
    event, at = one.events[0]
    unless = _say(lang, "unless", ends=" / ".join(one.ends[:3])) if one.ends else ""
    due = when(one.due) if one.due is not None else "-"
    return _say(lang, "due", **who, event=event.type, at=when(at), due=due, unless=unless)


def pending(one: Pending, lang: str = "en") -> str:
    """What one alternative has open."""
    there = ", ".join(f"{event.type} at {at:%H:%M:%S} (event {event.id[:8]})" for event, at in one.events) or "-"
    ends = _say(lang, "ends", ends=" / ".join(one.ends[:3])) if one.ends else ""
    if one.matched:
        return _say(lang, "matched", there=there, ends=ends)
    if one.due is not None:
        return _say(lang, "ripens", there=there, due=when(one.due), ends=ends)
    until = _say(lang, "until", at=when(one.lapses)) if one.lapses is not None else ""
    wanted = " + ".join(one.wanted) or "-"
    return _say(lang, "some", have=one.have, need=one.need, there=there, wanted=wanted, until=until)


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
                f"{values.get(clause, clause)}: {said(reason, lang)}",
            )
        if not found and clause in values:
            yield Line(clause, "ok", values[clause])
    for reason in against.values():
        yield Line("site", "no", f"{reason.code}: {said(reason, lang)}")


def _values(told: Explained) -> dict[str, str]:
    spec = told.policy.spec
    words = [_suppression(one) for one in spec.unless]
    found = {
        "during": ", ".join(windows.words(one) for one in spec.during),
        "unless": ", ".join(words),
        "if": spec.condition or "",
        "witnesses": _witnesses(spec.witnesses) if spec.witnesses is not None else "",
        "budget": f"{spec.budget.rate} per {spec.budget.per}" if spec.budget is not None else "",
        "cooldown": f"{spec.cooldown:g}s" if spec.cooldown else "",
        "minimum_running": str(spec.minimum_running) if spec.minimum_running else "",
        "priority": str(spec.priority),
        "late": spec.late.value if spec.late is not Late.RECHECK else "",
    }
    return {name: value for name, value in found.items() if value}


def _suppression(one: Suppression) -> str:
    if isinstance(one, Window):
        return windows.words(one)
    return f"human {one.human:g}s" if isinstance(one, Human) else one


def when(moment: datetime) -> str:
    """A moment for people."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _witnesses(asked: Witnesses) -> str:
    proven = ", traps only where they prove their sender" if asked.authenticated else ""
    return f"{asked.need} of {', '.join(asked.of)}{proven}"
