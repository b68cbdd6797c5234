"""The table of findings: every code that `toban policy check` can say, in words (`engine/rules/findings.yaml`)."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

from engine.rules.complaints import Severity


class Kind(BaseModel):
    """One code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    severity: Severity
    en: str
    ja: str
    means: str
    todo: str


@cache
def table() -> Mapping[str, Kind]:
    """By code, in order."""
    text = resources.files("engine.rules").joinpath("findings.yaml").read_text(encoding="utf-8")
    entries = YAML(typ="safe", pure=True).load(text)
    return {code: Kind(code=code, **entry) for code, entry in sorted(entries.items())}
