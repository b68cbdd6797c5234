"""The vSphere endpoint that the contract is held against, and acts on it.

TOBAN_TEST_VCENTER (https://user:password@host:port/sdk) with TOBAN_TEST_CA names a third-party one; without it our own
datacenter simulator is started. What a third party cannot do is skipped with that reason, never passed silently.
"""

import asyncio
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from pyVmomi import vim

from actuators.effectors import Effectors, EffectorSettings
from actuators.redfish.blades import FencePatience
from actuators.vsphere.trails import Trail
from engine.bus.memory import MemoryBus
from engine.clients import vsphere_orders, vsphere_reading
from engine.clients.redfish import BmcAccount
from engine.clients.vsphere import Account
from engine.clock import SystemClock
from engine.model.command import Command, State
from toban import example
from toban.simulator.datacenter import Datacenter

GIVEN = os.environ.get("TOBAN_TEST_VCENTER")


@dataclass(frozen=True)
class Endpoint:
    account: Account
    ours: bool
    world: Datacenter | None = None
    """Our own simulator, where it is that."""

    def needs_ours(self, what: str) -> None:
        if not self.ours:
            pytest.skip(f"the third-party simulator cannot do this: {what}")


@contextmanager
def opened(folder: Path):
    if GIVEN:
        parts = urlsplit(GIVEN)
        url = f"https://{parts.hostname}:{parts.port}{parts.path}"
        ca = Path(os.environ["TOBAN_TEST_CA"])
        yield Endpoint(Account(url, unquote(parts.username or ""), unquote(parts.password or ""), ca), ours=False)
        return
    example.write(folder, example.free_ports(), armed=True, quick=True)
    with Datacenter(folder / "estate.yaml", folder / "datacenter") as world:
        account = Account(world.ready["vcenter"], "toban@vsphere.local", "duty-officer", Path(world.ready["ca"]))
        yield Endpoint(account, ours=True, world=world)


def finished(session, reference):
    while True:
        found = vsphere_reading.task(session, reference)
        assert found is not None
        if found.state in ("success", "error"):
            return found


def some_vm(session):
    rows = session.read(vim.VirtualMachine, ("name", "config.instanceUuid", "runtime.powerState"))
    return next(
        row for row in sorted(rows, key=lambda row: row.get("name")) if row.get("runtime.powerState") == "poweredOn"
    )


def ordered(verb, target, parameters):
    return Command(id="r.s.1", step="s", verb=verb, target=target, parameters={"vcenter": "vc1", **parameters})


@dataclass
class Hands:
    """One effector, and what it told to be kept."""

    effector: object
    references: list

    async def look(self, command, reference=None):
        return await self.effector.look(command, reference)

    async def act(self, command):
        async def called(reference):
            self.references.append(reference)

        await self.effector.act(command, called)


def handled(endpoint, folder, verb, work):
    """What `work` gives with the hands of a verb, and the tasks that were told."""
    bmc = BmcAccount("u", "p", endpoint.account.ca_file)
    settings = EffectorSettings({"vc1": endpoint.account}, bmc, {}, folder / "notices.jsonl", FencePatience())

    async def go():
        effectors = Effectors(settings, MemoryBus(SystemClock()), SystemClock())
        hands = Hands(effectors.armed[verb], [])
        try:
            return await work(hands), [found for found in hands.references if Trail.parse(found) is None]
        finally:
            effectors.close()

    return asyncio.run(go())


def done(endpoint, folder, command):
    """Look, act, look again with what was told last."""

    async def work(hands):
        before = await hands.look(command)
        assert before.state is State.READY, before
        await hands.act(command)
        return await hands.look(command, hands.references[-1])

    return handled(endpoint, folder, command.verb, work)


def host_of(vm):
    return {"name": vm.host.name, "uuid": vm.host.uuid, "ref": vm.host.ref}


def off(session, ref):
    finished(session, session.managed(vim.VirtualMachine, ref).PowerOffVM_Task()._moId)


def on(session, ref):
    finished(session, vsphere_orders.power_on(session, ref))
