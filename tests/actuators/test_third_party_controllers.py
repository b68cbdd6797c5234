"""Blades behind controllers that a third party wrote: sushy-tools' Redfish service and pyghmi's IPMI BMC."""

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import bcrypt
import pytest

from actuators.effectors import EffectorSettings
from actuators.redfish.blades import FencePatience
from engine.clients.ipmi import IpmiBmc, other_orders
from engine.clients.redfish import BmcAccount
from engine.model.command import Command, State
from engine.model.errors import InDoubt, Permanent, Refused, Transient
from tests.actuators.place import Place
from toban.simulator import certificates

PEERS = Path(__file__).parents[1] / "peers"
ONE, TWO = "30000000-0000-4000-8000-000000000001", "30000000-0000-4000-8000-000000000002"


@contextmanager
def process(*arguments: str):
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=PEERS.parents[1]
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET6, kind) as probe:
        probe.bind(("::", 0))
        return probe.getsockname()[1]


@dataclass
class Blade:
    """One blade behind a controller, and effectors that know its account."""

    url: str
    system: str
    serial: str
    uuid: str
    settings: EffectorSettings

    def command(self, verb: str, **changes: object) -> Command:
        given = {"bmc_url": self.url, "system": self.system, "chassis": "c1", "serial": self.serial, "uuid": self.uuid}
        return Command(id="r1.s.1", step="s", verb=verb, target="machine:c1/1", parameters={**given, **changes})

    def run(self, work, settings=None):
        return Place.run(self, work, settings)  # type: ignore[arg-type]  # the same loop around fresh effectors

    storage = None

    def look(self, command: Command):
        return self.run(lambda e: e.armed[command.verb].look(command))

    def act(self, command: Command):
        async def called(reference: str) -> None:
            return None

        return self.run(lambda e: e.armed[command.verb].act(command, called))


def settings(folder: Path, user: str, password: str) -> EffectorSettings:
    account = BmcAccount(user, password, folder / "ca.pem")
    return EffectorSettings({}, account, {}, folder / "notices.jsonl", FencePatience(double_read=0.2))


@pytest.fixture(scope="module")
def redfish(tmp_path_factory):
    """A chassis manager: two blades behind one address."""
    folder = tmp_path_factory.mktemp("redfish")
    certificates.issue(folder, frozenset({"127.0.0.1"}))
    secret = bcrypt.hashpw(b"secret-word", bcrypt.gensalt(4)).decode()
    (folder / "auth").write_text(f"toban:{secret}\n")
    systems = json.dumps(
        [
            {"uuid": ONE, "name": "blade1", "power_state": "On", "serial": "BLD1"},
            {"uuid": TWO, "name": "blade2", "power_state": "On", "serial": "BLD2"},
        ]
    )
    port, pem = free_port(socket.SOCK_STREAM), str(folder / "server.pem")
    script = str(PEERS / "redfish_emulator.py")
    with process(script, str(port), pem, pem, str(folder / "auth"), systems) as child:
        await_port(port, child)
        yield Blade(f"https://127.0.0.1:{port}", ONE, "BLD1", ONE, settings(folder, "toban", "secret-word"))


def await_port(port: int, child) -> None:
    end = time.monotonic() + 20
    while True:
        assert child.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.fixture
def ipmi(tmp_path):
    port = free_port(socket.SOCK_DGRAM)
    with process(str(PEERS / "ipmi_bmc.py"), str(port), ONE, "BLD1", "on"):
        blade = Blade(f"ipmi://127.0.0.1:{port}", "1", "BLD1", ONE, settings(tmp_path, "toban", "secret-word"))
        end = time.monotonic() + 20
        while blade.look(blade.command("machine.power_on")).state is State.UNKNOWN:
            assert time.monotonic() < end
        yield blade


@pytest.mark.parametrize("name", ["redfish", "ipmi"])
def test_a_blade_is_switched_off_proven_by_two_reads_and_on_again(name, request) -> None:
    blade = request.getfixturevalue(name)
    off, on = blade.command("machine.power_off"), blade.command("machine.power_on")
    assert blade.look(off).state is State.READY
    blade.act(off)
    after = blade.look(off)
    assert (after.state, after.facts["reads"], after.facts["serial"]) == (State.REACHED, 2, "BLD1")
    blade.act(off)  # already off: success, and nothing is sent
    blade.act(on)
    assert blade.look(on).state is State.REACHED


@pytest.mark.parametrize("name", ["redfish", "ipmi"])
@pytest.mark.parametrize("wrong", [{"serial": "BLD9"}, {"uuid": TWO}])
def test_a_wrong_blade_in_the_slot_is_refused(name, wrong, request) -> None:
    blade = request.getfixturevalue(name)
    command = blade.command("machine.power_off", **wrong)
    assert blade.look(command).state is State.REFUSED
    with pytest.raises(Refused, match="belongs to blade BLD1"):
        blade.act(command)


def test_a_chassis_manager_switches_the_blade_that_is_meant_and_no_other(redfish) -> None:
    second = replace(redfish, system=TWO, serial="BLD2", uuid=TWO)
    second.act(second.command("machine.power_off"))
    assert second.look(second.command("machine.power_off")).state is State.REACHED
    assert redfish.look(redfish.command("machine.power_on")).state is State.REACHED, "its neighbour still has power"
    swapped = replace(redfish, system=TWO)
    assert swapped.look(swapped.command("machine.power_off")).state is State.REFUSED


@pytest.mark.parametrize("name", ["redfish", "ipmi"])
def test_a_wrong_password_proves_nothing_and_is_said(name, request) -> None:
    blade = request.getfixturevalue(name)
    account = replace(blade.settings.bmc, password="wrong")
    seen = blade.run(
        lambda e: e.armed["machine.power_off"].look(blade.command("machine.power_off")),
        replace(blade.settings, bmc=account),
    )
    assert seen.state is State.UNKNOWN
    assert "refused us" in seen.detail


def test_a_third_partys_sensors_are_read_and_its_lamp_is_switched(redfish) -> None:
    seen = redfish.look(redfish.command("machine.diagnose_sensors"))
    assert (seen.state, "5 sensor(s) read, none critical" in seen.detail) == (State.REFUSED, True)
    assert redfish.look(redfish.command("machine.diagnose_total")).state is State.REACHED
    for lit in (True, False):
        order = redfish.command("machine.identify", on=lit)
        redfish.act(order)
        assert redfish.look(order).state is State.REACHED


def test_a_controller_without_sensors_or_lamp_says_so(ipmi) -> None:
    seen = ipmi.look(ipmi.command("machine.diagnose_sensors"))
    assert (seen.state, "Invalid command" in seen.detail) == (State.UNKNOWN, True)
    with pytest.raises(InDoubt, match="no good answer came"):
        ipmi.act(ipmi.command("machine.identify", on=True))


def test_an_ipmi_controller_that_is_away_or_hangs_is_given_up_in_time(tmp_path) -> None:
    account = BmcAccount("toban", "secret-word", tmp_path / "ca.pem")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        bmc = IpmiBmc(f"ipmi://127.0.0.1:{silent.getsockname()[1]}", account, timeout=2.0)
        with pytest.raises(Transient, match="does not answer"):
            bmc.read()
        with pytest.raises(Transient):
            bmc.reset("ForceOff")
        assert bmc.leave.withdraw(), "without a session nothing was ordered"


def test_an_address_that_is_none_and_an_order_that_ipmi_does_not_know_are_refused(tmp_path) -> None:
    account = BmcAccount("toban", "secret-word", tmp_path / "ca.pem")
    with pytest.raises(Permanent, match="is no address of an IPMI controller"):
        IpmiBmc("ipmi://", account)
    with pytest.raises(Permanent, match="PushPowerButton cannot be ordered over IPMI"):
        IpmiBmc("ipmi://192.0.2.1", account).reset("PushPowerButton")


def test_a_guid_in_another_byte_order_is_the_same_machine_and_nonsense_is_none() -> None:
    assert "4c4c4544-004b-4a10-804b-c3c04f4d4c31" in other_orders("44454c4c-4b00-104a-804b-c3c04f4d4c31")
    assert other_orders("") == other_orders("not a uuid") == frozenset()
