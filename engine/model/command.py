"""Command: one act on one object, as a run orders it; Sighting: what looking at the world gave."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class Undo(BaseModel):
    """The act that takes another one back, on the same object."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verb: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


class Command(BaseModel):
    """One act. It carries everything needed to do, verify and resume it without asking the estate again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """`<run id>.<step id>.<number>`: unique for ever, the idempotency key."""
    step: str
    verb: str
    """machine.power_off, machine.power_on, machine.prove_off, machine.diagnose_sensors, machine.diagnose_total,
    machine.identify, machine.assign, host.add, host.diagnose,
    host.disconnect, host.remove, host.enter_maintenance, host.exit_maintenance, host.shutdown, host.await_connected,
    vm.register, vm.power_on, vm.restart, vm.check_move, vm.migrate, vm.relocate, vm.suspend, vm.shutdown, vm.verify,
    vm.await_ha, vm.await_tools, start.gate, object.mark, notify.log."""
    target: str
    """Object id: `machine:chassis1/1`, `host:esx1`, `vm:VM-01`."""
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Ids of commands that must be done before this one."""
    instead_of: tuple[str, ...] = ()
    """Ids of commands that must all have ended in vain before this one is tried; otherwise it is not needed."""
    behind: tuple[str, ...] = ()
    """Ids of commands that must have ended, in whichever way, before this one goes."""
    deadline: float = 600.0
    """Seconds from START after which the outcome is UNKNOWN (safety rule S18)."""
    attempts: int | None = Field(default=None, ge=1)
    """How often it is tried at most; None: as the site says."""
    pause: float | None = Field(default=None, ge=0)
    """Seconds of rest between two tries; None: as the site says."""
    undo: Undo | None = None
    """What takes it back, where that can be done: carried out if something that needed it did not come about."""


class State(StrEnum):
    """What a look at the world says about a command."""

    READY = "ready"
    """The end state does not hold and the act is allowed now."""
    REACHED = "reached"
    """The intended end state holds."""
    BUSY = "busy"
    """The act is under way (a task is running); adopt it."""
    REFUSED = "refused"
    """A precondition does not hold; `detail` says which in words."""
    UNKNOWN = "unknown"
    """The world could not be read, or what it says is in doubt."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """The answer of a look; `facts` goes into the journal as the pre-check or verified state."""

    state: State
    detail: str
    facts: dict[str, JsonValue] = field(default_factory=dict)


class Called(Protocol):
    """Told by an effector what leads back to its order: a trail before it goes out, a task id as soon as there is one.

    The last one told counts, and comes back as the `reference` of a later look.
    """

    async def __call__(self, reference: str) -> None:
        """Store the reference; returns when it is durable."""
        ...
