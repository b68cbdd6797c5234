"""Act + policy + estate -> RunPlan: each step of the policy with the commands it comes to; pure."""

from collections.abc import Callable, Mapping

from engine.model import following
from engine.model.decision import Act
from engine.model.estate import Estate
from engine.model.match import Match
from engine.model.plan import Unplaced
from engine.model.policy import Policy, Step
from engine.model.run import PlannedStep, RunPlan
from engine.planning import guests, hosts, moving, spares, standing_by
from engine.planning.asking import Asked
from engine.runs.ordering import Orders

Planner = Callable[[Orders, Asked], tuple[Unplaced, ...]]
PLANNERS: Mapping[str, Planner] = {
    "fence": hosts.fence,
    "diagnose-and-power-off": hosts.diagnose_and_power_off,
    "failover": guests.failover,
    "migrate": guests.migrate,
    "evacuate": guests.evacuate,
    "apply-rules": guests.apply_rules,
    "rebalance": guests.rebalance,
    "move-vm": moving.move,
    "enter-maintenance": hosts.enter_maintenance,
    "exit-maintenance": hosts.exit_maintenance,
    "restart-vm": guests.restart,
    "shutdown-host": hosts.shut_down,
    "start-host": hosts.start,
    "power-save": hosts.power_save,
    "replace": spares.replace,
    "scale-out": spares.scale_out,
    "scale-in": spares.scale_in,
    "refill": spares.refill,
    "await-ha": guests.await_ha,
    "mark": standing_by.mark,
    "mark-by-sensors": standing_by.mark_by_sensors,
    "mark-ready-by-diagnosis": standing_by.mark_ready_by_diagnosis,
    "identify": standing_by.identify,
    "notify": standing_by.notify,
    "reset-result": standing_by.reset_result,
}
"""By verb."""


def plan(
    act: Act,
    match: Match,
    policy: Policy,
    estate: Estate,
    *,
    rehearsal: bool,
    tired: frozenset[str] = frozenset(),
) -> RunPlan:
    """The whole run, decided once: what is journalled before anything is touched.

    `tired`: instance_uuids of VMs that failed over too often of late to be started once more (safety rule S13).
    """
    steps = policy.spec.do
    about = [Asked(act.match, step, policy, match, estate, tired) for step in steps]
    return RunPlan(
        run=act.match,
        policy=policy.name,
        object=act.object,
        causes=act.causes,
        correlation=match.events[0].correlationid or match.events[0].id if match.events else None,
        rehearsal=rehearsal,
        synthetic=act.synthetic,
        steps=tuple(_step(asked, steps, index) for index, asked in enumerate(about)),
    )


def _step(asked: Asked, steps: tuple[Step, ...], index: int) -> PlannedStep:
    step, orders = asked.step, Orders(asked.run, asked.step)
    unplaced = PLANNERS[step.verb](orders, asked)
    return PlannedStep(
        id=step.id,
        verb=step.verb,
        after=following.requirements(steps, index),
        commands=tuple(orders.commands),
        unplaced=unplaced,
        notes=tuple(orders.notes),
    )
