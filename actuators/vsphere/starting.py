"""vm.power_on: start a VM where it is registered; the one question that may be answered, and the lock that may not."""

import structlog

from actuators import parameters
from actuators.vsphere.tasks import TaskFailed
from actuators.vsphere.trails import About
from actuators.vsphere.world import Looking, refused, unknown
from engine.clients import vsphere_orders
from engine.clients.vsphere_reading import Question, VmFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Permanent

log = structlog.get_logger()

LOCKED = frozenset({"FileLocked", "FileFault", "CannotAccessFile", "GenericVmConfigFault"})
LOCK_PATIENCE = 60.0
"""Seconds in which a dead host's lock may still run out."""
LOCK_PAUSE = 10.0
ALTERED = "msg.uuid.altered"


def moved(question: Question) -> str:
    """The key of the answer "moved"; raises Permanent for any other question (it keeps UUID and MAC)."""
    if ALTERED not in question.message:
        msg = f"the VM asks what only a person may answer: {question.message}"
        raise Permanent(msg)
    for key, label in question.choices:
        if "movedthevm" in f"{key} {label}".lower().replace("_", "").replace(" ", ""):
            return key
    msg = f"the VM asks {ALTERED}, but offers no answer that says moved"
    raise Permanent(msg)


def judge(vm: VmFacts | None, name: str) -> Sighting:
    """What the record allows; pure."""
    if vm is None:
        return unknown(f"{name} is not in the inventory; it cannot be started")
    where = vm.host.name if vm.host is not None else "no host"
    if vm.host is None or not vm.host.connected or vm.connection != "connected":
        return unknown(f"{name} is recorded at {where}, which vCenter cannot see")
    if vm.power == "poweredOn":
        return Sighting(State.REACHED, f"{name} runs at {where}", {"host": where, "boot_time": vm.boot_time})
    if not vm.host.in_service:
        return refused(f"{where} is in maintenance mode, or vCenter does not say that it is not")
    return Sighting(State.READY, f"{name} is {vm.power} at {where}", {"vm": vm.ref, "host": where})


class PowerOn(Looking):
    """PowerOnVM_Task."""

    async def _see(self, command: Command) -> Sighting:
        return judge(await self._world.vm(command), parameters.text(command, "name"))

    async def act(self, command: Command, called: Called) -> None:
        """Starts once; a locked disk is tried again for 60 s, then it is a reason to stop (safety rule S5)."""
        until = self._world.clock.monotonic() + LOCK_PATIENCE
        while True:
            try:
                await self._start(command, called)
            except TaskFailed as error:
                if error.fault == "InvalidPowerState":  # it is on: the next look says so
                    return
                if error.fault not in LOCKED:
                    raise
                if self._world.clock.monotonic() >= until:
                    name = parameters.text(command, "name")
                    msg = f"held: somebody still holds the disks of {name} ({error.fault}); its old copy may live"
                    raise Permanent(msg) from error
                log.warning("vm.locked", command=command.id, fault=error.fault)
                await self._world.clock.sleep(LOCK_PAUSE)
            else:
                return

    async def _start(self, command: Command, called: Called) -> None:
        vm = await self._world.vm(command)
        if vm is None:
            msg = f"{parameters.text(command, 'name')} is not in the inventory any more"
            raise Permanent(msg)
        about = About("VirtualMachine", vm.ref, ("powerOn",))
        reference = await self._world.order(command, called, lambda s: vsphere_orders.power_on(s, vm.ref), about)
        await self._finish(command, reference)

    async def follow(self, command: Command, reference: str) -> None:
        """Wait for a start that an earlier life ordered."""
        await self._finish(command, reference)

    async def _finish(self, command: Command, reference: str) -> None:
        async def meanwhile() -> None:
            await self._answer(command)

        await self._world.finish(command, reference, meanwhile)

    async def _answer(self, command: Command) -> None:
        vm = await self._world.vm(command)
        if vm is None or vm.question is None:
            return
        question, key = vm.question, moved(vm.question)
        log.info("vm.answered", command=command.id, question=question.message, answer="moved")
        await self._world.ask(command, lambda session: vsphere_orders.answer(session, vm.ref, question.id, key))
