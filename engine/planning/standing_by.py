"""Planners of what changes no machine: a mark, a word to people, a result that is reset."""

from engine.model.plan import Unplaced
from engine.planning.asking import Asked, nothing
from engine.runs import ordering, ordering_hosts
from engine.runs.ordering import Orders

HARDWARE = ("snmp/", "bmc/")
"""Sources of events that sensors stand behind."""


def mark(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """The hardware status of an object."""
    target = asked.object("object")
    if target is None:
        what = asked.word("object", "it").removeprefix("$")
        return (nothing(f"{asked.match.key} has no {what} to mark", f"{asked.match.key} に対応する {what} がない"),)
    ordering.mark(orders, target, asked.word("as", ""), f"{asked.policy.name}, run {asked.run}: {_seen(asked)}")
    return ()


def mark_by_sensors(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """A blade's mark, once its own sensors confirm the fault; what no hardware reported needs no confirming."""
    place = asked.place("machine")
    if isinstance(place, Unplaced):
        return (place,)
    text = f"{asked.policy.name}, run {asked.run}: {_seen(asked)}"
    first = ordering_hosts.diagnose_sensors(orders, place) if _by_hardware(asked) else None
    ordering.mark(orders, place.machine, asked.word("as", "faulted"), text, (first,) if first is not None else ())
    return ()


def _by_hardware(asked: Asked) -> bool:
    return any(event.source.startswith(HARDWARE) for event in asked.match.events)


def mark_ready_by_diagnosis(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """The marks of a host and its blade are taken away, once everything that can be asked says that it is well."""
    place = asked.place("machine")
    if isinstance(place, Unplaced):
        return (place,)
    well = ordering_hosts.diagnose_total(orders, place, asked.estate.hosts.get(place.host.name))
    if well is None:
        return (nothing(f"{place.id} has no machine to diagnose", f"{place.id} に対応する機体がない"),)
    for target in (place.machine, place.id):
        ordering.mark(orders, target, "ready", f"total diagnosis, run {asked.run}", (well,))
    return ()


def identify(orders: Orders, asked: Asked) -> tuple[Unplaced, ...]:
    """The locate lamp of a blade."""
    place = asked.place("machine")
    if isinstance(place, Unplaced):
        return (place,)
    ordering_hosts.identify(orders, place, on=asked.word("lamp", "on") == "on")
    return () if orders.commands else (nothing(f"{place.id} has no machine", f"{place.id} に対応する機体がない"),)


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
