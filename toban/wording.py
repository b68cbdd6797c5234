"""A policy in plain words, English or Japanese: one sentence per clause; pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from engine.guard import windows
from engine.model import actions
from engine.model.catalogue import Catalogue
from engine.model.pattern import (
    AbsencePattern,
    AllPattern,
    AnyPattern,
    Atom,
    CountPattern,
    EventPattern,
    MetricPattern,
    MissingPattern,
    Pattern,
    SchedulePattern,
    Selection,
    SequencePattern,
)
from engine.model.policy import After, Human, Policy, Step
from engine.model.window import Window

Language: TypeAlias = Literal["en", "ja"]
_UNITS = (("d", 86400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0))
_MODES = {
    "observe": ("It only observes: what it would do is recorded.", "観察のみ: 実行せず記録する。"),
    "recommend": ("It recommends: its decision is shown, nothing is done.", "推奨のみ: 判断を示し、実行しない。"),
    "approve": ("It asks a person before it acts.", "実行前に担当者の承認を求める。"),
    "automatic": ("It acts by itself, within the guard's bounds.", "ガードの範囲内で自動実行する。"),
}
_AFTER = {
    After.SUCCESS: ("{0} succeeded", "{0} の成功後"),
    After.FAILED: ("{0} failed", "{0} の失敗後"),
    After.COMPLETED: ("{0} ended, whichever way", "{0} の完了後"),
}
_LATE = {
    "fire": ("counts all the same", "そのまま成立とみなす"),
    "skip": ("is left out", "見送る"),
    "recheck": ("is looked at anew", "再確認してから判断する"),
}


class Words:
    """Sentences in one language."""

    def __init__(self, language: Language, catalogue: Catalogue) -> None:
        """`catalogue` gives event types their titles."""
        self._second, self._catalogue = language == "ja", catalogue

    def sentences(self, policy: Policy) -> Iterator[str]:
        """All of a policy, top to bottom."""
        spec = policy.spec
        yield self.say(*_MODES[spec.mode.value])
        yield self._scope(policy)
        yield self.say("When: {0}.", "契機: {0}。", self.pattern(spec.when))
        if spec.during:
            yield self.say("Only during: {0}.", "有効な時間帯: {0}。", self._all(map(windows.words, spec.during)))
        if spec.witnesses is not None:
            of, need, within = self._all(spec.witnesses.of), spec.witnesses.need, time(spec.witnesses.within)
            text = "At least {0} of {1} must have said so within {2}.", "{2} 以内に {1} のうち {0} 種以上の証言が必要。"
            yield self.say(*text, str(need), of, within)
            if spec.witnesses.authenticated:
                yield self.say(
                    "Only a trap that proves its sender counts.", "送信者を証明するトラップだけを証言とする。"
                )
        for one in spec.unless:
            yield self.say("Not if {0}.", "除外: {0}。", self._suppression(one))
        if spec.condition is not None:
            yield self.say("Only if {0}.", "条件: {0}。", spec.condition.strip())
        for number, step in enumerate(spec.do):
            yield f"{number + 1}. {self._step(policy, step, number)}"
        yield from self._bounds(policy)

    def pattern(self, when: Pattern) -> str:
        """What it waits for, in one phrase."""
        if isinstance(when, AnyPattern):
            parts = "; ".join(self._atom(one) for one in when.alternatives)
            return self.say("any of: {0}; per {1}", "次のいずれか: {0}({1} ごと)", parts, when.by)
        return self.say("{0}, per {1}", "{0}({1} ごと)", self._atom(when), when.by)

    def _atom(self, atom: Atom) -> str:
        tell = _ATOMS[type(atom)]
        return tell(self, atom)

    def event(self, one: Selection) -> str:
        """`host.unreachable (...)`, with its condition."""
        entry = self._catalogue.get(one.event)
        title = f" ({entry.ja if self._second else entry.en})" if entry is not None else ""
        where = self.say(" where {0}", "[{0}]", one.condition.strip()) if one.condition else ""
        return f"{one.event}{title}{where}"

    def say(self, en: str, ja: str, *words: str) -> str:
        """The sentence of this language, filled in."""
        return (ja if self._second else en).format(*words)

    def _all(self, words: Any) -> str:
        return ("、" if self._second else ", ").join(words)

    def _scope(self, policy: Policy) -> str:
        scope = policy.spec.scope
        parts = [f"{name} {word}" for name, word in scope.model_dump(exclude_none=True, exclude={"labels"}).items()]
        parts += [f"{name}={word}" for name, word in scope.labels.items()]
        whole = self.say("every object", "すべての対象")
        return self.say("It is about {0}.", "対象: {0}。", self._all(parts) or whole)

    def _suppression(self, one: object) -> str:
        if isinstance(one, Human):
            return self.say("a person acted on it within {0}", "{0} 以内に人が操作した", time(one.human))
        if isinstance(one, Window):
            return self.say("it is {0}", "{0}", windows.words(one))
        if one == "maintenance":
            return self.say("it is in maintenance", "保守中")
        return self.say("it was done on purpose", "計画された停止")

    def _step(self, policy: Policy, step: Step, number: int) -> str:
        action = actions.shipped().get(step.verb)
        title = (action.ja if self._second else action.en) if action is not None else step.verb
        given = self._all(f"{name}: {value}" for name, value in step.parameters.items())
        after = step.after if isinstance(step.after, dict) else {}
        if not isinstance(step.after, dict) and number:
            after = {policy.spec.do[number - 1].id: step.after or After.SUCCESS}
        told = [self.say(*_AFTER[end], name) for name, end in after.items()]
        if_so = self.say(" if {0}", "({0})", self._all(told)) if told else ""
        return f"{step.id}: {step.verb}{f' ({given})' if given else ''}{if_so}. {title}{'。' if self._second else '.'}"

    def _bounds(self, policy: Policy) -> Iterator[str]:
        spec, budget = policy.spec, policy.spec.budget
        if budget is None:
            yield self.say("Only the site's guard bounds it.", "上限はサイトのガードのみ。")
        else:
            text = "At most {0}, counted per {1}, {2} at a time.", "上限: {0}({1} 単位)、同時 {2} 件。"
            yield self.say(*text, budget.rate, budget.per, str(budget.concurrent))
            if budget.share is not None:
                yield self.say("At most {0} of the hosts in that time.", "その間のホストの {0} まで。", budget.share)
            if budget.breaker == "manual":
                text = "Once that is used up, a person must arm it again.", "上限到達後は人が再開するまで停止。"
                yield self.say(*text)
        if spec.minimum_running:
            text = "{0} healthy hosts must be left in the group.", "グループに正常なホストを {0} 台残す。"
            yield self.say(*text, str(spec.minimum_running))
        if spec.cooldown:
            yield self.say("Then the object rests for {0}.", "実行後、対象は {0} 休止。", time(spec.cooldown))
        if spec.mode.value == "approve":
            text = "A person has {0}; then: {1}.", "承認期限 {0}、その後: {1}。"
            yield self.say(*text, time(spec.approval.deadline), spec.approval.otherwise)
        late = self.say(*_LATE[spec.late.value])
        yield self.say("What came due while nobody was on duty {0}.", "不在中に満了したものは{0}。", late)
        text = "Of policies for one object, higher goes first: {0}.", "優先度 {0}(大きいほど先)。"
        yield self.say(*text, str(spec.priority))


def time(seconds: float) -> str:
    """`15m`, `1h30m`, `0.5s`."""
    rest, parts = seconds, []
    for unit, size in _UNITS[:-1]:
        count, rest = divmod(rest, size)
        parts += [f"{count:.0f}{unit}"] if count else []
    return "".join([*parts, *([f"{rest:g}s"] if rest or not parts else [])])


def _event(words: Words, atom: EventPattern) -> str:
    until = words.say(" (until {0})", "({0} で終了)", atom.until) if atom.until else ""
    if atom.hold:
        return words.say("{0} holds for {1}", "{0} が {1} 継続", words.event(atom), time(atom.hold)) + until
    return words.event(atom) + until


def _metric(words: Words, atom: MetricPattern) -> str:
    text = ("{0} is below {1} for {2}", "{0} が {1} 未満を {2} 継続")
    if atom.above is not None:
        text = ("{0} is above {1} for {2}", "{0} が {1} 超を {2} 継続")
    boundary = f"{atom.above if atom.above is not None else atom.below:g}"
    clear = words.say(", over when back past {0}", "(解消値 {0})", f"{atom.clear:g}") if atom.clear is not None else ""
    return words.say(*text, atom.metric, boundary, time(atom.hold)) + clear


def _several(words: Words, atom: AllPattern | SequencePattern) -> str:
    parts = (" > " if isinstance(atom, SequencePattern) else " + ").join(map(words.event, atom.parts))
    if isinstance(atom, SequencePattern):
        return words.say("in this order within {1}: {0}", "{1} 以内にこの順で: {0}", parts, time(atom.within))
    return words.say("all within {1}: {0}", "{1} 以内にすべて: {0}", parts, time(atom.within))


def _count(words: Words, atom: CountPattern) -> str:
    text = "{0}, {1} times within {2}", "{0} が {2} 以内に {1} 回"
    distinct = words.say(" (different {0})", "(異なる {0})", atom.distinct) if atom.distinct else ""
    return words.say(*text, words.event(atom), str(atom.count), time(atom.within)) + distinct


def _absence(words: Words, atom: AbsencePattern) -> str:
    text = "{0}, not followed by {1} within {2}", "{0} の後、{2} 以内に {1} がない"
    return words.say(*text, words.event(atom), words.event(atom.absent), time(atom.within))


def _missing(words: Words, atom: MissingPattern) -> str:
    return words.say("{0} stays away for {1}", "{0} が {1} 途絶", atom.missing, time(atom.hold))


def _schedule(words: Words, atom: SchedulePattern) -> str:
    text = "at {0} ({1}), for {2}", "定刻 {0}({1})、{2} について"
    return words.say(*text, atom.schedule, atom.timezone, atom.about)


_ATOMS: Mapping[type, Callable[[Words, Any], str]] = {
    EventPattern: _event,
    MetricPattern: _metric,
    AllPattern: _several,
    SequencePattern: _several,
    CountPattern: _count,
    AbsencePattern: _absence,
    MissingPattern: _missing,
    SchedulePattern: _schedule,
}
