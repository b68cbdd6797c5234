"""Steps that can never run, windows that leave no time, and waits that are too short for what is done; pure."""

from collections.abc import Iterator

from engine.documents import Place
from engine.model import actions
from engine.model.pattern import least_time
from engine.model.policy import After, Policy
from engine.model.window import Window, weekdays
from engine.rules.complaints import Complaint

CANNOT_FAIL = frozenset({"reset-result"})
_DAY = 24 * 60
_WEEK = 7 * _DAY


def analyse(policy: Policy, minimum_hold: float) -> Iterator[Complaint]:
    """Findings about what one policy does, and when."""
    yield from _never_run(policy)
    yield from _windows(policy)
    known = actions.shipped()
    rough = [one.verb for one in policy.spec.do if one.verb in known and known[one.verb].ungraceful]
    waits = least_time(policy.spec.when)
    if rough and waits < minimum_hold:
        message = (
            f"{rough[0]} takes power away, and the policy waits {waits:g} s at least; the site's guard wants "
            f"{minimum_hold:g} s and will hold it"
        )
        yield Complaint("P051", "warning", ("spec", "when"), message)


def _never_run(policy: Policy) -> Iterator[Complaint]:
    """Follows what each step needs of those before it, and what those needed."""
    verbs = {step.id: step.verb for step in policy.spec.do}
    needs: dict[str, dict[str, After] | None] = {}
    above: str | None = None
    for index, step in enumerate(policy.spec.do):
        place: Place = ("spec", "do", index)
        asked: dict[str, After] = {}
        if isinstance(step.after, dict):
            asked = step.after
        elif above is not None:
            asked = {above: step.after or After.SUCCESS}
        needs[step.id], why = _all_needs(asked, needs, verbs)
        if why is not None:
            yield Complaint("P038", "warning", place, f"{step.id} can never run: {why}")
        above = step.id


def _all_needs(
    asked: dict[str, After], needs: dict[str, dict[str, After] | None], verbs: dict[str, str]
) -> tuple[dict[str, After] | None, str | None]:
    """Everything that must have ended so; None where that cannot be, with the reason where it is this step's own."""
    found: dict[str, After] = {}
    for name, after in asked.items():
        if name not in needs:
            continue  # said elsewhere
        inner = needs[name]
        if inner is None:
            return None, f"{name} never runs"
        if after is After.FAILED and verbs[name] in CANNOT_FAIL:
            return None, f"{name} cannot fail"
        for one, end in (*inner.items(), (name, after)):
            other = found.get(one, After.COMPLETED)
            if {end, other} == {After.SUCCESS, After.FAILED}:
                return None, f"{one} would have to succeed and to fail"
            found[one] = end if other is After.COMPLETED else other
    return found, None


def _windows(policy: Policy) -> Iterator[Complaint]:
    away = [one for one in policy.spec.unless if isinstance(one, Window)]
    zones = {one.timezone for one in (*away, *policy.spec.during)}
    if not away or len(zones) > 1:
        return
    free = _minutes(policy.spec.during) if policy.spec.during else frozenset(range(_WEEK))
    if free <= _minutes(away):
        what = (
            "`during` lies wholly within the windows of `unless`" if policy.spec.during else "`unless` covers the week"
        )
        yield Complaint("P065", "warning", ("spec", "unless"), f"{what}: it never decides")


def _minutes(windows: tuple[Window, ...] | list[Window]) -> frozenset[int]:
    """Minutes of the week in any of these."""
    found: set[int] = set()
    for one in windows:
        length = (one.end - one.start) if one.end > one.start else one.end - one.start + _DAY
        for day in weekdays(one.days):
            begin = day * _DAY + one.start
            found |= {minute % _WEEK for minute in range(begin, begin + length)}
    return frozenset(found)
