"""Where the site's placement rules let a VM go, for each kind of act; pure.

The table is the original's (SigmaSystemCenter, Virtual_Restriction-Pin-Summary; domain.md 7.1): may a VM go to a host
that it is not pinned to?

| act | basic | force | weak |
|---|---|---|---|
| balance, power save, apply rules | no | no | no |
| evacuation | yes, its hosts first | no | yes, its hosts first |
| start, create, move by hand | no | no | only while none of its hosts can take it |
"""

from collections.abc import Iterable
from enum import StrEnum

from engine.model.placement import Rule, Strength


class Purpose(StrEnum):
    """Why a VM is placed."""

    BALANCE = "balance"
    EVACUATE = "evacuate"
    RESCUE = "rescue"
    """Its host has died: as an evacuation, and a hold or a soft `apart` leaves no VM down."""
    START = "start"


class Leave(StrEnum):
    """Whether it may go to a host that it is not pinned to."""

    NO = "no"
    LAST = "last"
    """Yes, but its own hosts first."""
    IF_NONE = "if-none"
    """Only while none of its own hosts can take it."""


_OFF = {Purpose.EVACUATE: Leave.LAST, Purpose.RESCUE: Leave.LAST}


def may_leave(purpose: Purpose, strength: Strength) -> Leave:
    """The table."""
    if strength is Strength.FORCE:
        return Leave.NO
    if purpose is Purpose.START and strength is Strength.WEAK:
        return Leave.IF_NONE
    return _OFF.get(purpose, Leave.NO)


def pin_of(rules: Iterable[Rule], vm: str) -> Rule | None:
    """The pin that counts: force before weak before basic, then the higher priority."""
    order = (Strength.FORCE, Strength.WEAK, Strength.BASIC)
    pins = [rule for rule in rules if rule.pin and rule.covers(vm)]
    return min(pins, key=lambda rule: (order.index(rule.strength), -rule.priority), default=None)


def held(rules: Iterable[Rule], vm: str, purpose: Purpose) -> bool:
    """Whether it stays where it is; not when its host has died: then staying is being down."""
    return purpose is not Purpose.RESCUE and any(rule.hold and rule.covers(vm) for rule in rules)


def order_of(hosts: Iterable[str], rules: Iterable[Rule], vm: str, purpose: Purpose) -> tuple[list[str], bool]:
    """The hosts that it may go to, in the order given but its own first; whether the rest is only for want of those."""
    given, pin = list(hosts), pin_of(rules, vm)
    if pin is None:
        return given, False
    own = [host for host in given if host in pin.to]
    leave = may_leave(purpose, pin.strength)
    return (own, False) if leave is Leave.NO else (own + [host for host in given if host not in pin.to], True)


def against(rules: Iterable[Rule], vm: str, there: Iterable[str], purpose: Purpose) -> tuple[str, str] | None:
    """Why it may not run beside those that are there (English, Japanese), or None."""
    neighbours = [name for name in there if name != vm]
    for rule in rules:
        if not rule.apart or not rule.covers(vm) or (rule.soft_in_emergency and purpose is Purpose.RESCUE):
            continue
        beside = next((name for name in neighbours if rule.covers(name)), None)
        if beside is not None:
            return f"{vm} must not run beside {beside}", f"{vm} は {beside} と同居できない"
    return None


def broken(rules: Iterable[Rule], vm: str, host: str, there: Iterable[str], left: Iterable[str]) -> tuple[str, ...]:
    """Which rules a VM breaks at a host where `there` run, leaving `left` behind; one sentence each."""
    known = list(rules)
    pin, beside = pin_of(known, vm), against(known, vm, there, Purpose.START)
    found = [f"{vm} is held where it is"] if held(known, vm, Purpose.START) else []
    found += [f"{vm} is pinned to {', '.join(pin.to)}"] if pin is not None and host not in pin.to else []
    found += [beside[0]] if beside is not None else []
    found += [f"{vm} is to stay with {name}" for name in sorted(companions(known, vm, left))]
    return tuple(found)


def companions(rules: Iterable[Rule], vm: str, others: Iterable[str]) -> frozenset[str]:
    """Those of the others that stay on one host with it."""
    names, mine = list(others), [rule for rule in rules if rule.together and rule.covers(vm)]
    return frozenset(name for rule in mine for name in names if name != vm and rule.covers(name))
