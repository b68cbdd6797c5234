"""Notice: one thing that people are to be told, in both languages; kept until it is delivered."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from engine.model.event import Severity


class Moment(StrEnum):
    """When in the life of a decision it is told."""

    STEP = "step"
    """A policy's own `notify` step."""
    DETECTION = "detection"
    """Something matched, and was decided."""
    START = "start"
    """A run begins."""
    END = "end"
    """A run is over."""
    PAGE = "page"
    """A person must look now."""


class Notice(BaseModel):
    """What is told. Stored once per id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=200)
    moment: Moment
    severity: Severity
    about: str
    """Object id."""
    at: AwareDatetime
    en: str
    ja: str
    channel: str | None = None
    """Where to; None: wherever the site's reports say."""
    policy: str | None = None
    synthetic: bool = False
    """Part of a drill."""
