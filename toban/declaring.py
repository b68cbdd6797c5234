"""What people wrote: settings, estate and policies, read and checked before anything is started."""

from dataclasses import dataclass
from pathlib import Path

from engine.estate import loading as estates
from engine.guard import limits
from engine.model import catalogue, pattern
from engine.model.catalogue import Catalogue
from engine.model.errors import ConfigurationError
from engine.model.estate import Site
from engine.model.policy import Policy
from toban import settings
from toban.reloading import Files
from toban.settings import Settings


@dataclass(frozen=True, slots=True)
class Declared:
    """What people wrote, read and checked before anything is started."""

    settings: Settings
    site: Site
    catalogue: Catalogue
    policies: tuple[Policy, ...]
    files: Files
    """Where the policies came from, to be looked at again while on duty."""


def declare(path: Path) -> Declared:
    """Read settings, estate and policies; raises `ConfigurationError` with the first mistake and its line."""
    chosen = settings.load(path)
    site = estates.load(chosen.estate)
    words = catalogue.shipped()
    files = Files(chosen.policies, words, lambda one: too_short(one, chosen))
    shelf = files.first()
    errors = list(shelf.problems)
    if errors:
        more = f" (and {len(errors) - 1} more: toban policy check)" if len(errors) > 1 else ""
        msg = f"{errors[0]}{more}"
        raise ConfigurationError(msg)
    missing = sorted({vcenter.name for vcenter in site.vcenters} - set(chosen.vcenters))
    if missing:
        msg = f"{path}: the estate names the vCenter {missing[0]}, but `vcenters:` has no account for it; add one"
        raise ConfigurationError(msg)
    return Declared(chosen, site, words, shelf.policies, files)


def too_short(one: Policy, chosen: Settings) -> str | None:
    """Why this site does not let a policy fence so soon, or None."""
    held, least = pattern.least_time(one.spec.when), chosen.guard.minimum_hold
    if not limits.is_ungraceful(one) or held >= least:
        return None
    return (
        f"policy {one.name} fences after {held:.0f} s, but guard.minimum_hold is {least:.0f} s; "
        f"write for: {least:.0f}s or more (safety rule S2)"
    )
