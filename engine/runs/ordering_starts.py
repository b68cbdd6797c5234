"""Orders that start VMs one after the other where the site says so: what others rest on comes first; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.model.command import Command
from engine.model.estate import Estate, LiveVm
from engine.model.placement import Start, tier_of
from engine.runs import ordering
from engine.runs.ordering import Orders, Turn

GRACE = 120.0
"""Seconds that a wait for guest tools may take longer than what the site grants them."""


@dataclass(frozen=True, slots=True)
class Starting:
    """A VM that is to be started at a host, once what it needs is done."""

    vm: LiveVm
    needs: Command
    host: str
    host_uuid: str


@dataclass(frozen=True, slots=True)
class Beside:
    """VMs that are not started here and yet count: some come back by themselves, some stay down."""

    watched: tuple[tuple[LiveVm, Command], ...] = ()
    """With the command that waits for them."""
    down: tuple[str, ...] = ()
    """Names of those that will not run."""


def sequence(estate: Estate, host: str) -> tuple[Start, ...]:
    """The start order of the group that a host belongs to."""
    return estate.site.placements[estate.site.standings[host].group].start


def start(orders: Orders, one: Starting, gate: Command | None = None) -> Command:
    """Start one VM."""
    needs = (one.needs,) if gate is None else (one.needs, gate)
    who = ordering.identity(one.vm)
    return orders.add("vm.power_on", ordering.object_of(one.vm), needs, **who, host=one.host, host_uuid=one.host_uuid)


def now_or_later(orders: Orders, order: Sequence[Start], one: Starting) -> list[Starting]:
    """Start a VM that the order does not name; one that it names comes back, for `in_order`."""
    if tier_of(order, one.vm.name) is not None:
        return [one]
    start(orders, one)
    return []


def in_order(orders: Orders, order: Sequence[Start], starts: Iterable[Starting], beside: Beside = Beside()) -> None:
    """Start these VMs: those that the order does not name at once, the others behind the lines before theirs.

    Between two lines stands a gate, which opens once every VM of the line has started, with its guest tools where the
    line waits for them, or has failed to; not if the line is required and one of them failed or stays down.
    """
    tiers: dict[int, list[Starting]] = {}
    for one in starts:
        tier = tier_of(order, one.vm.name)
        if tier is None:
            start(orders, one)
        else:
            tiers.setdefault(tier, []).append(one)
    gate: Command | None = None
    for tier in range(len(order)):
        mine = tiers.pop(tier, [])
        ends = [_end(orders, order[tier], one.vm, start(orders, one, gate)) for one in mine]
        seen = [(vm, watch) for vm, watch in beside.watched if tier_of(order, vm.name) == tier]
        ends += [_end(orders, order[tier], vm, watch) for vm, watch in seen]
        if not tiers:
            return
        lost = [name for name in beside.down if tier_of(order, name) == tier]
        if lost and order[tier].required:
            left = sorted(one.vm.name for later in tiers.values() for one in later)
            orders.notes.append(
                f"{', '.join(left)} are not started: they come after {', '.join(lost)}, which stays down"
            )
            return
        gate = _gate(orders, order[tier], tier, ends, gate) if ends else gate


def _gate(orders: Orders, line: Start, tier: int, ends: list[Command], before: Command | None) -> Command:
    earlier = (before,) if before is not None else ()
    needs = (*ends, *earlier) if line.required else earlier
    about = ends[0].target
    return orders.add("start.gate", about, needs, None, Turn(behind=tuple(ends)), line=tier + 1, vms=list(line.vms))


def _end(orders: Orders, line: Start, vm: LiveVm, started: Command) -> Command:
    """What shows that a VM is there for those that rest on it."""
    if line.wait == "power":
        return started
    known = {"within": line.within, "required": line.required}
    waits = orders.add("vm.await_tools", started.target, (started,), **ordering.identity(vm), **known)
    orders.commands[-1] = waits.model_copy(update={"deadline": line.within + GRACE})
    return orders.commands[-1]
