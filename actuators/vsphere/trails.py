"""A trail is left in the journal before an order goes out, so that a task whose id was lost is found again (S14).

Written as a reference: `after <vCenter's time> <object> <task kinds>`. With nothing written, nothing was sent.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from engine.clients.vsphere_tasks import TaskLine
from engine.model.errors import Permanent

FORM = re.compile(
    r"after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d) "
    r"(VirtualMachine|HostSystem|ClusterComputeResource):(\S+) ([A-Za-z,]+)"
)
SLACK = timedelta(seconds=1)
"""Servers may cut a task's time to whole seconds."""


@dataclass(frozen=True, slots=True)
class About:
    """Which tasks an order may start: on this object, of these kinds."""

    kind: str
    """VirtualMachine, HostSystem or ClusterComputeResource."""
    ref: str
    acts: tuple[str, ...]
    """How a task's name begins: `reset`, `powerOn`, `relocate`."""


@dataclass(frozen=True, slots=True)
class Trail:
    """Where to look for the task of an order that may have been sent."""

    begin: datetime
    """By vCenter's own clock."""
    about: About

    @classmethod
    def before(cls, now: datetime, about: About) -> Self:
        """The trail of an order that is sent next; `now` is vCenter's time."""
        return cls(now - SLACK, about)

    @property
    def reference(self) -> str:
        """As the journal keeps it."""
        return f"after {self.begin.isoformat()} {self.about.kind}:{self.about.ref} {','.join(self.about.acts)}"

    @classmethod
    def parse(cls, reference: str | None) -> Self | None:
        """The trail behind a reference, or None for the reference of a task; raises Permanent for a damaged one."""
        if not (reference or "").startswith("after "):
            return None
        found = FORM.fullmatch(reference or "")
        if found is None:
            msg = f"the journal's reference {reference!r} cannot be read; a person has to look at it"
            raise Permanent(msg)
        begin, kind, ref, acts = found.groups()
        return cls(datetime.fromisoformat(begin), About(kind, ref, tuple(acts.split(","))))

    def newest(self, lines: Iterable[TaskLine]) -> TaskLine | None:
        """The last task that this order, or anybody else meanwhile with the same aim, started."""
        wanted = tuple(act.lower() for act in self.about.acts)
        fitting = [line for line in lines if line.queued >= self.begin and line.act.lower().startswith(wanted)]
        return max(fitting, key=lambda line: line.queued, default=None)
