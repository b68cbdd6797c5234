"""What the bus knows of a policy's past: its record, read for `toban policy promote`."""

from collections.abc import Iterable

from pydantic import ValidationError

from engine.audit import record as auditing
from engine.audit.record import Record
from engine.beginnings import Beginnings
from engine.bus import subjects
from engine.bus.port import Bus
from engine.clock import Clock
from engine.estate import linking
from engine.model.decision import Decision, DecisionRecord
from engine.model.event import Arrival
from engine.model.policy import Policy
from toban import picturing
from toban.settings import Settings


async def record(bus: Bus, chosen: Settings, policy: Policy, clock: Clock) -> Record:
    """How the policy stands; events are kept for 14 days, so acts of people before that are not seen."""
    since = await Beginnings(bus, clock).since(policy)
    decisions = [one for one in await _decisions(bus) if one.policy == policy.name]
    hosts = await _hosts(bus, chosen, {one.object for one in decisions})
    arrivals: list[Arrival] = []
    for about in sorted({*hosts, *hosts.values()}):
        arrivals += await _about(bus, about)
    story = auditing.told(arrivals, chosen.own_accounts, hosts)
    return auditing.record(policy, since, clock.now(), decisions, story)


async def _decisions(bus: Bus) -> list[Decision]:
    found: list[Decision] = []
    async for one in bus.replay(subjects.ALL_DECISIONS):
        try:
            found.append(DecisionRecord.model_validate_json(one.body).decision)
        except ValidationError:
            continue  # the engine logs it at its next start
    return found


async def _hosts(bus: Bus, chosen: Settings, objects: Iterable[str]) -> dict[str, str]:
    """The host that each of these objects hangs on now; an object that hangs on none stands for itself."""
    estate = await picturing.estate(bus, chosen)
    hosts = {name: linking.host_of(estate, name) for name in objects}
    return {name: f"host:{host}" if host is not None else name for name, host in hosts.items()}


async def _about(bus: Bus, name: str) -> list[Arrival]:
    found = [picturing.decoded(one) async for one in bus.replay(subjects.events_about(name))]
    return [one for one in found if one is not None]
