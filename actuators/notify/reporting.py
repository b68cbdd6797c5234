"""Decisions and journals -> notices at detection, start and end; pure."""

from engine.model import ids
from engine.model.decision import Act, Decision, Hold
from engine.model.event import Severity
from engine.model.notice import Moment, Notice
from engine.model.run import Entry, Outcome, Phase, RunPlan

ENDS = {
    Outcome.SUCCESS: (Severity.INFO, "成功"),
    Outcome.SKIPPED: (Severity.INFO, "対象なし"),
    Outcome.PARTIAL: (Severity.WARNING, "一部未完"),
    Outcome.FAILED: (Severity.CRITICAL, "失敗"),
    Outcome.HELD: (Severity.CRITICAL, "保留"),
}


def of_decision(decision: Decision) -> Notice | None:
    """What a first decision is worth telling: an act, or that something holds it; nothing for what is left alone."""
    if decision.revision or not isinstance(decision, Act | Hold):
        return None
    why, word = "; ".join(one.en for one in decision.reasons), "acts" if isinstance(decision, Act) else "holds"
    because, done = "、".join(one.ja for one in decision.reasons), "実行" if isinstance(decision, Act) else "保留"
    return Notice(
        id=ids.content_hash([Moment.DETECTION.value, decision.match]),
        moment=Moment.DETECTION,
        severity=Severity.WARNING,
        about=decision.object,
        at=decision.at,
        en=f"{decision.policy} {word} on {decision.object}: {why}",
        ja=f"{decision.policy}: {decision.object} を{done}({because})",
        policy=decision.policy,
        synthetic=decision.synthetic,
    )


def of_entry(entry: Entry, plan: RunPlan | None) -> Notice | None:
    """The beginning and the end of a run; `plan` is what its journal began with, None where that cannot be read."""
    if plan is None:
        about, policy, verbs, synthetic = f"run:{entry.run}", "a run", "", False
    else:
        about, policy, synthetic = plan.object, plan.policy, plan.synthetic
        verbs = ", ".join(step.verb for step in plan.steps) + (" (rehearsal)" if plan.rehearsal else "")
    if entry.phase is Phase.PLANNED:
        moment, severity = Moment.START, Severity.WARNING
        en, ja = f"begins on {about}: {verbs}", f"{about} の処理を開始: {verbs}"
    elif entry.phase is Phase.ENDED and entry.outcome is not None:
        moment, (severity, word) = Moment.END, ENDS[entry.outcome]
        en, ja = f"on {about} ended: {entry.outcome.value}", f"{about} の処理が終了: {word}"
    else:
        return None
    return Notice(
        id=ids.content_hash([moment.value, entry.run]),
        moment=moment,
        severity=severity,
        about=about,
        at=entry.at,
        en=f"{policy} {en} (run {entry.run})",
        ja=f"{policy}: {ja}(実行 {entry.run})",
        policy=plan.policy if plan is not None else None,
        synthetic=synthetic,
    )
