"""Which commands of a step may go now: by what they need, one act at a time per object, and bounded side by side; pure.

The bounds: 8 VM moves between two hosts (safety rule S9); 8 moves on or off one host and 128 per datastore, 8 where
disks are copied (the limits of vMotion and Storage vMotion, VMware Configuration Maximums 8.0); 64 calls per vCenter.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from engine.model.command import Command
from engine.model.run import Phase
from engine.runs import alternatives
from engine.runs.alternatives import Turn

QUIET = frozenset({"notify.log", "machine.identify", "start.gate"})
"""Verbs that touch nothing: they run beside anything (domain.md 4.3)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much goes on at once."""

    host_pair: int = 8
    host: int = 8
    datastore: int = 128
    copies: int = 8
    """Per datastore, where disks are copied."""
    vcenter: int = 64


@dataclass(frozen=True, slots=True)
class Choice:
    """What may happen next."""

    go: tuple[Command, ...] = ()
    skip: tuple[tuple[Command, str], ...] = ()
    """With the reason."""


def next_of(
    commands: Iterable[Command], settled: Mapping[str, Phase], going: Collection[Command], bounds: Bounds
) -> Choice:
    """What may be begun beside what is going, in the order of the step; each command is in one answer only."""
    used: dict[str, int] = {}
    for command in going:
        _take(used, slots(command, bounds))
    busy, go, skip = {command.id for command in going}, [], []
    known, spared = dict(settled), set[str]()
    for command in commands:
        if command.id in known or command.id in busy:
            continue
        reason = _against(command, known, spared)
        if reason is not None:
            skip.append((command, reason))
            known[command.id] = Phase.SKIPPED
            continue
        wanted = slots(command, bounds)
        if _may_go(command, known) and all(used.get(s, 0) < most for s, most in wanted.items()):
            _take(used, wanted)
            go.append(command)
    return Choice(tuple(go), tuple(skip))


def _against(command: Command, known: Mapping[str, Phase], spared: set[str]) -> str | None:
    """Why this command will not be tried any more, or None."""
    if alternatives.turn(command, known) is Turn.SPARED:
        spared.add(command.id)
        done = ", ".join(one for one in command.instead_of if known.get(one) not in (None, *alternatives.IN_VAIN))
        return f"not needed: {done} was done, or may have been"
    missing = [need for need in command.needs if known.get(need, Phase.DONE) is not Phase.DONE]
    if not missing:
        return None
    if spared & set(missing):
        spared.add(command.id)
        return "not needed"
    return f"not tried: {', '.join(missing)} did not succeed"


def _may_go(command: Command, known: Mapping[str, Phase]) -> bool:
    ready = all(one in known for one in (*command.needs, *command.behind))
    return ready and alternatives.turn(command, known) is Turn.NOW


def slots(command: Command, bounds: Bounds) -> dict[str, int]:
    """What a command takes one of while it goes on, and how many of it there are."""
    if command.verb in QUIET:
        return {f"command:{command.id}": 1}
    given = command.parameters
    taken = {f"object:{command.target}": 1}
    vcenter, source, target = given.get("vcenter"), given.get("source"), given.get("target")
    if isinstance(vcenter, str):
        taken[f"vcenter:{vcenter}"] = bounds.vcenter
    if command.verb.startswith("vm.") and isinstance(source, str) and isinstance(target, str):
        taken[f"pair:{source}>{target}"] = bounds.host_pair
        taken[f"host:{source}"] = taken[f"host:{target}"] = bounds.host
    if command.verb.startswith("vm."):
        store = _datastore(given.get("path"))
        taken |= {f"datastore:{store}": bounds.datastore} if store else {}
        copied = given.get("datastore")
        taken |= {f"copy:{copied}": bounds.copies} if isinstance(copied, str) else {}
    return taken


def exclusive(commands: Iterable[Command], about: str) -> tuple[str, ...]:
    """The objects that a run keeps to itself while it lasts, in the one order in which every run takes them.

    Hosts, machines, groups and chassis that it acts on, and what it is about; a VM is kept only while something is
    done to it. A run that only tells people keeps nothing.
    """
    acting = [command for command in commands if command.verb not in QUIET]
    if not acting:
        return ()
    kept = {command.target for command in acting if not command.target.startswith("vm:")}
    return tuple(sorted({about, *kept}))


def _take(used: dict[str, int], wanted: Iterable[str]) -> None:
    for slot in wanted:
        used[slot] = used.get(slot, 0) + 1


def _datastore(path: object) -> str | None:
    """`[san1] VM-01/VM-01.vmx` is on san1."""
    if not isinstance(path, str) or not path.startswith("["):
        return None
    return path[1:].partition("]")[0] or None
