"""VMs that failed over too often of late: the third time within an hour they are put in place, but not started (S13).

What takes one host after the other down may be such a VM itself; a person looks before it is let loose on the next.
"""

from collections import Counter
from datetime import datetime, timedelta

from pydantic import ValidationError

from engine.bus import subjects
from engine.bus.port import Bus
from engine.model.run import RunPlan, entries_of

MOST = 2
WITHIN = timedelta(hours=1)


async def tired(bus: Bus, now: datetime) -> frozenset[str]:
    """instance_uuids of VMs that runs planned to start as part of a failover so often; by the journals themselves."""
    counts: Counter[str] = Counter()
    async for record in bus.replay(subjects.ALL_RUNS, since=now - WITHIN):
        try:
            plans = [entry.plan for entry in entries_of(record.body) if entry.plan is not None]
        except ValidationError:
            continue  # whoever resumes that run says so
        for plan in plans:
            counts.update(starts(plan))
    return frozenset(uuid for uuid, count in counts.items() if count >= MOST)


def starts(plan: RunPlan) -> list[str]:
    """The VMs that a failover of this run starts; none in a rehearsal."""
    steps = [] if plan.rehearsal else [step for step in plan.steps if step.verb == "failover"]
    commands = [command for step in steps for command in step.commands if command.verb == "vm.power_on"]
    return [str(command.parameters.get("instance_uuid")) for command in commands]
