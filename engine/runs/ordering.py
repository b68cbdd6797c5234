"""A policy's step and a plan -> the commands that do it; pure. Commands carry all they need to be resumed."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model import ids
from engine.model.command import Command, Undo
from engine.model.estate import Estate, LiveHost, LiveVm, Power
from engine.model.ids import Kind
from engine.model.plan import Move, Plan
from engine.model.policy import Step

DEADLINE = 600.0
DEADLINES: Mapping[str, float] = {
    "vm.await_ha": 180.0,  # vSphere HA's time before its VMs count as still down (safety rule S7)
    "vm.relocate": 14400.0,  # disks are copied: terabytes over a slow network take hours
    "host.await_connected": 900.0,  # a blade's power-on self test alone may take minutes
}
"""Seconds until the outcome of a verb is unknown, where the policy gave no timeout."""


@dataclass(frozen=True, slots=True)
class Whither:
    """A host of a vCenter as a target."""

    name: str
    uuid: str
    pool_ref: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """When a command is tried, beside what it needs."""

    instead_of: tuple[Command, ...] = ()
    """Only once all of these ended in vain."""
    behind: tuple[Command, ...] = ()
    """Only once these have ended."""


class Orders:
    """Numbers the commands of one step."""

    def __init__(self, run: str, step: Step) -> None:
        """Ids are `<run>.<step>.<number>`."""
        self._run, self._step = run, step
        self.commands: list[Command] = []
        self.notes: list[str] = []
        """What is to be kept about the step."""

    def add(
        self,
        verb: str,
        target: str,
        needs: tuple[Command, ...] = (),
        undo: Undo | None = None,
        turn: Turn = Turn(),
        /,
        **parameters: object,
    ) -> Command:
        """One more command, with the timeout and the tries that the policy gave its step."""
        retry = self._step.retry
        command = Command.model_validate(
            {
                "id": f"{self._run}.{self._step.id}.{len(self.commands) + 1}",
                "step": self._step.id,
                "verb": verb,
                "target": target,
                "parameters": parameters,
                "undo": undo,
                "needs": tuple(need.id for need in needs),
                "instead_of": tuple(one.id for one in turn.instead_of),
                "behind": tuple(one.id for one in turn.behind),
                "deadline": self._step.timeout or DEADLINES.get(verb, DEADLINE),
                "attempts": retry.attempts if retry is not None else None,
                "pause": retry.pause if retry is not None else None,
            }
        )
        self.commands.append(command)
        return command


def migrate(orders: Orders, estate: Estate, plan: Plan) -> tuple[Command, ...]:
    """Move VMs to other hosts: running ones without stopping them, those that are off as they are."""
    return tuple(relocate(orders, estate, move) for move in plan.moves)


def relocate(
    orders: Orders,
    estate: Estate,
    move: Move,
    needs: tuple[Command, ...] = (),
    *,
    rests: str = "",
    datastore: str | None = None,
) -> Command:
    """One VM to another host as it is, or as it was put to rest; to another datastore where one is named."""
    verb = "vm.migrate" if datastore is None else "vm.relocate"
    return orders.add(verb, object_of(move.vm), needs, **journey(estate, move, rests=rests, datastore=datastore))


def journey(estate: Estate, move: Move, *, rests: str = "", datastore: str | None = None) -> dict[str, object]:
    """What a move, or a question about it, is told."""
    source, target = estate.hosts[move.source], estate.hosts[move.target]
    where = {"source": source.name, "target": target.name, "target_uuid": target.uuid}
    cold = {"cold": True} if rests or move.vm.power is not Power.ON else {}
    more = {name: value for name, value in (("rests", rests), ("datastore", datastore)) if value}
    return {**identity(move.vm), **where, **cold, **more}


def restart(orders: Orders, vm: LiveVm, host: LiveHost) -> None:
    """Reset a running VM, or start one that is off, where it is."""
    orders.add("vm.restart", object_of(vm), (), **identity(vm), host=host.name, host_uuid=host.uuid)


def mark(orders: Orders, target: str, status: str, why: str, needs: tuple[Command, ...] = ()) -> None:
    """Set the hardware status of an object."""
    orders.add("object.mark", target, needs, status=status, text=why)


def notify(orders: Orders, target: str, step: Step, texts: tuple[str, str], *, synthetic: bool = False) -> None:
    """Tell people, in both languages."""
    given = step.parameters
    channel, template = str(given.get("channel", "oncall")), str(given.get("template", "plain"))
    severity = str(given.get("severity", "warning"))
    said = {"channel": channel, "template": template, "severity": severity, "en": texts[0], "ja": texts[1]}
    orders.add("notify.log", target, **said, **({"synthetic": True} if synthetic else {}))


def identity(vm: LiveVm) -> dict[str, object]:
    """Which VM is meant, whatever becomes of its record."""
    return {"vcenter": vm.vcenter, "name": vm.name, "instance_uuid": vm.instance_uuid, "path": vm.path}


def object_of(vm: LiveVm) -> str:
    """`vm:VM-01`."""
    return ids.object_id(Kind.VM, vm.name)
