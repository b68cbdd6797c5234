"""The stop switch and the maintenance flags, read from the CONTROL bucket each time; unreadable counts as stopped."""

from engine.bus.port import Bus
from engine.model.errors import TobanError

BUCKET = "CONTROL"


class Control:
    """What people have ordered (safety rules S15, S17). Keys: `stop`, `stop.<object>`, `maintenance.<object>`."""

    def __init__(self, bus: Bus) -> None:
        """Any bus."""
        self._bus = bus

    async def stopped(self, target: str) -> str | None:
        """Why nothing may be done to this target, or None."""
        try:
            for key in ("stop", f"stop.{_token(target)}"):
                entry = await self._bus.get(BUCKET, key)
                if entry is not None and entry.value:
                    return f"the stop switch is set: {entry.value.decode('utf-8', 'replace')[:200]}"
        except TobanError as error:
            return f"the stop switch cannot be read ({error}), which counts as stopped"
        return None

    async def maintenance(self, target: str) -> str | None:
        """Who flagged this object, or None. Raises if the flag cannot be read."""
        entry = await self._bus.get(BUCKET, f"maintenance.{_token(target)}")
        return entry.value.decode("utf-8", "replace")[:200] if entry is not None and entry.value else None

    async def stop(self, why: str, target: str | None = None) -> None:
        """Set the switch, for everything or for one object."""
        await self._bus.put(BUCKET, f"stop.{_token(target)}" if target else "stop", why.encode())

    async def release(self, target: str | None = None) -> None:
        """Take the switch back."""
        await self._bus.put(BUCKET, f"stop.{_token(target)}" if target else "stop", b"")

    async def flag_maintenance(self, target: str, why: str | None) -> None:
        """Flag an object as in maintenance, or take the flag back with None."""
        await self._bus.put(BUCKET, f"maintenance.{_token(target)}", (why or "").encode())


def _token(target: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else f"={ord(c):04x}" for c in target)
