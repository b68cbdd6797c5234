"""What is taken back when a step did not come about: in reverse order, only where a command says how; pure."""

from collections.abc import Iterable, Mapping

from engine.model.command import Command
from engine.model.run import Phase

UNDONE = ".undo"
LOST = frozenset({Phase.FAILED, Phase.SKIPPED})
"""Ends after which it is certain that nothing came of a command. In doubt (HELD, UNKNOWN) nothing is taken back."""
CANCELLED = LOST | {Phase.HELD}
"""With a person's word to stop, what was held was not done either."""


def undoing(commands: Iterable[Command], phases: Mapping[str, Phase], *, cancelled: bool) -> tuple[Command, ...]:
    """The commands that take back what was done for nothing, the latest first.

    Something was done for nothing if a command that needed it, directly or through others, did not come about, and
    nothing that needed it did.
    """
    order = list(commands)
    lost = CANCELLED if cancelled else LOST
    found: list[Command] = []
    for command in reversed(order):
        if command.undo is None or phases.get(command.id) is not Phase.DONE:
            continue
        heirs = _heirs(command.id, order)
        ends = [phases.get(heir, Phase.SKIPPED) for heir in heirs]
        if ends and all(end in lost for end in ends):
            found.append(_undo(command))
    return tuple(found)


def undone(command: Command) -> str:
    """The id of the command that an undo takes back."""
    return command.id.removesuffix(UNDONE)


def _heirs(name: str, commands: list[Command]) -> set[str]:
    """Everything that needs this command or stands in for it, directly or through others; it stands behind that."""
    found: set[str] = set()
    for command in commands:
        rests_on = {*command.needs, *command.instead_of}
        if name in rests_on or found & rests_on:
            found.add(command.id)
    return found


def _undo(command: Command) -> Command:
    undo = command.undo
    if undo is None:  # pragma: no cover  the caller asked for one that has it
        msg = f"{command.id} cannot be taken back"
        raise ValueError(msg)
    return command.model_copy(
        update={
            "id": f"{command.id}{UNDONE}",
            "verb": undo.verb,
            "parameters": {**command.parameters, **undo.parameters},
            "needs": (),
            "undo": None,
        }
    )
