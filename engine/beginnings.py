"""Since when each policy waits for what it waits for: kept on the bus, so that a restart does not make it new."""

from collections.abc import Iterable
from datetime import datetime

import orjson
import structlog

from engine.bus.port import Bus
from engine.clock import Clock
from engine.model import ids
from engine.model.policy import Policy

log = structlog.get_logger()
BUCKET = "CONTROL"


class Beginnings:
    """Reads and writes `policy.<name>` in CONTROL: a digest of its pattern, and when that was first loaded."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        """Nothing is read before it is asked for."""
        self._bus, self._clock = bus, clock

    async def of(self, policies: Iterable[Policy]) -> dict[str, datetime]:
        """When each of these policies began; one that is new, or waits for something else than before, begins now."""
        found: dict[str, datetime] = {}
        for policy in policies:
            known = await self.since(policy)
            if known is None:
                known = self._clock.now()
                body = orjson.dumps({"pattern": _digest(policy), "since": known.isoformat()})
                await self._bus.put(BUCKET, f"policy.{policy.name}", body)
            found[policy.name] = known
        return found

    async def since(self, policy: Policy) -> datetime | None:
        """When a policy began to wait for what it waits for; None: no engine ever loaded it."""
        return await self._known(policy.name, _digest(policy))

    async def _known(self, name: str, digest: str) -> datetime | None:
        entry = await self._bus.get(BUCKET, f"policy.{name}")
        if entry is None or not entry.value:
            return None
        try:
            found = orjson.loads(entry.value)
            return datetime.fromisoformat(found["since"]) if found["pattern"] == digest else None
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            log.warning("policy.beginning_unreadable", policy=name, error=str(error))
            return None


def _digest(policy: Policy) -> str:
    return ids.content_hash([policy.spec.when.model_dump_json()])
