"""What a look at a blade's controller says, against what was told before: pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.clients import redfish
from engine.clients.redfish import Power
from engine.model.hardware import Slot

FAILURES = 2
"""Looks in a row without an answer that count: controllers pause for seconds while they are busy."""
HEALTHS: Mapping[str, str] = {
    "OK": "blade.health.ok",
    "Warning": "blade.health.warning",
    "Critical": "blade.health.critical",
}


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one controller."""

    power: Power | None
    """None: no answer, or a refusal."""
    text: str = ""
    """Why there is none."""
    refused: bool = False
    """It was there and did not let us in, or spoke what nobody understands: no silence, and certain at once."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was told about one blade. Kept over restarts, so that a change meanwhile is told."""

    failures: int = 0
    reachable: bool = True
    right: bool = True
    """It is the blade that the estate declares."""
    on: bool | None = None
    health: str = "OK"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to tell."""

    type: str
    text: str


def judge(before: Known, look: Look, slot: Slot, *, blind: bool) -> tuple[Known, tuple[Change, ...]]:
    """What is known after a look, and what is news. While we are blind ourselves no silence counts."""
    if look.power is None:
        return _silent(before, look, blind=blind)
    seen, found = look.power, []
    after = replace(before, failures=0, reachable=True)
    if not before.reachable:
        found.append(Change("bmc.reachable", "its controller answers again"))
    right = redfish.is_blade(seen, slot.serial, slot.uuid)
    if right is not before.right:
        after = replace(after, right=right)
        found.append(_identity(seen, slot, right=right))
    if not right:
        return after, tuple(found)  # what another machine says is not about this one
    if seen.on is not None and seen.on is not before.on:
        after = replace(after, on=seen.on)
        if before.on is not None:
            kind, word = ("bmc.power.on", "On") if seen.on else ("bmc.power.off", "Off")
            found.append(Change(kind, f"its controller reads {word}"))
    if seen.health in HEALTHS and seen.health != before.health:
        after = replace(after, health=seen.health)
        found.append(Change(HEALTHS[seen.health], f"its controller calls the hardware {seen.health}"))
    return after, tuple(found)


def _silent(before: Known, look: Look, *, blind: bool) -> tuple[Known, tuple[Change, ...]]:
    if blind and not look.refused:
        return before, ()
    after = replace(before, failures=FAILURES if look.refused else min(before.failures + 1, FAILURES))
    if not before.reachable or after.failures < FAILURES:
        return after, ()
    return replace(after, reachable=False), (Change("bmc.unreachable", look.text),)


def _identity(seen: Power, slot: Slot, *, right: bool) -> Change:
    if right:
        return Change("bmc.identity.right", "it is the declared blade again")
    text = f"blade {seen.serial or '?'} ({seen.uuid or '?'}) answers, the estate says {slot.serial} ({slot.uuid})"
    return Change("bmc.identity.wrong", text)


def blindness(looks: Iterable[Look]) -> str | None:
    """Why no silence counts: of several controllers none answers, so it is rather the management network."""
    answers = [look.power is not None or look.refused for look in looks]
    if len(answers) > 1 and not any(answers):
        return f"none of {len(answers)} controllers answers: the management network may be gone"
    return None
