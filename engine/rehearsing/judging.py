"""Expected against played: a readable difference; pure."""

from collections.abc import Sequence
from itertools import zip_longest

from engine.model.run import Outcome
from engine.rehearsing.playing import Told
from engine.rehearsing.scenarios import Expected

SAME = 1e-6


def differences(expected: Sequence[Expected], told: Sequence[Told]) -> tuple[str, ...]:
    """Lines of a diff, `-` expected and `+` what came; empty if everything came as it was written."""
    lines: list[str] = []
    wrong = False
    for wanted, was in zip_longest(expected, told):
        if wanted is not None and was is not None and _agrees(wanted, was):
            lines.append(f"  {_came(was)}")
            continue
        wrong = True
        lines += [f"- {_wanted(wanted)}"] if wanted is not None else []
        lines += [f"+ {_came(was)}"] if was is not None else []
        if was is not None:
            lines += [f"    {reason.code}: {reason.en}" for reason in was.decision.reasons]
    return tuple(lines) if wrong else ()


def _agrees(wanted: Expected, was: Told) -> bool:
    return (
        abs(wanted.at - was.at) < SAME
        and wanted.decision == was.decision.kind
        and wanted.about in (None, was.about)
        and wanted.why in (None, was.why)
        and (wanted.does is None or _same_deeds(wanted.does, was.does))
        and wanted.steps in (None, was.steps)
        and wanted.outcome in (None, was.outcome)
    )


def _same_deeds(wanted: Sequence[str], was: Sequence[str]) -> bool:
    """A verb alone fits whatever it was done to."""
    pairs = zip_longest(wanted, was, fillvalue="")
    return all(one in (done, done.partition(" ")[0]) for one, done in pairs)


def _wanted(wanted: Expected) -> str:
    said = wanted.model_dump(exclude={"at", "decision"}, exclude_none=True)
    return " ".join([f"{wanted.at:g}s {wanted.decision}", *(f"{name}={_value(one)}" for name, one in said.items())])


def _came(was: Told) -> str:
    words = [f"{was.at:g}s {was.decision.kind}", f"about={was.about}", f"why={was.why}"]
    if was.outcome is not None:
        words += [f"does={_value(was.does)}", f"steps={_value(was.steps)}", f"outcome={was.outcome.value}"]
    return " ".join(words)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return value.value if isinstance(value, Outcome) else str(value)
