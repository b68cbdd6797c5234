"""The table of findings: every code with its severity, what it means and what to do about it. Data, not code."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML


class Known(BaseModel):
    """One code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    severity: Literal["error", "warning", "info"]
    en: str
    """Its title."""
    ja: str
    means: str
    todo: str


@cache
def shipped() -> Mapping[str, Known]:
    """Every code in order (`engine/rules/findings.yaml`)."""
    text = resources.files("engine.rules").joinpath("findings.yaml").read_text(encoding="utf-8")
    entries = YAML(typ="safe", pure=True).load(text)
    return {code: Known.model_validate({"code": code, **entry}) for code, entry in entries.items()}
