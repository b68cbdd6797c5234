"""High load that cannot be spread: which stopped host of a group may be started."""

from engine.estate import reading
from engine.model.estate import Connection, Estate, Power, Standing
from engine.model.plan import Unplaced


def choose(estate: Estate, group: str, besides: frozenset[str] = frozenset()) -> Standing | Unplaced:
    """The stopped host to start, by name, or why there is none; `besides`: those that are chosen already.

    Only a host that left in good order may come back by itself: it is in maintenance mode, as `shutdown-host` and
    `power-save` leave it, and nobody marked it. One that was fenced is out of the inventory, or lost without
    maintenance: a person passes it first (safety rule S19).
    """
    reasons: list[tuple[str, str]] = []
    for name in (one for one in reading.members(estate, group) if one not in besides):
        against = _against(estate, name)
        if against is None:
            return estate.site.standings[name]
        reasons.append(against)
    en = "; ".join(en for en, _ in reasons) or f"group {group} has no host"
    ja = "、".join(ja for _, ja in reasons) or f"グループ {group} にホストがない"
    return Unplaced(vm="-", en=en, ja=ja)


def _against(estate: Estate, name: str) -> tuple[str, str] | None:
    place, live = estate.site.standings[name], estate.hosts.get(name)
    if live is None or live.removed:
        return f"{name} is not in the inventory", f"{name} は未登録"
    if live.connection is Connection.CONNECTED or live.power is Power.ON:
        return f"{name} is not off", f"{name} は停止していない"
    if not live.maintenance:
        return f"{name} was lost, not shut down in good order", f"{name} は正常停止ではない"
    status = reading.status_of(estate, name)
    if status != reading.READY:
        return f"{name} is marked {status}", f"{name} は {status}"
    return None if place.slot is not None else (f"{name} has no machine", f"{name} に対応する機体がない")
