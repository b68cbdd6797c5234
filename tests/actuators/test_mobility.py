"""Every reason why a VM cannot move is found before anything is sent, and said in words; vCenter is asked as well."""

import asyncio
from dataclasses import dataclass, replace
from ipaddress import ip_network

import pytest
from pyVmomi import vim
from structlog.testing import capture_logs

from actuators.vsphere import compatibility, mobility
from actuators.vsphere.mobility import CONDITIONS, WORDS, Passage
from engine.clients.vsphere_moving import Around, Disks, Finding, Store, Verdict
from engine.clients.vsphere_reading import Question
from engine.model.command import State
from tests.actuators.place import migration
from tests.actuators.test_migrating import SOURCE, TARGET, VM
from toban.simulator.vcenter import endpoint
from toban.simulator.vcenter.inventory import add_network, listed

RUNS = replace(VM, power="poweredOn", networks=frozenset({"net"}))
THERE = replace(TARGET, networks=frozenset({"net"}))
NEAR = Around(("dc-1", "dc1"), ("dc-1", "dc1"), None, None, {"san9": "san9-name", "net": "VLAN 7"})
SAN1 = Store("ds", "san1", accessible=True, mode="normal", free=100 * 2**20)
BIG = Disks(frozenset({"ds9"}), 200 * 2**20)
FREE = Passage(RUNS, SOURCE, THERE, must_run=True, around=NEAR)


@dataclass
class Case:
    code: str
    passage: Passage
    words: str


CASES = (
    Case("vm.not-running", replace(FREE, vm=replace(RUNS, power="poweredOff")), "only a running VM is migrated hot"),
    Case("vm.unseen", replace(FREE, vm=replace(RUNS, connection="orphaned")), "VM-01 is orphaned"),
    Case("vm.asks", replace(FREE, vm=replace(RUNS, question=Question("1", "m", ()))), "waits for an answer"),
    Case(
        "source.out-of-reach", replace(FREE, source=replace(SOURCE, connection="notResponding")), "the source esx1 is"
    ),
    Case("source.off", replace(FREE, source=replace(SOURCE, power="poweredOff")), "the source esx1 is poweredOff"),
    Case(
        "target.out-of-reach", replace(FREE, target=replace(THERE, connection="disconnected")), "esx2 is disconnected"
    ),
    Case("target.off", replace(FREE, target=replace(THERE, power="standBy")), "the target esx2 is standBy"),
    Case("target.maintenance", replace(FREE, target=replace(THERE, maintenance=True)), "esx2 is in maintenance mode"),
    Case("vmotion.source", replace(FREE, source=replace(SOURCE, vmotion=False)), "VMotion is off at esx1"),
    Case("vmotion.target", replace(FREE, target=replace(THERE, vmotion=False)), "VMotion is off at esx2"),
    Case("datastore.unknown", replace(FREE, vm=replace(RUNS, datastores=frozenset())), "cannot be read"),
    Case("datastore.not-shared", replace(FREE, vm=replace(RUNS, datastores=frozenset({"san9"}))), "it lacks san9-name"),
    Case("store.absent", replace(FREE, carries="san7"), "esx2 mounts no datastore san7"),
    Case("store.closed", replace(FREE, carries="san1", store=replace(SAN1, mode="inMaintenance")), "san1 is inMaint"),
    Case("store.full", replace(FREE, carries="san1", store=SAN1, disks=BIG), "takes 200 MB, san1 has 100 MB free"),
    Case("network.missing", replace(FREE, target=replace(THERE, networks=frozenset())), "lacks the network VLAN 7"),
    Case("datacenter.differs", replace(FREE, around=replace(NEAR, target_center=("dc-2", "dc2"))), "esx2 in dc2"),
)


def test_nothing_is_against_a_move_that_nothing_is_against() -> None:
    assert mobility.refusals(FREE) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_a_reason_is_found_and_said(case) -> None:
    (sentence,) = mobility.refusals(case.passage)
    assert case.words in sentence
    assert sentence == CONDITIONS[case.code](case.passage)


def test_there_is_a_case_for_every_condition() -> None:
    assert [case.code for case in CASES] == list(CONDITIONS)


def test_several_reasons_are_all_told() -> None:
    both = replace(FREE, source=replace(SOURCE, vmotion=False), target=replace(THERE, maintenance=True))
    assert len(mobility.refusals(both)) == 2


@pytest.mark.parametrize("change", [{"power": "poweredOff"}, {"power": "suspended"}])
def test_a_vm_that_does_not_run_needs_no_vmotion(change) -> None:
    cold = replace(FREE, vm=replace(RUNS, **change), must_run=False, source=replace(SOURCE, vmotion=False))
    assert mobility.refusals(cold) == []
    assert mobility.refusals(replace(FREE, rests="poweredOff", source=replace(SOURCE, vmotion=False))) == []


def test_a_vm_that_takes_its_disks_along_needs_no_shared_datastore() -> None:
    away = replace(
        FREE,
        vm=replace(RUNS, datastores=frozenset({"san9"})),
        carries="san1",
        store=Store("ds", "san1", True, "normal", None),
    )
    assert mobility.refusals(away) == []


def test_vmotion_addresses_count_only_for_a_vm_that_runs_and_only_where_both_are_known() -> None:
    one, two = ip_network("10.1.0.0/24"), ip_network("10.2.0.0/24")
    apart = replace(FREE, around=replace(NEAR, source_lan=one, target_lan=two))
    assert "esx1 in 10.1.0.0/24, esx2 in 10.2.0.0/24" in (mobility.lans_differ(apart) or "")
    assert mobility.lans_differ(replace(apart, rests="suspended")) is None
    assert mobility.lans_differ(replace(apart, around=replace(NEAR, source_lan=one, target_lan=one))) is None
    assert mobility.lans_differ(replace(apart, around=replace(NEAR, source_lan=one))) is None


@pytest.mark.parametrize("fault", sorted(WORDS))
def test_each_of_vcenters_faults_is_said_in_our_words_and_its_own(fault) -> None:
    (sentence,) = mobility.found(Verdict(errors=(Finding(fault, "its text"),)), FREE)
    assert sentence == f"{WORDS[fault]} (its text)"


def test_a_fault_that_nobody_foresaw_is_passed_on_as_vcenter_says_it() -> None:
    (sentence,) = mobility.found(Verdict(errors=(Finding("RDMNotSupported", "no raw disks"),)), FREE)
    assert sentence == "vCenter says: no raw disks (RDMNotSupported)"


@pytest.mark.parametrize(
    ("fault", "hot", "suspended", "off"),
    [
        ("VMotionNotLicensed", True, False, False),
        ("MigrationFeatureNotSupported", True, False, False),
        ("CpuIncompatible1ECX", True, True, False),
        ("FeatureRequirementsNotMet", True, True, False),
        ("CannotAccessNetwork", True, True, True),
    ],
)
def test_a_finding_counts_only_for_the_state_in_which_the_vm_moves(fault, hot, suspended, off) -> None:
    ways = (FREE, replace(FREE, rests="suspended"), replace(FREE, rests="poweredOff"))
    assert tuple(mobility.counts(Finding(fault, ""), way) for way in ways) == (hot, suspended, off)


def mobile(place, name):
    return place.world.truth.hosts[name].mobility


def unlike_cpu(place):
    mobile(place, "esx2").cpu = 0


def too_old(place):
    mobile(place, "esx2").newest_hardware = 13


def no_port_group(place):
    add_network(place.world.center.inventory, "DMZ")
    mobile(place, "esx2").networks = ("DMZ",)


def not_mounted(place):
    place.world.truth.stores["san1"].hosts = ("esx1",)


def apart(place):
    mobile(place, "esx1").address, mobile(place, "esx2").address = "10.1.0.11/24", "10.2.0.12/24"


def elsewhere(place):
    """A second datacenter, and esx2 stands in it."""
    inventory = place.world.center.inventory
    add = inventory.registry.add
    center = add(vim.Datacenter, "datacenter-9", name="dc9", parent=inventory.root)
    folder = add(vim.Folder, "group-h9", name="host", parent=center)
    alone = add(vim.ComputeResource, "domain-s9", name="esx2", parent=folder, resourcePool=inventory.pool)
    inventory.set(inventory.hosts["esx2"], "parent", alone)


def asking(place):
    from toban.simulator.vcenter.machines import _question

    inventory = place.world.center.inventory
    inventory.set(inventory.vm_named("VM-01"), "runtime.question", _question())


def powered_off(name):
    def change(place):
        inventory = place.world.center.inventory
        inventory.set(inventory.hosts[name], "runtime.powerState", vim.HostSystem.PowerState.poweredOff)

    return change


def unreachable(place):
    inventory = place.world.center.inventory
    lost = vim.HostSystem.ConnectionState.notResponding
    inventory.set(inventory.hosts["esx2"], "runtime.connectionState", lost)


def unreachable_source(place):
    inventory = place.world.center.inventory
    lost = vim.HostSystem.ConnectionState.notResponding
    inventory.set(inventory.hosts["esx1"], "runtime.connectionState", lost)


def unreadable_disks(place):
    inventory = place.world.center.inventory
    inventory.set(inventory.vm_named("VM-01"), "datastore", listed([]))


WIRE = {
    "no vMotion licence (1)": (("vmotion-unlicensed", "esx2"), "vMotion is not licensed (esx2 is not licensed"),
    "vMotion off at the source (2)": (("vmotion-off", "esx1"), "VMotion is off at esx1"),
    "vMotion off at the target (2)": (("vmotion-off", "esx2"), "VMotion is off at esx2"),
    "not on one LAN (2)": (apart, "the vMotion network is down or does not connect the hosts"),
    "port group missing (4)": (no_port_group, "esx2 lacks the network VM Network of VM-01"),
    "datastore not shared (5)": (not_mounted, "esx2 does not mount every datastore of VM-01: it lacks san1"),
    "datastores not readable (5)": (unreadable_disks, "the datastores of VM-01 cannot be read"),
    "source off (6)": (powered_off("esx1"), "the source esx1 is poweredOff"),
    "source out of reach (6)": (unreachable_source, "the source esx1 is notResponding"),
    "target off (7)": (powered_off("esx2"), "the target esx2 is poweredOff"),
    "target out of reach (7)": (unreachable, "the target esx2 is notResponding"),
    "target in maintenance (7)": (("maintenance-entered", "esx2"), "the target esx2 is in maintenance mode"),
    "another datacenter (8)": (elsewhere, "esx1 is in the datacenter dc1, esx2 in dc9"),
    "hardware version": (too_old, "the target is too old for the VM's hardware version"),
    "CPU": (unlike_cpu, "the target's CPU lacks what the VM uses (EVC)"),
    "a question": (asking, "VM-01 waits for an answer"),
    "orphaned": (("vm-orphaned", "VM-01"), "VM-01 is orphaned"),
}


def broken(place, why):
    breaks, words = WIRE[why]
    if isinstance(breaks, tuple):
        place.fault(*breaks)
    else:
        with place.world.truth.lock:
            breaks(place)
    return words


@pytest.mark.parametrize("why", WIRE)
def test_over_the_wire_a_move_that_cannot_be_made_is_refused_before_anything_is_sent(place, why) -> None:
    words = broken(place, why)
    seen = place.look(migration(place))
    assert (seen.state, words in seen.detail) == (State.REFUSED, True), seen
    assert place.tasks("VirtualMachine.relocate") == 0


def test_over_the_wire_a_target_of_another_vcenter_is_not_in_the_inventory(place) -> None:  # (9)
    seen = place.look(migration(place, target_uuid="30000000-0000-4000-8000-0000000000ff"))
    assert (seen.state, "not in the inventory of this vCenter" in seen.detail) == (State.REFUSED, True)


@pytest.mark.parametrize("why", ["no vMotion licence (1)", "hardware version", "CPU", "port group missing (4)"])
def test_the_move_itself_meets_the_faults_that_the_check_foretold(place, why) -> None:
    order = migration(place)
    with place.world.truth.lock:
        inventory = place.world.center.inventory
        record, spec = inventory.vm_named("VM-01"), vim.vm.RelocateSpec(host=inventory.hosts["esx2"])
    broken(place, why)
    place.do("RelocateVM_Task", "VM-01", spec)
    assert place.world.center.inventory.get(record, "runtime.host") == inventory.hosts["esx1"]
    assert place.look(order).state is State.REFUSED


def test_a_vm_that_is_off_is_not_kept_by_vmotion_or_cpu(place) -> None:
    place.do("PowerOffVM_Task", "VM-01")
    place.fault("vmotion-unlicensed", "esx1")
    unlike_cpu(place)
    assert place.look(migration(place, cold=True)).state is State.READY


def test_where_vcenter_has_no_check_that_is_said_once_and_our_own_conditions_decide(place, monkeypatch) -> None:
    monkeypatch.delitem(endpoint.METHODS, "CheckRelocate_Task")
    order = migration(place)

    async def twice(effectors):
        with capture_logs() as logs:
            seen = [await effectors.armed["vm.migrate"].look(order) for _ in range(2)]
        return seen, [entry for entry in logs if entry["event"] == "vcenter.no_compatibility_check"]

    seen, said = place.run(twice)
    assert [one.state for one in seen] == [State.READY, State.READY]
    assert "vCenter did not check it: vCenter vc1: MethodNotFound" in seen[0].detail
    assert (len(said), said[0]["vcenter"]) == (1, "vc1")
    apart(place)
    refused = place.look(order)
    assert (refused.state, "not on one LAN: esx1 in 10.1.0.0/24" in refused.detail) == (State.REFUSED, True)


def test_a_check_that_fails_or_has_no_end_is_no_verdict(place, monkeypatch) -> None:
    place.fault("task-fails", "CheckRelocate_Task")
    failed = place.look(migration(place))
    assert (failed.state, "something broke" in failed.detail) == (State.READY, True)
    monkeypatch.setattr(compatibility, "PATIENCE", 0.0)
    late = place.look(migration(place))
    assert (late.state, "no end within 0 s" in late.detail) == (State.READY, True)


def test_vcenter_is_not_asked_again_at_once_while_an_order_is_only_looked_at(place, monkeypatch) -> None:
    order = migration(place)

    async def looks(effectors):
        return [(await effectors.armed["vm.migrate"].look(order)).state for _ in range(3)]

    assert place.run(looks) == [State.READY] * 3
    assert place.tasks("VirtualMachine.checkRelocate") == 1
    monkeypatch.setattr(compatibility, "FRESH", 0.0)
    monkeypatch.setattr(compatibility, "MOST", 1)
    assert place.run(looks) == [State.READY] * 3
    assert place.tasks("VirtualMachine.checkRelocate") == 4


def test_an_answer_about_a_running_vm_says_nothing_about_it_once_it_is_off(place) -> None:
    place.fault("vmotion-unlicensed", "esx1")

    async def looks(effectors):
        moves = effectors.armed["vm.migrate"]
        hot = await moves.look(migration(place))
        await asyncio.to_thread(place.do, "PowerOffVM_Task", "VM-01")
        return hot.state, (await moves.look(migration(place, cold=True, rests="poweredOff"))).state

    assert place.run(looks) == (State.REFUSED, State.READY)


def test_what_vcenter_warns_of_is_said_and_holds_nothing_up(place, monkeypatch) -> None:
    original = endpoint.METHODS["CheckRelocate_Task"]

    def warned(center, session, *given):
        task = original(center, session, *given)
        fault = vim.fault.WillLoseHAProtection(msg="it is not protected meanwhile", resolution="wait")
        result = vim.vm.check.Result(vm=given[1], warning=[fault])
        info = center.registry.read(task, "info")
        info.result, info.state = listed_results(result), "success"
        return task

    monkeypatch.setitem(endpoint.METHODS, "CheckRelocate_Task", warned)
    seen = place.look(migration(place))
    words = "vCenter warns: vCenter says: it is not protected meanwhile (WillLoseHAProtection)"
    assert (seen.state, words in seen.detail) == (State.READY, True)


def listed_results(result):
    from pyVmomi import VmomiSupport

    return VmomiSupport.GetVmodlType("vim.vm.check.Result[]")([result])


def test_a_vcenter_that_cannot_be_reached_leaves_the_move_in_doubt(place, monkeypatch) -> None:
    def lost(*_):
        raise vim.fault.NotAuthenticated(msg="no session", object=None, privilegeId="System.View")

    monkeypatch.setitem(endpoint.METHODS, "CheckRelocate_Task", lost)
    assert place.look(migration(place)).state is State.UNKNOWN
