"""Planners of what changes no machine: a mark, a word to people, a result that is reset."""

from engine.model.plan import Unplaced
from engine.planning.asking import Asked, nothing
from engine.runs import ordering
from engine.runs.ordering import Orders


def mark(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """The hardware status of an object."""
    target = asked.object("object")
    if target is None:
        what = asked.word("object", "it").removeprefix("$")
        return (nothing(f"{asked.match.key} has no {what} to mark", f"{asked.match.key} に対応する {what} がない"),)
    ordering.mark(orders, target, asked.word("as", ""), f"{asked.policy.name}, run {asked.run}: {_seen(asked)}")
    return ()


def notify(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """One notice in both languages."""
    title, key = asked.policy.metadata.title, asked.match.key
    texts = (
        f"{title.en}: {key} (seen: {_seen(asked)}); the run is {asked.match.id}",
        f"{title.ja}: {key}(検知: {_seen(asked)})、実行 {asked.match.id}",
    )
    drill = any(event.synthetic for event in asked.match.events)
    ordering.notify(orders, key, asked.step, texts, synthetic=drill)
    return ()


def reset_result(_: Orders, __: Asked) -> tuple[Unplaced, ...]:
    """Nothing to do: the fold of the run reads it."""
    return ()


def _seen(asked: Asked) -> str:
    return ", ".join(sorted({event.type for event in asked.match.events}))
