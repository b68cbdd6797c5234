"""The site's guard, as the settings have it: one place for the engine on duty, for explanations and for backtests."""

from engine.deciding import DeciderSettings
from engine.guard.limits import Limits
from toban.settings import Settings


def decider_settings(chosen: Settings, *, armed: bool | None = None) -> DeciderSettings:
    """The bounds of every decision; `armed` instead of what the settings say, for those who only play."""
    guard = chosen.guard
    bounds = Limits(
        fences=guard.fences,
        fences_within=guard.fences_within,
        refence_after=guard.refence_after,
        human=guard.human,
        flaps=guard.flaps,
        flaps_within=guard.flaps_within,
    )
    is_armed = chosen.armed if armed is None else armed
    return DeciderSettings(
        is_armed, guard.witnesses, guard.observation_expires, bounds, authenticated=guard.authenticated
    )
