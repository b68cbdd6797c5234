"""Where the policies that ship with Toban are."""

import sys
from pathlib import Path

from engine.model.errors import ConfigurationError


def shipped() -> Path:
    """The folder of the shipped policies: of the installed wheel, or of the checkout."""
    for folder in (Path(__file__).resolve().parent.parent / "policies", Path(sys.prefix) / "share/toban/policies"):
        if (folder / "host-down-failover.yaml").exists():
            return folder
    msg = "the shipped policies were not found beside the package; name a folder with `policies:` in toban.yaml"
    raise ConfigurationError(msg)
