"""A spare joins vCenter only if it is the blade that was meant, and a blade's place is taken only once it is off."""

import asyncio
from dataclasses import replace

import pytest
from pyVmomi import vim

from actuators.effectors import Effectors
from actuators.vsphere.joining import judge, known
from engine import planning
from engine.bus.memory import MemoryBus
from engine.clients.vsphere_joining import Answer, HostLogin
from engine.clients.vsphere_reading import HostFacts
from engine.clock import SystemClock
from engine.estate import loading, projecting
from engine.model import order
from engine.model.command import State
from engine.model.decision import Act
from engine.model.estate import Connection, Estate, Power
from engine.model.event import Event
from engine.model.ids import ObjectId
from engine.model.match import Match
from engine.model.order import Asked, Order
from engine.model.run import Outcome
from engine.rehearsing.standing_in import Leases
from engine.runs.commanding import Commander, EffectorSets, Patience
from engine.runs.journal import BusJournal
from engine.runs.runner import Runner
from tests.actuators.place import THUMBPRINT, about_host, begun, command, nobody_says_stop, switch
from tests.engine import worlds

HOST = HostFacts("host-9", "esx3", "u3", "connected", "poweredOn", False, True, "pool", frozenset(), None)


@pytest.fixture
def place(tmp_path):
    with begun(tmp_path, spare=True) as found:
        yield found


def joining(place, **changes):
    given = {
        "cluster_ref": "domain-c7",
        "thumbprint": THUMBPRINT,
        "uuid": place.world.truth.blades["chassis1/3"].slot.uuid,
    }
    return about_host(place, "host.add", "esx3", **{**given, **changes})


def test_a_spare_is_waited_for_while_it_boots_and_joins_by_one_task(place):
    assert place.look(joining(place)).state is State.BUSY, "off, so it does not answer yet"
    assert place.act(switch(place, "machine.power_on", slot=3))[0].state is State.REACHED
    assert [phase for phase, _ in place.live(joining(place), deadline=20)] == [
        "start",
        "called",
        "called",
        "verified",
        "done",
    ]
    assert place.host("esx3")["connection"] == "connected"
    assert place.tasks("ClusterComputeResource.addHost") == 1
    assert place.act(joining(place)) == (place.look(joining(place)), []), "what is there is not added again"


@pytest.mark.parametrize(("durable_first", "at"), [(True, 1), (True, 2), (True, 3), (False, 2), (False, 3)])
def test_a_process_that_dies_while_it_adds_a_host_adds_it_once(place, at, durable_first):
    from tests.actuators.place import Killed

    place.world.truth.feed("chassis1/3", "somebody pressed the button")
    with pytest.raises(Killed):
        place.live(joining(place), die_at=at, durable_first=durable_first, deadline=20)
    assert place.live(joining(place), deadline=20)[-1][0] == "done"
    assert place.tasks("ClusterComputeResource.addHost") == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"thumbprint": ":".join(["CD"] * 20)}, "another certificate"),
        ({"uuid": "30000000-0000-4000-8000-000000000007"}, "safety rule S6"),
    ],
)
def test_a_machine_that_is_not_the_one_that_was_meant_does_not_join(place, changes, says):
    place.world.truth.feed("chassis1/3", "somebody pressed the button")
    end = place.live(joining(place, **changes), deadline=10)[-1]
    assert (end[0], says in end[1]) == ("failed", True), end
    assert "esx3" not in place.world.ask({"do": "state"})["hosts"]


def test_the_hypervisors_account_must_be_told_and_right(place):
    place.world.truth.feed("chassis1/3", "somebody pressed the button")
    wrong = replace(place.settings, hypervisor=HostLogin("root", "guess"))
    none = replace(place.settings, hypervisor=None)
    place.live(joining(place, thumbprint=":".join(["CD"] * 20)), deadline=10)  # by then it has booted
    assert "refuses the hypervisor account" in place.look(joining(place), settings=wrong).detail
    assert "no account of the hypervisors" in place.look(joining(place), settings=none).detail


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (known(HOST, "esx3"), State.REACHED),
        (known(HOST, "esx9"), State.REFUSED),
        (known(replace(HOST, connection="notResponding"), "esx3"), State.BUSY),
        (known(replace(HOST, connection="disconnected"), "esx3"), State.REFUSED),
        (judge(Answer(uuid="u3"), "esx3", "u3"), State.READY),
        (judge(Answer(uuid="u4"), "esx3", "u3"), State.REFUSED),
        (judge(Answer(), "esx3", "u3"), State.REFUSED),
        (judge(Answer(uuid="u3", managed_by="192.0.2.9"), "esx3", "u3"), State.REFUSED),
        (judge(Answer(silent="no answer"), "esx3", "u3"), State.BUSY),
    ],
)
def test_what_is_done_about_a_newcomer(seen, state):
    assert seen.state is state, seen.detail


def test_nothing_takes_the_place_of_a_blade_that_still_has_power(place):
    order = switch(place, "machine.prove_off")
    assert place.look(order).state is State.REFUSED
    assert "before it is fenced or shut down" in place.look(order).detail
    place.fault("blade-power-lost", "chassis1/1")
    assert place.look(order).state is State.REACHED
    place.fault("bmc-dead", "chassis1/1")
    assert place.look(order).state is State.UNKNOWN


def test_a_blade_is_assigned_by_an_event_that_is_published_once(place):
    assign = command("machine.assign", "host:esx1", machine="chassis1/3")
    assert place.look(assign).state is State.READY
    assert place.act(assign)[0].state is State.REACHED
    assert place.rehearse(command("machine.assign", "host:esx1", machine="chassis1/2")).state is State.REACHED
    assert place.look(assign).state is State.REACHED, "a rehearsal assigned nothing"


def test_a_host_that_was_shut_down_in_good_order_leaves_the_inventory_only_when_it_is_empty(place):
    cut = about_host(place, "host.disconnect", "esx2", retired=True)
    assert "connected" in place.look(cut).detail, "in service: it stays"
    place.empty("esx2")
    place.act(about_host(place, "host.enter_maintenance", "esx2"))
    assert "VM-03 are still recorded at esx2" in place.look(cut).detail
    place.do("RelocateVM_Task", "VM-03", vim.vm.RelocateSpec(host=place.world.center.inventory.hosts["esx1"]))
    assert place.act(cut)[0].state is State.REACHED
    assert place.act(about_host(place, "host.remove", "esx2", retired=True))[0].state is State.REACHED
    assert set(place.world.ask({"do": "state"})["hosts"]) == {"esx1"}


def picture(place) -> Estate:
    """What the collectors would have said before the blade died, and that vCenter has lost it since."""
    estate = Estate(site=loading.load(place.folder / "estate.yaml"))
    uuid = {name: host.blade.slot.uuid for name, host in place.world.truth.hosts.items()}
    records = {name: place.world.center.inventory.hosts[name]._moId for name in ("esx1", "esx2")}
    for n, name in enumerate(("esx1", "esx2"), start=1):
        more = {"uuid": uuid[name], "cluster_ref": "domain-c7", "pool_ref": "resgroup-8", "ref": records[name]}
        live = worlds.host(n, **more)
        estate = heard(estate, "inventory.host", f"host:{name}", live.model_dump(mode="json"))
    for vm in place.world.truth.vms.values():
        on = next(iter(place.world.truth.runs_on(vm.name)), "esx1")
        data = worlds.vm(1, 1, name=vm.name, instance_uuid=vm.instance_uuid, path=vm.path, host=on)
        estate = heard(estate, "inventory.vm", f"vm:{vm.name}", data.model_dump(mode="json"))
    return estate


def heard(estate, kind, subject, data):
    event = Event(id="e1", type=kind, source="vcenter/vc1", subject=subject, time=SystemClock().now(), data=data)
    return projecting.apply(estate, event)


def test_a_spare_takes_the_place_of_a_dead_blade_and_the_vms_come_back_on_it(place):
    estate = picture(place)
    place.dead()
    lost = estate.hosts["esx1"].model_copy(update={"connection": Connection.NOT_RESPONDING, "power": Power.UNKNOWN})
    estate = heard(estate, "inventory.host", "host:esx1", lost.model_dump(mode="json"))
    wanted = Order(
        about=ObjectId("host:esx1"), steps=(Asked(verb="replace", parameters={"from": "pool"}),), by="tanaka"
    )
    event = order.requested(wanted, SystemClock().now(), "1")
    policy = order.policy(event)
    match = Match("m1", policy.name, "host:esx1", event.time, event.time, 0.0, (event,), stays=False)
    act = Act(match="m1", policy=policy.name, object=ObjectId("host:esx1"), at=event.time, reasons=(), causes=("e",))
    plan = planning.plan(act, match, policy, estate, rehearsal=False)

    async def carry():
        clock = SystemClock()
        bus = MemoryBus(clock, place.storage)
        effectors = Effectors(place.settings, bus, clock)
        try:
            sets = EffectorSets(effectors.armed, effectors.rehearsed)
            patience = Patience(attempts=2, pause=0.2, grace=1.0, looks=2, poll=0.1)
            commander = Commander(sets, nobody_says_stop, clock, patience)
            outcome = await Runner(BusJournal(bus), Leases(), commander, clock).start(plan)
            return outcome, [record async for record in bus.replay("inventory.>")]
        finally:
            effectors.close()

    outcome, records = asyncio.run(carry())
    state = place.world.ask({"do": "state"})
    assert outcome is Outcome.SUCCESS
    assert set(state["hosts"]) == {"esx2", "esx3"}, "the dead host left the inventory, the spare is there"
    assert {name: vm["running_on"] for name, vm in state["vms"].items()} == {
        "VM-01": "esx3",
        "VM-02": "esx3",
        "VM-03": "esx2",
    }
    assert place.world.ask({"do": "ledger"})["violations"] == []
    assert len(records) == 1
    after = heard(estate, "inventory.assignment", "host:esx1", {"machine": "chassis1/3"})
    assert (after.site.standings["esx1"].inventory_name, after.site.by_hypervisor) == ("esx3", {"esx3": "esx1"})
