"""Since when which source of events is blind, as events tell it: a pure fold, bounded; and what that holds (S3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.model import ids
from engine.model.event import Event
from engine.model.ids import Kind

BLIND, SEEING = "source.blind", "source.seeing"
LIMIT = 1024
"""Sources that are remembered; the one that has been blind longest makes room."""
OURS = ("clock", "probe")
"""Sources that look at much at once: one of them blind means that something is wrong on our own side."""
WITNESSES = ("traps", "vcenter", "bmc")
"""Classes of sources that witnesses speak through; two of them blind at once are no coincidence."""


@dataclass(frozen=True, slots=True)
class Blind:
    """One source that cannot be relied on."""

    name: str
    """`vcenter:vc1`, `probe`, `traps`, ..."""
    since: datetime
    """When that was stored, by our clock."""
    text: str

    @property
    def family(self) -> str:
        """What kind of source it is: all vCenters are one."""
        return self.name.partition(":")[0]


Blindness = Mapping[str, Blind]
"""What is blind now, by the source's name."""


def follow(known: Blindness, event: Event, at: datetime) -> Blindness:
    """What is blind after this event; any other event changes nothing."""
    if event.type not in (BLIND, SEEING) or ids.kind_of(event.subject) is not Kind.SOURCE:
        return known
    name = ids.name_of(event.subject)
    if event.type == SEEING:
        return {key: one for key, one in known.items() if key != name}
    if name in known:
        return known
    kept = {**known, name: Blind(name, at, str(event.data.get("text", ""))[:256])}
    if len(kept) > LIMIT:
        del kept[min(kept, key=lambda key: kept[key].since)]
    return kept


def against(known: Blindness, vcenter: str | None) -> str | None:
    """Why an act that would take something away must wait, or None: what we do not see may be our own blindness."""
    for one in known.values():
        if one.name in OURS or one.name == f"vcenter:{vcenter}":
            return f"{one.name} has been blind since {one.since:%H:%M:%S}: {one.text}"
    dark = {one.family: one for one in known.values() if one.family in WITNESSES}
    if len(dark) < 2:
        return None
    first = min(one.since for one in dark.values())
    return f"{' and '.join(sorted(dark))} are blind at once, since {first:%H:%M:%S}: this may be our own network"
