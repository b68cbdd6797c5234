"""Paths that a settings file names: relative to that file."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo


def _absolute(path: Path, info: ValidationInfo) -> Path:
    base = info.context.get("base") if info.context else None
    return base / path.expanduser() if isinstance(base, Path) else path


SitePath = Annotated[Path, AfterValidator(_absolute)]
"""A path, relative to the settings file."""
