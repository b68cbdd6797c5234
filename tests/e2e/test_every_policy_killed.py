"""kill -9 at every journal boundary of every standard policy's run, over real wires: the end of a night without it.

The broker, vCenter and the controllers are real servers that outlive the killed process. Every await between two
records is killed in process, on virtual time, in tests/engine/runs/test_crash_battery.py.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.bus import jetstream, subjects
from engine.clock import SystemClock
from engine.estate import projecting
from engine.model import actions
from engine.model.estate import Connection, Estate
from engine.model.run import Outcome
from engine.runs.journal import BusJournal
from tests.actuators.place import QUICK, with_spare
from tests.e2e import lives
from tests.e2e.lives import Death
from tests.e2e.site import broker, edit, impatient
from tests.engine.runs.crash import plans
from toban import declaring, example, parts, picturing
from toban.simulator import control
from toban.simulator.datacenter import Datacenter

ACTIONS = actions.shipped()

Sign = Callable[[Estate], bool]


@dataclass
class Night:
    """What a night came to."""

    outcome: Outcome | None
    records: int
    state: dict
    did: Counter
    violations: list


def _hastened(document) -> None:
    impatient(document)
    document["runs"] |= {"lease": "2s", "double_read": "0.2s", "pause": "0.5s"}
    document["hypervisor"] = {"user": "root", "password_file": "secrets/hypervisor"}


def _site(folder: Path, verbs: set[str]) -> None:
    example.write(folder, example.free_ports(), armed=True, quick=True)
    secret = folder / "secrets" / "hypervisor"
    secret.write_text("install-me\n", encoding="utf-8")
    secret.chmod(0o400)
    edit(folder / "toban.yaml", _hastened)
    text = with_spare((folder / "estate.yaml").read_text(encoding="utf-8").replace("detect_after: 2.0", QUICK))
    if "await-ha" in verbs:
        text = text.replace("ha: false", "ha: true").replace("ha_restart_after: 5", "ha_restart_after: 1")
    (folder / "estate.yaml").write_text(text, encoding="utf-8")
    edit(folder / "estate.yaml", _hurry)
    if "power-save" in verbs:
        edit(folder / "estate.yaml", _third)


def _third(document) -> None:
    """The third blade is in service from the beginning."""
    document["chassis"][0]["slots"][2].pop("hypervisor")
    definition = {"name": "esx3", "model": "esx-blade", "machine": "chassis1/3", "vcenter": "vc1"}
    document["categories"][0]["groups"][0]["hosts"].append(definition)
    document["simulation"]["hosts"][2] |= {"joined": True, "on": True}
    document["simulation"]["hosts"][2].pop("machine")


def _hurry(document) -> None:
    document["simulation"]["task_seconds"] = dict.fromkeys(document["simulation"]["task_seconds"], 0.1)


async def plan(folder: Path, url: str, name: str) -> None:
    """Write what the engine plans for the policy once its collector has seen the trouble that the policy is about."""
    declared, clock = declaring.declare(folder / "toban.yaml"), SystemClock()
    policy = plans.shipped()[name]
    async with jetstream.connect(url, clock=clock, name="eye") as bus:
        wires = parts.Wires(declared.settings, declared.site, bus, clock)
        (eye,) = wires.vcenters
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(eye.run(None))
                hosts = len(declared.site.standings)
                whole = await _until(
                    bus, Estate(site=declared.site), lambda one: (len(one.vms), len(one.hosts)) == (3, hosts)
                )
                for request, sign in _troubles(policy):
                    assert "done" in control.ask(control.find(folder / "datacenter"), request)
                    whole = await _until(bus, whole, sign)
                watching.cancel()
        finally:
            wires.close()
    (folder / "plan.json").write_text(plans.most(policy, whole).model_dump_json(), encoding="utf-8")


async def _until(bus, estate: Estate, sign: Sign) -> Estate:
    async with asyncio.timeout(20):
        while True:
            async for one in bus.replay(subjects.ALL_INVENTORY, last_per_subject=True):
                arrival = picturing.decoded(one)
                estate = projecting.apply(estate, arrival.event) if arrival is not None else estate
            if sign(estate):
                return estate
            await asyncio.sleep(0.1)


def _fault(fault: str, target: str) -> dict:
    return {"do": "fault", "fault": fault, "target": target}


def _troubles(policy) -> list[tuple[dict, Sign]]:
    """What must have happened before the policy acts, and how vCenter shows it."""
    verbs = {step.verb for step in policy.spec.do}
    emptied: tuple[dict, Sign] = (
        {"do": "move", "vm": "VM-03", "host": "esx1"},
        lambda estate: {vm.host for vm in estate.vms.values()} == {"esx1"},
    )
    if verbs & {"replace", "await-ha"}:
        return [(_fault("blade-power-lost", "chassis1/1"), _unreached("esx1"))]
    if any(ACTIONS[verb].ungraceful or ACTIONS[verb].needs_fence for verb in verbs):
        return [(_fault("host-hang", "chassis1/1"), _unreached("esx1"))]
    if "power-save" in verbs:
        return [emptied]
    if "start-host" in verbs:
        rests = (_fault("maintenance-entered", "esx2"), lambda estate: bool(estate.hosts["esx2"].maintenance))
        return [emptied, rests, (_fault("blade-power-lost", "chassis1/2"), _unreached("esx2"))]
    return []


def _unreached(name: str) -> Sign:
    return lambda estate: estate.hosts[name].connection is not Connection.CONNECTED


def played(folder: Path, name: str, *deaths: Death) -> Night:
    """A night on a fresh site: lives that end with these deaths, and a last one without."""
    site = folder / "site"
    _site(site, {step.verb for step in plans.shipped()[name].spec.do})
    with broker(folder / "broker") as url, Datacenter(site / "estate.yaml", site / "datacenter") as world:
        assert lives.apart(site, plan, url, name) == 0
        for death in deaths:
            assert lives.live(site, url, death) is None, f"the run has no record {death.record}"
        outcome = lives.live(site, url, None)
        assert world.ask({"do": "ledger"})["failures"] == []
        told = ({key: value for key, value in one.items() if key != "at"} for one in world.ledger.entries())
        return Night(
            outcome=outcome,
            records=asyncio.run(_records(url)),
            state=_settled(world.ask({"do": "state"})),
            did=Counter(str(one) for one in told),
            violations=world.ledger.violations(),
        )


async def _records(url: str) -> int:
    """How long the journal is."""
    async with jetstream.connect(url, clock=SystemClock(), name="reader") as bus:
        return len((await BusJournal(bus).read("m1"))[0])


def _settled(state: dict) -> dict:
    """What does not change by itself."""
    for host in state["hosts"].values():
        del host["cpu_mhz"]
    return {key: state[key] for key in ("vms", "hosts", "blades")}


ACTING = [name for name, one in sorted(plans.shipped().items()) if plans.best(one) is not None]
RECORDS = {
    "blade-replacement": 54,
    "cluster-managed": 18,
    "disk-failure": 22,
    "group-high-load": 18,
    "host-down-diagnose": 49,
    "host-down-failover": 40,
    "host-high-load": 12,
    "host-predictive": 33,
    "pool-spare-bmc-watch": 10,
    "power-save": 17,
    "storage-path-redundancy": 22,
    "vm-restart": 13,
    "vm-watch": 10,
    "vm-watch-recovered": 10,
}
"""Records in the journal of each policy's run; a test fails when one grows, so that no boundary stays untried."""
ALL = [(name, Death(at, side)) for name in ACTING for at in range(1, RECORDS[name] + 1) for side in ("before", "after")]
RECOVERED = [(name, death) for name, death in ALL if death != Death(RECORDS[name], "after")]
"""All but those at which the run has ended: nothing is left to recover."""


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """The night of each policy without a death, played once."""
    nights = {}

    def of(name):
        if name not in nights:
            nights[name] = played(tmp_path_factory.mktemp(name), name)
        return nights[name]

    return of


@pytest.mark.e2e
@pytest.mark.parametrize("name", ACTING)
def test_every_policy_that_acts_comes_to_its_end_over_real_wires(quiet, name):
    night = quiet(name)
    assert (night.outcome, night.violations) == (Outcome.SUCCESS, [])
    assert night.records == RECORDS[name]


def same(night, other):
    assert (other.outcome, other.violations) == (night.outcome, [])
    assert other.state == night.state
    assert other.did == night.did


@pytest.mark.e2e
@pytest.mark.parametrize("name", ACTING)
def test_a_run_killed_in_its_midst_ends_as_if_it_had_not_been(quiet, name, tmp_path):
    same(quiet(name), played(tmp_path, name, Death(RECORDS[name] // 2, "after")))


@pytest.mark.soak
@pytest.mark.parametrize(("name", "death"), ALL, ids=lambda one: getattr(one, "label", one))
def test_a_run_killed_at_any_record_ends_as_if_it_had_not_been(quiet, name, death, tmp_path):
    same(quiet(name), played(tmp_path, name, death))


@pytest.mark.soak
@pytest.mark.parametrize(("name", "death"), RECOVERED, ids=lambda one: getattr(one, "label", one))
def test_a_recovery_killed_as_well_ends_the_same(quiet, name, death, tmp_path):
    """The second life is killed right after its first record."""
    same(quiet(name), played(tmp_path, name, death, Death(1, "after")))
