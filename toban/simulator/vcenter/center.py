"""One vCenter: its registry, inventory, events, tasks, sessions and beliefs in one value that handlers share."""

import random
import uuid
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim, vmodl

from toban.simulator.spec import Simulation
from toban.simulator.truth import Truth
from toban.simulator.vcenter import performance, records
from toban.simulator.vcenter.alarms import Alarms
from toban.simulator.vcenter.belief import Belief
from toban.simulator.vcenter.events import Events
from toban.simulator.vcenter.inventory import Inventory
from toban.simulator.vcenter.performance import Performance
from toban.simulator.vcenter.registry import Computed, Registry
from toban.simulator.vcenter.sessions import Sessions
from toban.simulator.vcenter.tasks import Job, Tasks

OUT_OF_REACH = (
    vmodl.fault.HostNotConnected,
    vmodl.fault.HostNotReachable,
    vim.fault.InvalidHostConnectionState,
    vmodl.fault.HostCommunication,
)


@dataclass(slots=True)
class Questions:
    """VMs that ask whether they were moved or copied, and those that ask now."""

    will_ask: set[str]
    answered: dict[str, str]


class Center:
    """Everything behind one SOAP endpoint."""

    def __init__(self, simulation: Simulation, truth: Truth) -> None:
        """A vCenter that has known this world for a while."""
        rules = simulation.vcenter
        self.hypervisor = simulation.hypervisor
        self.truth, self.rules, self.seconds = truth, rules, simulation.task_seconds
        self.registry = Registry(truth.lock)
        names = (rules.datacenter, rules.cluster)
        with truth.lock:
            self.inventory: Inventory = records.build(self.registry, truth, names, ha=rules.ha)
        self.events = Events(self.registry, self.inventory, rules.first_event_key, merges=rules.merges_bursts)
        self.performance = Performance(truth, self.inventory, simulation.seed, rules.most_metrics)
        self.tasks = Tasks(self.registry, truth.agenda)
        self.sessions = Sessions(rules.users)
        self.belief = Belief(truth, self.inventory, self.events, rules)
        self.questions = Questions(set(rules.asks_moved), {})
        self.dice = random.Random(simulation.seed)
        self.instance = str(uuid.uuid5(uuid.NAMESPACE_URL, f"vcenter:{rules.name}:{simulation.seed}"))
        self.alarms = Alarms(self.registry, self.inventory)
        self.pages: dict[str, tuple[list[Any], int]] = {}
        """Rests of paged reads by token."""
        with truth.lock:
            self.content = self._service()

    def _service(self) -> Any:
        add, registry = self.registry.add, self.registry
        about = vim.AboutInfo(
            name="VMware vCenter Server",
            fullName="VMware vCenter Server 8.0.3 (Toban datacenter simulator)",
            vendor="Toban",
            version="8.0.3",
            build="24022515",
            osType="linux-x64",
            productLineId="vpx",
            apiType="VirtualCenter",
            apiVersion="8.0.3.0",
            instanceUuid=self.instance,
            licenseProductName="VMware VirtualCenter Server",
            licenseProductVersion="8.0",
        )
        content = vim.ServiceInstanceContent(
            rootFolder=self.inventory.root,
            propertyCollector=add(vmodl.query.PropertyCollector, "propertyCollector"),
            viewManager=add(vim.view.ViewManager, "ViewManager"),
            about=about,
            sessionManager=add(vim.SessionManager, "SessionManager"),
            eventManager=add(
                vim.event.EventManager,
                "EventManager",
                latestEvent=Computed(lambda: self.events.latest),
                maxCollector=32,
            ),
            taskManager=add(vim.TaskManager, "TaskManager", recentTask=Computed(self.tasks_recent), maxCollector=32),
            perfManager=add(
                vim.PerformanceManager,
                "PerfMgr",
                perfCounter=[performance.described(one) for one in self.performance.counters.values()],
                historicalInterval=[],
            ),
            searchIndex=add(vim.SearchIndex, "SearchIndex"),
            vmProvisioningChecker=add(vim.vm.check.ProvisioningChecker, "ProvChecker"),
        )
        registry.add(vim.ServiceInstance, "ServiceInstance", content=content)
        return content

    def tasks_recent(self) -> Any:
        """The last tasks."""
        return self.tasks.recent()

    def start(self, method: str, entity: Any, seconds: float, work: Any, user: str) -> Any:
        """A task about an entity; the events of its work carry its user and its chain."""
        chain = next(self.tasks.chains)

        def asked() -> Any:
            with self.events.asked_by(user, chain):
                return work()

        return self.tasks.start(Job(method, entity, self.inventory.get(entity, "name"), seconds, asked, user, chain))

    def announce(self, task: Any, event: Any) -> None:
        """An event that a task begins with."""
        info = self.registry.read(task, "info")
        self.events.post(event, user=info.reason.userName, chain=info.eventChainId)

    def require_reach(self, host: Any) -> None:
        """Raises one of the faults that all mean: this host is out of reach (which one, the dice say)."""
        state = self.inventory.get(host, "runtime.connectionState")
        if state != vim.HostSystem.ConnectionState.connected or not self.inventory.truth_of(host).reachable:
            raise self.dice.choice(OUT_OF_REACH)(msg="The host is not connected or does not answer.")
