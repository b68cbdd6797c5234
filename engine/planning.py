"""Act + policy + estate -> RunPlan: each step of the policy with the commands it comes to; pure."""

from collections.abc import Callable

from engine.estate import linking, reading
from engine.model.decision import Act
from engine.model.estate import Estate
from engine.model.match import Match
from engine.model.pattern import MetricPattern
from engine.model.plan import Plan, Unplaced
from engine.model.policy import Policy, Step
from engine.model.run import PlannedStep, RunPlan
from engine.placement import balancing, evacuating
from engine.runs import ordering, stepping
from engine.runs.ordering import Orders

Planner = Callable[[Orders, Step, Policy, Match, Estate], tuple[Unplaced, ...]]


def plan(act: Act, match: Match, policy: Policy, estate: Estate, *, rehearsal: bool) -> RunPlan:
    """The whole run, decided once: what is journalled before anything is touched."""
    steps = policy.spec.do
    return RunPlan(
        run=act.match,
        policy=policy.name,
        object=act.object,
        causes=act.causes,
        correlation=match.events[0].correlationid or match.events[0].id if match.events else None,
        rehearsal=rehearsal,
        synthetic=act.synthetic,
        steps=tuple(_step(act.match, steps, index, policy, match, estate) for index in range(len(steps))),
    )


def _step(run: str, steps: tuple[Step, ...], index: int, policy: Policy, match: Match, estate: Estate) -> PlannedStep:
    step = steps[index]
    orders = Orders(run, step)
    unplaced = _PLANNERS[step.verb](orders, step, policy, match, estate)
    return PlannedStep(
        id=step.id,
        verb=step.verb,
        after=stepping.requirements(steps, index),
        commands=tuple(orders.commands),
        unplaced=unplaced,
    )


def _fence(orders: Orders, _: Step, __: Policy, match: Match, estate: Estate) -> tuple[Unplaced, ...]:
    host = linking.host_of(estate, match.key)
    place = estate.site.standings.get(host) if host else None
    if place is None or place.slot is None:
        return (Unplaced(vm="-", en=f"{match.key} has no machine to fence", ja=f"{match.key} に対応する機体がない"),)
    ordering.fence(orders, place)
    return ()


def _failover(orders: Orders, _: Step, __: Policy, match: Match, estate: Estate) -> tuple[Unplaced, ...]:
    host = linking.host_of(estate, match.key)
    if host is None or host not in estate.hosts:
        return (Unplaced(vm="-", en=f"{match.key} was never seen in vCenter", ja=f"{match.key} は未確認"),)
    others = {vm.instance_uuid for vm in reading.left_alone(estate, host)}
    ours = [vm for vm in reading.records_on(estate, host) if vm.instance_uuid not in others]
    ran = {vm.instance_uuid for vm in reading.ran_on(estate, host)}
    # where nothing of ours ran, the host stays in the inventory: removing it would gain nobody anything
    found = evacuating.evacuate(estate, host, ours) if any(vm.instance_uuid in ran for vm in ours) else Plan()
    ordering.failover(orders, estate, host, found)
    if not orders.commands and not found.unplaced:  # fenced for nothing: a person should know
        return (Unplaced(vm="-", en=f"no VM is known to have run on {host}", ja=f"{host} で動作していた VM が不明"),)
    return found.unplaced


def _migrate(orders: Orders, step: Step, policy: Policy, match: Match, estate: Estate) -> tuple[Unplaced, ...]:
    host = linking.host_of(estate, match.key)
    if host is None:
        return (Unplaced(vm="-", en=f"{match.key} is no host of the estate", ja=f"{match.key} は未登録"),)
    count = step.parameters.get("vms", 1)
    found = balancing.relieve(estate, host, _share(policy), count if isinstance(count, int) else 1)
    ordering.migrate(orders, estate, found)
    return found.unplaced


def _share(policy: Policy) -> float:
    when = policy.spec.when
    if isinstance(when, MetricPattern):
        boundary = when.clear if when.clear is not None else when.above
        return (boundary if boundary is not None else 100.0) / 100.0
    return 1.0


def _notify(orders: Orders, step: Step, policy: Policy, match: Match, _: Estate) -> tuple[Unplaced, ...]:
    title = policy.metadata.title
    seen = ", ".join(sorted({event.type for event in match.events}))
    texts = (
        f"{title.en}: {match.key} (seen: {seen}); the run is {match.id}",
        f"{title.ja}: {match.key}(検知: {seen})、実行 {match.id}",
    )
    ordering.notify(orders, match.key, step, texts)
    return ()


_PLANNERS: dict[str, Planner] = {
    "fence": _fence,
    "failover": _failover,
    "migrate": _migrate,
    "notify": _notify,
}
