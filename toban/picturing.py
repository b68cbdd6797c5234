"""The live picture as the bus keeps it: the latest word about every object, over what the site declares."""

from engine.bus import codec, subjects
from engine.bus.port import Bus, Record
from engine.estate import loading, projecting
from engine.model.errors import Permanent
from engine.model.estate import Estate
from engine.model.event import Arrival
from toban.settings import Settings


async def estate(bus: Bus, chosen: Settings) -> Estate:
    """What is known now; a record that cannot be read is left out, as the engine leaves it out."""
    found = Estate(site=loading.load(chosen.estate))
    async for one in bus.replay(subjects.ALL_INVENTORY, last_per_subject=True):
        arrival = decoded(one)
        found = projecting.apply(found, arrival.event) if arrival is not None else found
    return found


def decoded(one: Record) -> Arrival | None:
    """The event of a record, if it can be read."""
    try:
        return codec.decode(one)
    except Permanent:
        return None
