"""What strangers may say: event types that no message from outside can become, whoever authenticated it."""

from engine.model.catalogue import Catalogue

RESERVED = frozenset({"order", "inventory", "toban", "source", "trap", "vcenter", "probe", "bmc"})
"""Families that only people, our own collectors and the engine itself may speak in."""


def objection(catalogue: Catalogue, kind: str) -> str | None:
    """Why a message from outside cannot become an event of this type, or None.

    A monitoring system repeats what others saw, and everybody who can reach it can write into it: it is no witness of
    a host's death (safety rule S1), gives no orders, and does not draw the picture of the estate.
    """
    entry = catalogue.get(kind)
    if entry is None:
        return f"event type {kind!r} is not in the catalogue"
    if kind.partition(".")[0] in RESERVED:
        return f"event type {kind!r} cannot come from outside: only Toban's own collectors and people say that"
    if entry.tells is not None:
        return (
            f"event type {kind!r} testifies whether a host lives, which nobody outside can (safety rule S1); "
            "write alert.firing, and let a policy ask the witnesses"
        )
    return None
