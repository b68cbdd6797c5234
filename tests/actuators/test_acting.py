"""Effectors over real wires against the datacenter: what they refuse, what they do, what they prove."""

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from actuators.effectors import Effectors, EffectorSettings
from actuators.redfish.blades import FencePatience
from engine.bus.memory import MemoryBus
from engine.clients.redfish import BmcAccount
from engine.clients.vsphere import Account
from engine.clock import SystemClock
from engine.estate import loading
from engine.model.command import Command, State
from engine.model.errors import Permanent, Refused, TobanError
from toban import example
from toban.simulator.datacenter import Datacenter


@dataclass
class Place:
    world: Datacenter
    settings: EffectorSettings
    folder: Path

    def run(self, work, settings=None):
        """Run a coroutine function with fresh effectors."""

        async def go():
            effectors = Effectors(settings or self.settings, MemoryBus(SystemClock()), SystemClock())
            try:
                return await work(effectors)
            finally:
                effectors.close()

        return asyncio.run(go())

    def look(self, command, **more):
        return self.run(lambda e: e.armed[command.verb].look(command), **more)

    def act(self, command, rehearsed=False):
        references = []

        async def called(reference):
            references.append(reference)

        async def work(effectors):
            chosen = effectors.rehearsed if rehearsed else effectors.armed
            await chosen[command.verb].act(command, called)
            return await chosen[command.verb].look(command)

        return self.run(work), references

    def fault(self, name, target):
        assert "done" in self.world.ask({"do": "fault", "fault": name, "target": target})

    def vm(self, name):
        return self.world.truth.vms[name]

    def until(self, path, wanted):
        import time

        end = time.monotonic() + 5
        while self.world.ask({"do": "state"})["hosts"].get(path, {}).get("connection") != wanted:
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.fixture
def place(tmp_path):
    with begun(tmp_path) as found:
        yield found


@contextmanager
def begun(folder):
    example.write(folder, example.free_ports(), armed=True, quick=True)
    text = (folder / "estate.yaml").read_text(encoding="utf-8")
    (folder / "estate.yaml").write_text(text.replace("detect_after: 2.0", "detect_after: 0.2"), encoding="utf-8")
    with Datacenter(folder / "estate.yaml", folder / "datacenter") as world:
        ca = Path(world.ready["ca"])
        settings = EffectorSettings(
            vcenters={"vc1": Account(world.ready["vcenter"], "toban@vsphere.local", "duty-officer", ca)},
            bmc=BmcAccount("toban", "blade-keys", ca),
            chassis={},
            notices=folder / "notices.jsonl",
            fence=FencePatience(double_read=0.1, settles_within=1.5),
        )
        yield Place(world, settings, folder)
        assert world.ask({"do": "ledger"})["failures"] == []


def command(verb, target, /, **parameters):
    return Command(id="run.step.1", step="step", verb=verb, target=target, parameters=parameters)


def fence(place, slot=1, **changes):
    blade = place.world.truth.blades[f"chassis1/{slot}"].slot
    given = {
        "bmc_url": blade.bmc.url,
        "system": blade.bmc.system,
        "serial": blade.serial,
        "uuid": blade.uuid,
        "chassis": "chassis1",
        "slot": slot,
    }
    return command("machine.power_off", f"machine:chassis1/{slot}", **{**given, **changes})


def about_vm(place, verb, name, **more):
    vm = place.vm(name)
    known = {"vcenter": "vc1", "name": name, "instance_uuid": vm.instance_uuid, "path": vm.path}
    return command(verb, f"vm:{name}", **{**known, **more})


def about_host(place, verb, name="esx1", **changes):
    uuid = place.world.truth.hosts[name].blade.slot.uuid if name in place.world.truth.hosts else "x"
    return command(verb, f"host:{name}", **{"vcenter": "vc1", "name": name, "uuid": uuid, "ref": "host-1", **changes})


# fencing ------------------------------------------------------------------------------------------------------------


def test_a_hung_blade_is_switched_off_and_read_off_twice(place):
    place.fault("host-hang", "chassis1/1")
    assert place.look(fence(place)).state is State.READY
    after, _ = place.act(fence(place))
    assert (after.state, after.facts["reads"]) == (State.REACHED, 2)
    assert place.world.truth.blades["chassis1/1"].powered is False


@pytest.mark.parametrize("change", [{"serial": "BLD0000002"}, {"uuid": "30000000-0000-4000-8000-000000000009"}])
def test_a_wrong_blade_in_the_slot_is_never_switched(place, change):
    assert place.look(fence(place, **change)).state is State.REFUSED
    with pytest.raises(Refused, match="belongs to blade BLD0000001"):
        place.act(fence(place, **change))
    assert [e for e in place.world.ledger.entries() if e["what"] == "bmc.order"] == []


def test_a_bmc_that_is_silent_proves_nothing(place):
    place.fault("bmc-dead", "chassis1/1")
    seen = place.look(fence(place))
    assert seen.state is State.UNKNOWN
    assert "not proven off" in seen.detail


def test_a_bmc_that_takes_the_order_and_does_nothing_is_not_believed(place):
    place.fault("bmc-stuck", "chassis1/1")
    after, _ = place.act(fence(place))
    assert after.state is State.READY


def test_a_wrong_bmc_password_is_said_in_one_sentence(place):
    settings = replace(place.settings, bmc=replace(place.settings.bmc, password="wrong"))
    seen = place.look(fence(place), settings=settings)
    assert seen.state is State.UNKNOWN
    assert "wrong user name or password" in seen.detail


def test_an_untrusted_bmc_is_not_talked_to(place, tmp_path):
    from toban.simulator import certificates

    (tmp_path / "other").mkdir()
    certificates.issue(tmp_path / "other", frozenset({"127.0.0.1"}))
    settings = replace(place.settings, bmc=replace(place.settings.bmc, ca_file=tmp_path / "other" / "ca.pem"))
    assert "certificate is not trusted" in place.look(fence(place), settings=settings).detail


def test_power_is_told_only_by_the_blade_itself(place):
    site = loading.load(place.folder / "estate.yaml")
    here, there = site.standings["esx1"], site.standings["esx2"]
    stranger = replace(here, slot=there.slot.model_copy(update={"bmc": here.slot.bmc}))
    assert place.run(lambda e: e.power_of(here)) is True
    assert place.run(lambda e: e.power_of(stranger)) is None


# hosts --------------------------------------------------------------------------------------------------------------


def test_a_host_that_answers_is_not_taken_out(place):
    for verb in ("host.disconnect", "host.remove"):
        seen = place.look(about_host(place, verb))
        assert seen.state is State.REFUSED
        assert "connected" in seen.detail


def test_a_host_that_answers_again_after_the_look_is_neither_disconnected_nor_removed(place):
    for verb in ("host.disconnect", "host.remove"):
        with pytest.raises(Permanent, match="a host that answers is not taken out"):
            place.act(about_host(place, verb))
    assert place.world.ask({"do": "state"})["hosts"]["esx1"]["connection"] == "connected"


def test_a_dead_host_is_disconnected_and_removed_with_its_records(place):
    place.fault("blade-power-lost", "chassis1/1")
    place.until("esx1", "notResponding")
    for verb in ("host.disconnect", "host.remove"):
        assert place.look(about_host(place, verb)).state is State.READY
        after, references = place.act(about_host(place, verb))
        assert (after.state, len(references)) == (State.REACHED, 1)
    assert place.look(about_vm(place, "vm.power_on", "VM-01")).state is State.UNKNOWN


def test_a_host_by_another_name_is_not_taken_out(place):
    place.fault("blade-power-lost", "chassis1/1")
    place.until("esx1", "notResponding")
    seen = place.look(
        about_host(place, "host.remove", name="esx1", uuid=place.world.truth.hosts["esx2"].blade.slot.uuid)
    )
    assert seen.state is State.REFUSED


# VMs ----------------------------------------------------------------------------------------------------------------


def gone(place):
    place.fault("blade-power-lost", "chassis1/1")
    place.until("esx1", "notResponding")
    for verb in ("host.disconnect", "host.remove"):
        place.act(about_host(place, verb))


def registering(place, name):
    uuid = place.world.truth.hosts["esx2"].blade.slot.uuid
    return about_vm(place, "vm.register", name, host="esx2", host_uuid=uuid, pool_ref=None, folder_ref=None)


def test_a_vm_comes_back_on_the_other_host_and_a_second_order_changes_nothing(place):
    gone(place)
    order = registering(place, "VM-02")
    assert place.look(order).state is State.READY
    assert place.act(order)[0].state is State.REACHED
    assert place.act(order)[0].state is State.REACHED  # AlreadyExists is an answer
    start = about_vm(place, "vm.power_on", "VM-02")
    assert place.act(start)[0].facts["host"] == "esx2"
    assert place.act(start)[0].state is State.REACHED  # InvalidPowerState is an answer
    assert place.world.truth.runs_on("VM-02") == ["esx2"]
    assert place.world.ledger.violations() == []


def test_a_record_that_has_not_gone_is_in_doubt(place):
    place.fault("blade-power-lost", "chassis1/1")
    place.until("esx1", "notResponding")
    seen = place.look(registering(place, "VM-01"))
    assert seen.state is State.UNKNOWN
    assert "still recorded at esx1" in seen.detail


def test_moved_is_the_one_answer_that_is_given(place):
    gone(place)
    place.act(registering(place, "VM-01"))
    place.fault("vm-question", "VM-01")
    assert place.act(about_vm(place, "vm.power_on", "VM-01"))[0].state is State.REACHED
    assert [e["answer"] for e in place.world.ledger.entries() if e["what"] == "vm.answered"] == ["moved"]


def migration(place, name="VM-01", source="esx1", target="esx2"):
    uuid = place.world.truth.hosts[target].blade.slot.uuid
    return about_vm(place, "vm.migrate", name, source=source, target=target, target_uuid=uuid)


def test_a_running_vm_moves_without_a_stop(place):
    after, references = place.act(migration(place))
    assert (after.state, len(references)) == (State.REACHED, 1)
    assert [e for e in place.world.ledger.entries() if e["what"] == "vm.stopped"] == []


def test_a_target_in_maintenance_is_refused_in_words(place):
    place.fault("maintenance-entered", "esx2")
    seen = place.look(migration(place))
    assert seen.state is State.REFUSED
    assert "esx2 is in maintenance mode" in seen.detail


def test_a_plan_that_time_has_overtaken_is_refused(place):
    place.act(migration(place))
    seen = place.look(migration(place, source="esx2", target="esx1"))
    assert seen.state is State.READY
    assert place.look(migration(place, source="esx3", target="esx1")).state is State.REFUSED
    assert place.look(about_vm(place, "vm.verify", "VM-01", not_on="esx1")).state is State.REACHED
    assert place.look(about_vm(place, "vm.await_ha", "VM-01", not_on="esx2")).state is State.BUSY


# rehearsal and notices ----------------------------------------------------------------------------------------------


def test_a_rehearsal_never_acts(place):
    order = fence(place)
    seen = place.run(lambda e: e.rehearsed["machine.power_off"].look(order))
    assert seen.state is State.REACHED
    assert "rehearsal: would do machine.power_off" in seen.detail
    with pytest.raises(Refused):
        place.act(order, rehearsed=True)
    assert [e for e in place.world.ledger.entries() if e["what"] == "bmc.order"] == []


def test_a_rehearsal_passes_on_what_would_be_refused(place):
    seen = place.run(lambda e: e.rehearsed["machine.power_off"].look(fence(place, serial="OTHER")))
    assert seen.state is State.REFUSED


def test_a_notice_is_written_once_whatever_happened_to_the_line_before_it(place):
    notice = command("notify.log", "group:esx", channel="oncall", template="failover", en="hello", ja="こんにちは")
    place.settings.notices.write_bytes(b'{"id": "torn')
    assert place.act(notice)[0].state is State.REACHED
    assert place.look(notice).state is State.REACHED
    assert place.settings.notices.read_bytes().count(b"hello") == 1


def test_an_unknown_vcenter_and_a_missing_parameter_are_said(place):
    assert (
        "no account for vCenter vc9"
        in place.look(about_vm(place, "vm.verify", "VM-01", vcenter="vc9", not_on="x")).detail
    )
    assert "has no target_uuid" in place.look(about_vm(place, "vm.migrate", "VM-01")).detail
    with pytest.raises(TobanError):
        place.act(about_vm(place, "vm.migrate", "VM-01"))
    with pytest.raises(Permanent):
        place.act(command("vm.register", "vm:x", template=True))
