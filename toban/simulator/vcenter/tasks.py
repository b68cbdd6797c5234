"""Tasks that take time: queued, running with progress, then success or a typed fault, with the change of the world."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyVmomi import VmomiSupport, vim, vmodl

from toban.simulator import agenda
from toban.simulator.agenda import Agenda
from toban.simulator.vcenter import soap
from toban.simulator.vcenter.registry import Registry

STEPS = 4


@dataclass(frozen=True, slots=True)
class Job:
    """What a task does. `work` runs at its end, under the world's lock, and returns the task's result."""

    method: str
    entity: Any
    name: str
    seconds: float
    work: Callable[[], Any]
    user: str
    chain: int
    """Ties the task and its events together."""


class Waiting(Exception):
    """The work cannot end yet: somebody must answer a question first."""


class Tasks:
    """All tasks of one vCenter."""

    def __init__(self, registry: Registry, agenda_: Agenda) -> None:
        """No task yet."""
        self._registry, self._agenda = registry, agenda_
        self._numbers, self.chains = itertools.count(1), itertools.count(100_000)
        self.failing: dict[str, Any] = {}
        """Method -> the fault with which its next task ends."""
        self._all: list[Any] = []
        self._collectors: dict[str, tuple[Any, int]] = {}

    def start(self, job: Job) -> Any:
        """A running task; its end is on the agenda."""
        ref = f"task-{next(self._numbers)}"
        info = vim.TaskInfo(
            key=ref,
            task=vim.Task(ref),
            name=VmomiSupport.GetWsdlMethod("urn:vim25", job.method),
            descriptionId=_description(job),
            entity=job.entity,
            entityName=job.name,
            state="running",
            progress=0,
            cancelled=False,
            cancelable=False,
            reason=vim.TaskReasonUser(userName=job.user),
            queueTime=agenda.now(),
            startTime=agenda.now(),
            eventChainId=job.chain,
        )
        task = self._registry.add(vim.Task, ref, info=info)
        self._all.append(task)
        for step in range(1, STEPS):
            percent = step * 100 // STEPS
            self._agenda.after(job.seconds * step / STEPS, partial(self._progress, task, percent))
        self._agenda.after(job.seconds, lambda: self.finish(task, job))
        return task

    def _progress(self, task: Any, percent: int) -> None:
        with self._registry.changed:
            if self._registry.read(task, "info.state") == "running":
                self._registry.set(task, "info.progress", percent)

    def finish(self, task: Any, job: Job) -> None:
        """Do the work; its change, its events and the task's end are one transaction."""
        with self._registry.changed:
            try:
                if job.method in self.failing:
                    raise self.failing.pop(job.method)
                result = job.work()
            except Waiting:
                self._agenda.after(0.1, lambda: self.finish(task, job))
                return
            except vmodl.MethodFault as error:
                self._registry.set(task, "info.error", error)
                self._registry.set(task, "info.completeTime", agenda.now())
                self._registry.set(task, "info.state", vim.TaskInfo.State.error)
                return
            if result is not None:
                self._registry.set(task, "info.result", result)
            self._registry.set(task, "info.progress", 100)
            self._registry.set(task, "info.completeTime", agenda.now())
            self._registry.set(task, "info.state", vim.TaskInfo.State.success)

    def recent(self) -> Any:
        """The last tasks."""
        return soap.names_of(self._all[-20:])

    def collect(self, spec: Any) -> Any:
        """A TaskHistoryCollector."""
        kind, ref = vim.TaskHistoryCollector, f"session-tasks-{next(self._numbers)}"
        self._collectors[ref] = (spec, 0)
        return self._registry.add(kind, ref, filter=spec)

    def read_on(self, identity: Any, most: int) -> list[Any]:
        """The next TaskInfos of a collector."""
        if identity._moId not in self._collectors:  # noqa: SLF001  pyVmomi's name for the reference
            raise vmodl.fault.ManagedObjectNotFound(msg="The collector is gone.", obj=identity)
        spec, position = self._collectors[identity._moId]  # noqa: SLF001
        infos = [self._registry.read(task, "info") for task in self._all]
        found = [info for info in infos if _matches(info, spec)][position : position + most]
        self._collectors[identity._moId] = (spec, position + len(found))  # noqa: SLF001
        return found

    def drop(self, identity: Any) -> None:
        """The collector is gone."""
        if self._collectors.pop(identity._moId, None) is not None:  # noqa: SLF001
            self._registry.remove(identity)


def _matches(info: Any, spec: Any) -> bool:
    by_time, by_user = spec.time, spec.userName
    return (
        (spec.entity is None or info.entity == spec.entity.entity)
        and (by_user is None or not by_user.userList or info.reason.userName in by_user.userList)
        and (by_time is None or by_time.beginTime is None or info.queueTime >= by_time.beginTime)
    )


def _description(job: Job) -> str:
    kind = type(job.entity).__name__.rpartition(".")[2]
    name = VmomiSupport.GetWsdlMethod("urn:vim25", job.method).info.name
    return f"{kind}.{name[:1].lower()}{name[1:]}"
