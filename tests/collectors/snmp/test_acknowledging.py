"""A controller is told that its Platform Event Trap is stored, once for each copy, and nobody else is told anything."""

import asyncio
import contextlib
import socket

import pytest
from pyghmi.ipmi.private import session as pyghmi

from collectors.snmp.origins import Origins
from engine.bus.memory import MemoryBus
from engine.clients import ipmi_pet, snmp
from engine.clock import SystemClock
from engine.model.errors import Transient
from tests.collectors.snmp import traps, wires
from tests.engine.clients.snmp.vectors import vectors

GUID = bytes(range(1, 17))
BLOCK = GUID + bytes.fromhex("0102 11223344 ffff 2020 10 20 73 17 01 0107ff aabbccddee 19 000002a2 0000 c1")
"""Sequence 0102h, time 11223344h, event source 20h, sensor 20h/73h, event data 01 07 ff."""
DECLARED = Origins(machines_by_address={"127.0.0.1": "machine:chassis1/1"})


def test_an_acknowledgement_repeats_what_names_the_trap_and_its_checksums_are_right() -> None:
    datagram = ipmi_pet.acknowledgement(BLOCK)
    assert datagram is not None
    assert datagram[:14] == bytes.fromhex("0600ff07 00 00000000 00000000 13"), "RMCP, no session, 19 octets"
    message = datagram[14:]
    assert len(message) == 0x13
    assert message[:2] == bytes((0x20, 0x04 << 2))
    assert message[3:6] == bytes((0x81, 0, 0x17))
    assert message[6:18] == bytes.fromhex("0201 44332211 20 20 73 0107ff"), "least octet first"
    assert message[2] == pyghmi._checksum(*message[:2]), "by pyghmi's reckoning"
    assert message[18] == pyghmi._checksum(*message[3:18])


def test_a_block_that_ends_before_its_event_data_cannot_be_acknowledged() -> None:
    assert ipmi_pet.acknowledgement(BLOCK[:33]) is None
    assert ipmi_pet.acknowledgement(BLOCK[:34]) is not None


def test_every_block_of_the_field_samples_can_be() -> None:
    found = 0
    for name, datagram in vectors("reconstructed").items():
        decoded = snmp.decode(datagram)
        values = [item.value for item in decoded.varbinds if item.oid.startswith("1.3.6.1.4.1.3183.1.1.1")]
        for block in values:
            assert ipmi_pet.acknowledgement(block) is not None, name
            found += 1
    assert found >= 4


class Controller:
    """Where acknowledgements go."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    def told(self) -> list[bytes]:
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.socket.recv(100))
        return found


@pytest.fixture
def controller():
    found = Controller()
    yield found
    found.socket.close()


def listening(folder, controller, monkeypatch, bus=None, origins=DECLARED):
    monkeypatch.setattr(wires, "ORIGINS", origins)
    return wires.listening(folder, bus, acknowledge=controller.port if controller else None)


def heard(folder, controller, monkeypatch, *datagrams, origins=DECLARED, **counts):
    async def go():
        async with listening(folder, controller, monkeypatch, origins=origins) as wire:
            for datagram in datagrams:
                wire.send(datagram)
                await asyncio.sleep(0.02)
            await wire.until(received=len(datagrams), **counts)
            await asyncio.sleep(0.1)
            return await wire.events(), wire.listener.counts()

    return asyncio.run(go())


def test_each_copy_of_a_stored_trap_is_acknowledged_and_stored_once(tmp_path, controller, monkeypatch) -> None:
    trap = traps.pet(356096, BLOCK)
    events, counts = heard(tmp_path, controller, monkeypatch, trap, trap, trap, acknowledged=3)
    assert [event.type for event in events] == ["chassis.intrusion"]
    assert controller.told() == [ipmi_pet.acknowledgement(BLOCK)] * 3
    assert (counts.acknowledged, counts.duplicates) == (3, 2)


def test_other_traps_and_strangers_are_told_nothing(tmp_path, controller, monkeypatch) -> None:
    heard(tmp_path, controller, monkeypatch, traps.blade(22056, 1), published=1)
    assert controller.told() == []
    _, counts = heard(
        tmp_path / "b", controller, monkeypatch, traps.pet(356096, BLOCK), origins=traps.ORIGINS, published=1
    )
    assert controller.told() == []
    assert counts.acknowledged == 0


def test_where_it_is_switched_off_nobody_is_told(tmp_path, controller, monkeypatch) -> None:
    _, counts = heard(tmp_path, None, monkeypatch, traps.pet(356096, BLOCK), published=1)
    assert counts.acknowledged == 0
    assert controller.told() == []


def test_while_nothing_can_be_stored_nothing_is_acknowledged(tmp_path, controller, monkeypatch) -> None:
    class Away(MemoryBus):
        away = True

        async def publish(self, event):
            if self.away:
                raise Transient("no broker", retry_after=0.05)
            return await super().publish(event)

    async def go():
        bus = Away(SystemClock())
        async with listening(tmp_path, controller, monkeypatch, bus) as wire:
            wire.send(traps.pet(356096, BLOCK))
            await wire.until(spooled=1)
            await asyncio.sleep(0.2)
            before = controller.told()
            bus.away = False
            await wire.until(acknowledged=1)
            return before, controller.told()

    before, after = asyncio.run(go())
    assert before == []
    assert after == [ipmi_pet.acknowledgement(BLOCK)]
