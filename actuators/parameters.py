"""Reading a command's parameters: a missing one is a fault of ours and stops that command."""

from engine.model.command import Command
from engine.model.errors import Permanent


def text(command: Command, name: str) -> str:
    """A required string; raises Permanent."""
    value = command.parameters.get(name)
    if not isinstance(value, str) or not value:
        msg = f"command {command.id} has no {name}; nothing is done"
        raise Permanent(msg)
    return value


def optional(command: Command, name: str) -> str | None:
    """A string or None."""
    value = command.parameters.get(name)
    return value if isinstance(value, str) and value else None
