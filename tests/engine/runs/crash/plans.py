"""The run of every standard policy that acts, planned as the engine plans it, and the world that it is planned for."""

from datetime import UTC, datetime
from pathlib import Path

from engine import planning
from engine.model import actions, catalogue
from engine.model.decision import Act, Reason
from engine.model.estate import Connection, Estate, Power, Site
from engine.model.event import Event
from engine.model.ids import ObjectId
from engine.model.match import Match
from engine.model.order import Asked, Order, requested
from engine.model.order import policy as order_policy
from engine.model.placement import Placement, Start
from engine.model.policy import Policy
from engine.model.run import RunPlan, entries_of
from engine.rules import loading
from tests.engine import worlds

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
POLICIES = Path(__file__).parents[4] / "policies"
HOSTS = 4


def shipped() -> dict[str, Policy]:
    """Every standard policy by name."""
    return {one.name: one for one in loading.load([POLICIES], catalogue.shipped()).policies}


def estate(policy: Policy) -> Estate:
    """Four blades of one group, six VMs, and the trouble that the policy is about."""
    verbs = {step.verb for step in policy.spec.do}
    hosts = {f"esx{n}": worlds.host(n) for n in range(1, HOSTS + 1)}
    if any(actions.shipped()[verb].ungraceful or actions.shipped()[verb].needs_fence for verb in verbs):
        hosts["esx1"] = worlds.host(1, connection=Connection.NOT_RESPONDING)
    if "replace" in verbs:
        hosts["esx1"] = worlds.host(1, connection=Connection.NOT_RESPONDING, power=Power.OFF)
    if verbs & {"start-host", "refill"}:
        hosts["esx4"] = worlds.host(4, connection=Connection.NOT_RESPONDING, power=Power.OFF, maintenance=True)
    ha = "await-ha" in verbs
    hosts = {
        name: live.model_copy(update={"ha": ha, "datastores": (*live.datastores, "san2")})
        for name, live in hosts.items()
    }
    san1 = worlds.fleet(*[()] * HOSTS).datastores["san1"]
    san2 = san1.model_copy(update={"name": "san2", "ref": "san2", "url": "san2"})
    vms = [worlds.vm(n, on=1 if n < 4 else n - 2, cpu_used_mhz=300, ha_protected=ha or None) for n in range(1, 6)]
    vms.append(worlds.vm(6, on=1, power=Power.OFF))
    running = tuple(vm.instance_uuid for vm in vms if vm.host == "esx1" and vm.power is Power.ON)
    return Estate(
        site=_in_order(worlds.with_spare(worlds.site(HOSTS), vacant="esx9")),
        hosts=hosts,
        vms={vm.instance_uuid: vm for vm in vms},
        datastores={"san1": san1, "san2": san2},
        ran={"esx1": running} if hosts["esx1"].connection is not Connection.CONNECTED else {},
    )


def _in_order(site: Site) -> Site:
    """VM-02 is started behind VM-01 and its guest tools."""
    (category,) = site.categories
    (group,) = category.groups
    placement = Placement(start=(Start(vms=("VM-01",), wait="tools", required=True), Start(vms=("VM-02",))))
    wider = category.model_copy(update={"groups": (group.model_copy(update={"placement": placement}),)})
    return Site(vcenters=site.vcenters, chassis=site.chassis, models=site.models, categories=(wider,))


entries = entries_of
"""The records of one message of a journal."""
KEYS = {"host": "host:esx1", "vm": "vm:VM-01", "group": "group:esx", "machine": "machine:chassis1/1"}


def run(policy: Policy, world: Estate, kind: str) -> RunPlan:
    """The run that is planned when the policy acts on an object of this kind."""
    key = KEYS[kind]
    event = Event(id="e1", type="host.unreachable", source="test", subject=key, time=NOW)
    match = Match("m1", policy.name, key, NOW, NOW, 0.0, (event,))
    why = (Reason(code="held", en="it holds", ja="継続"),)
    act = Act(match="m1", policy=policy.name, object=key, at=NOW, reasons=why, causes=("e1",))
    return planning.plan(act, match, policy, world, rehearsal=False)


BY_HAND = {
    "by-hand-quick-move": ("vm:VM-01", (Asked(verb="move-vm", parameters={"method": "quick"}),)),
    "by-hand-move": ("vm:VM-01", (Asked(verb="move-vm", parameters={"method": "move"}),)),
    "by-hand-storage": ("vm:VM-01", (Asked(verb="move-vm", parameters={"method": "storage", "to": "esx2"}),)),
    "by-hand-disks": ("vm:VM-01", (Asked(verb="move-vm", parameters={"datastore": "san2", "method": "move"}),)),
    "by-hand-any-quick": ("vm:VM-01", (Asked(verb="move-vm", parameters={"method": "any"}),)),
    "by-hand-any-move": ("vm:VM-01", (Asked(verb="move-vm", parameters={"method": "any"}),)),
    "by-hand-any-disks": ("vm:VM-01", (Asked(verb="move-vm", parameters={"method": "any", "datastore": "san2"}),)),
    "by-hand-evacuate-any": ("host:esx1", (Asked(verb="evacuate", parameters={"method": "any"}),)),
    "by-hand-replace": ("host:esx1", (Asked(verb="replace", parameters={"from": "pool"}),)),
    "by-hand-scale-out": ("group:esx", (Asked(verb="scale-out"),)),
    "by-hand-scale-in": ("group:esx", (Asked(verb="scale-in"),)),
    "by-hand-refill": ("group:esx", (Asked(verb="refill"),)),
    "by-hand-maintenance": ("host:esx1", (Asked(verb="evacuate"), Asked(verb="enter-maintenance"))),
}
"""Orders of people: what no shipped policy does."""


HOT, ASLEEP, DISKS = ("vm.migrate", ""), ("vm.migrate", "suspended"), ("vm.relocate", "")
REFUSES = {
    "by-hand-any-quick": frozenset({HOT}),
    "by-hand-any-move": frozenset({HOT, ASLEEP}),
    "by-hand-any-disks": frozenset({DISKS}),
    "by-hand-evacuate-any": frozenset({HOT, ASLEEP}),
}
"""Moves that are refused while this order is carried out, so that the next way is taken."""


def by_hand(name: str) -> tuple[Estate, RunPlan]:
    """The run of an order."""
    about, steps = BY_HAND[name]
    order = Order(about=ObjectId(about), steps=steps, by="tanaka")
    event = requested(order, NOW, name)
    one = order_policy(event)
    world = estate(one)
    match = Match("m1", one.name, about, NOW, NOW, 0.0, (event,), stays=False)
    act = Act(match="m1", policy=one.name, object=about, at=NOW, reasons=(), causes=("e1",))
    return world, planning.plan(act, match, one, world, rehearsal=False)


def most(policy: Policy, world: Estate) -> RunPlan:
    """The run with most commands over the kinds of object."""
    return max(
        (run(policy, world, kind) for kind in KEYS), key=lambda plan: sum(len(step.commands) for step in plan.steps)
    )


def acts(plan: RunPlan) -> bool:
    """It does more than tell people."""
    return any(command.verb != "notify.log" for step in plan.steps for command in step.commands)


def best(policy: Policy) -> tuple[Estate, RunPlan] | None:
    """The same in this world; None for a policy that only tells people."""
    world = estate(policy)
    found = most(policy, world)
    return (world, found) if acts(found) else None
