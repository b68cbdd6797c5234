"""Placement rules as a site declares them for a group: pin, together, apart, hold (domain.md 7.1)."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.model.durations import Span
from engine.model.scalars import Flag, Whole


class Strength(StrEnum):
    """How hard a pin is."""

    BASIC = "basic"
    FORCE = "force"
    """Not even an evacuation takes the VM elsewhere."""
    WEAK = "weak"
    """It may start elsewhere while none of its hosts can take it."""


class Rule(BaseModel):
    """One rule; exactly one of `pin`, `together`, `apart`, `hold` lists its VMs, by name or pattern (`db-*`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pin: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    """With `pin`: the hosts."""
    strength: Strength = Strength.BASIC
    priority: Whole = Field(default=50, ge=0, le=100)
    """Of two pins of one VM of one strength the higher counts."""
    together: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    soft_in_emergency: Flag = False
    """With `apart`: when a host has died, a VM that finds no host of its own is started beside its neighbour."""
    hold: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> "Rule":
        kinds = [kind for kind in ("pin", "together", "apart", "hold") if getattr(self, kind)]
        if len(kinds) != 1:
            msg = f"a placement rule is one of pin, together, apart, hold; found {', '.join(kinds) or 'none'}"
            raise ValueError(msg)
        if bool(self.pin) != bool(self.to):
            msg = "a pin names VMs and, under `to`, hosts"
            raise ValueError(msg)
        if any(len(names) == 1 and "*" not in names[0] for names in (self.together, self.apart)):
            msg = "together and apart need two VMs, or a pattern such as db-*"
            raise ValueError(msg)
        return self

    @property
    def vms(self) -> tuple[str, ...]:
        """Whom it is about."""
        return self.pin or self.together or self.apart or self.hold

    def covers(self, vm: str) -> bool:
        """Whether a VM of this name is meant."""
        return any(fnmatchcase(vm, pattern) for pattern in self.vms)


class Start(BaseModel):
    """One line of a start order: VMs that are started together, behind the lines before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vms: tuple[str, ...] = Field(min_length=1)
    """By name or pattern."""
    wait: Literal["power", "tools"] = "power"
    """What the next line waits for: that they are on, or that their guest tools run."""
    within: Span = 300.0
    """With `wait: tools`: seconds from a VM's start for which its tools are waited for."""
    required: Flag = False
    """The next lines are not started if one of these is not there; otherwise they are started without it."""


class Cost(BaseModel):
    """What some VMs cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vms: tuple[str, ...] = Field(min_length=1)
    """By name or pattern."""
    cost: Whole = Field(ge=0, le=100_000)


class Capacity(BaseModel):
    """Bounds what runs on a host by units of the site's own: powered-on VMs cost at most what the host is worth.

    The original's capacity control (SigmaSystemCenter, Virtual_Capacity-control; domain.md 7): a host is worth 200
    unless something else is said; with a cost of 10 that is 20 VMs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Whole = Field(default=200, ge=1, le=1_000_000)
    """What each host is worth; a host's own `capacity` goes before it."""
    cost: Whole = Field(default=10, ge=0, le=100_000)
    """What a VM costs that `costs` does not name."""
    costs: tuple[Cost, ...] = Field(default=(), max_length=500)
    """The first line that names a VM counts."""

    def of(self, vm: str) -> int:
        """What a VM of this name costs while it is on."""
        named = (one.cost for one in self.costs if any(fnmatchcase(vm, pattern) for pattern in one.vms))
        return next(named, self.cost)


class Placement(BaseModel):
    """What a group's placement keeps to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = Field(default=(), max_length=500)
    start: tuple[Start, ...] = Field(default=(), max_length=32)
    """The order in which VMs that go down together are started again; a VM that no line names waits for nobody."""
    capacity: Capacity | None = None
    """What bounds the VMs of a host beside its CPU and memory; absent: nothing."""


def tier_of(order: Sequence[Start], vm: str) -> int | None:
    """The line of a start order that a VM belongs to, the first one that names it; None: no line does."""
    lines = (n for n, line in enumerate(order) if any(fnmatchcase(vm, pattern) for pattern in line.vms))
    return next(lines, None)


def conflicts(rules: Iterable[Rule], vms: Iterable[str]) -> Iterator[str]:
    """Rules that cannot hold together, by the names of the original (`ssc vmop verify-rule`), one sentence each."""
    found, names = list(rules), sorted(set(vms) | {name for rule in rules for name in rule.vms if "*" not in name})
    for name in names:
        yield from _of_one(name, [rule for rule in found if rule.covers(name)])
    for together in (rule for rule in found if rule.together):
        members = [name for name in names if together.covers(name)]
        targets = {name: frozenset(host for rule in found if rule.covers(name) for host in rule.to) for name in members}
        if len(set(targets.values())) > 1:
            yield f"ConflictPinAndEq: {', '.join(members)} stay together but are pinned to different hosts"
        for apart in (rule for rule in found if rule.apart):
            both = [name for name in members if apart.covers(name)]
            if len(both) > 1:
                yield f"ConflictRelation: {', '.join(both)} are to be together and apart"


def _of_one(name: str, mine: list[Rule]) -> Iterator[str]:
    if any(rule.hold for rule in mine) and len(mine) > 1:
        yield f"ConflictRelation: {name} is held where it is, which goes with no other rule"
    for one, two in combinations((rule for rule in mine if rule.pin), 2):
        if (one.strength, one.priority) == (two.strength, two.priority) and not set(one.to) & set(two.to):
            where = f"{', '.join(one.to)} and to {', '.join(two.to)}"
            yield f"ConflictPriority: {name} is pinned to {where} with one priority"
