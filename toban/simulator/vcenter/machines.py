"""Orders to VMs, with the refusals of the real thing; what runs really changes in the truth only."""

from collections.abc import Callable
from typing import Any

from pyVmomi import vim, vmodl

from toban.simulator.truth import Locked
from toban.simulator.vcenter.belief import Off, On
from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.sessions import Session
from toban.simulator.vcenter.tasks import Waiting

MOVED, COPIED = "2", "1"


def power_on(center: Center, session: Session, vm: Any, host: Any = None) -> Any:
    """PowerOnVM_Task."""
    center.registry.find(vm)
    return center.start(
        "PowerOnVM_Task", vm, center.seconds.power, lambda: _start(center, vm, host), session.user or ""
    )


def power_on_many(center: Center, session: Session, _: Any, vms: Any, __: Any = None) -> Any:
    """PowerOnMultiVM_Task, without DRS: one after another, each where its record is."""
    chosen = [center.registry.find(vm) for vm in vms]
    if not chosen:
        raise vmodl.fault.InvalidArgument(msg="no VM", invalidProperty="vm")
    return [power_on(center, session, vm) for vm in chosen][-1]


def _start(center: Center, vm: Any, asked: Any) -> None:
    inventory = center.inventory
    if inventory.get(vm, "runtime.powerState") != vim.VirtualMachine.PowerState.suspended:
        require_state(center, vm, Off, On)
    _require_seen(center, vm)
    host = inventory.get(vm, "runtime.host")
    if asked is not None and asked != host:
        raise vmodl.fault.NotSupported(msg="this cluster has no DRS; the VM starts where it is registered")
    center.require_reach(host)
    require_service(center, host)
    _ask(center, vm)
    if inventory.files(vm).datastore in center.truth.full:
        raise vim.fault.NoDiskSpace(msg="no space left for the swap file", datastore=inventory.files(vm).datastore)
    try:
        center.truth.start(inventory.files(vm).name, inventory.truth_of(host).name, "PowerOn through vCenter")
    except Locked as error:
        path = inventory.get(vm, "config.files.vmPathName")
        raise vim.fault.FileLocked(msg="Unable to access a file since it is locked", file=path) from error
    center.belief.show_power(vm, on=True)


def _ask(center: Center, vm: Any) -> None:
    inventory, questions = center.inventory, center.questions
    name = inventory.files(vm).name
    if name not in questions.will_ask:
        return
    answer = questions.answered.get(vm._moId)  # noqa: SLF001  pyVmomi's name for the reference
    if answer is None:
        if inventory.get(vm, "runtime.question") is None:
            inventory.set(vm, "runtime.question", _question())
        raise Waiting
    questions.will_ask.discard(name)
    center.truth.ledger.write("vm.answered", vm=name, answer="moved" if answer == MOVED else "copied")


def _question() -> Any:
    def choice(key: str, label: str, summary: str) -> Any:
        return vim.ElementDescription(key=key, label=label, summary=summary)

    options = [
        choice("0", "button.uuid.cancel", "Cancel"),
        choice(COPIED, "button.uuid.copiedTheVM", "I _Copied It"),
        choice(MOVED, "button.uuid.movedTheVM", "I _Moved It"),
    ]
    return vim.vm.QuestionInfo(
        id="_vmx1",
        text="msg.uuid.altered:This virtual machine might have been moved or copied.",
        choice=vim.option.ChoiceOption(choiceInfo=options, defaultIndex=1),
        message=[vim.vm.Message(id="msg.uuid.altered", text="This virtual machine might have been moved or copied.")],
    )


def answer(center: Center, _: Session, vm: Any, question: str, choice: str) -> None:
    """AnswerVM."""
    asked = center.inventory.get(center.registry.find(vm), "runtime.question")
    if asked is None or asked.id != question:
        raise vmodl.fault.InvalidArgument(msg="no such question", invalidProperty="questionId")
    if choice not in [one.key for one in asked.choice.choiceInfo]:
        raise vmodl.fault.InvalidArgument(msg="no such choice", invalidProperty="answerChoice")
    center.questions.answered[vm._moId] = choice  # noqa: SLF001
    center.inventory.set(vm, "runtime.question", None)


def power_off(center: Center, session: Session, vm: Any) -> Any:
    """PowerOffVM_Task."""
    center.require_reach(center.inventory.get(center.registry.find(vm), "runtime.host"))
    require_state(center, vm, On, Off)

    def work() -> None:
        host = center.inventory.get(vm, "runtime.host")
        center.require_reach(host)
        center.truth.stop(center.inventory.files(vm).name, center.inventory.truth_of(host).name, "PowerOff by vCenter")
        center.belief.show_power(vm, on=False)

    return center.start("PowerOffVM_Task", vm, center.seconds.power, work, session.user or "")


def reset(center: Center, session: Session, vm: Any) -> Any:
    """ResetVM_Task: the guest starts anew without an orderly end."""
    _require_seen(center, center.registry.find(vm))
    require_state(center, vm, On, Off)

    def work() -> None:
        host = center.inventory.get(vm, "runtime.host")
        center.require_reach(host)
        require_state(center, vm, On, Off)
        center.truth.reset(center.inventory.files(vm).name, center.inventory.truth_of(host).name, "reset by vCenter")

    task = center.start("ResetVM_Task", vm, center.seconds.power, work, session.user or "")
    center.announce(task, center.events.about_vm(vim.event.VmResettingEvent, vm))
    return task


def suspend(center: Center, session: Session, vm: Any) -> Any:
    """SuspendVM_Task: the copy stops; its memory lies on the datastore."""
    center.require_reach(center.inventory.get(center.registry.find(vm), "runtime.host"))
    require_state(center, vm, On, Off)

    def work() -> None:
        inventory, host = center.inventory, center.inventory.get(vm, "runtime.host")
        center.require_reach(host)
        center.truth.stop(inventory.files(vm).name, inventory.truth_of(host).name, "suspended by vCenter")
        inventory.set(vm, "runtime.powerState", vim.VirtualMachine.PowerState.suspended)
        center.events.post(center.events.about_vm(vim.event.VmSuspendedEvent, vm))

    return center.start("SuspendVM_Task", vm, center.seconds.power, work, session.user or "")


def require_service(center: Center, host: Any) -> None:
    """Raises InvalidState for a host in maintenance mode."""
    if center.inventory.get(host, "runtime.inMaintenanceMode"):
        raise vim.fault.InvalidState(msg="the host is in maintenance mode")


def _require_seen(center: Center, vm: Any) -> None:
    center.require_reach(center.inventory.get(vm, "runtime.host"))
    state = center.inventory.get(vm, "runtime.connectionState")
    if state != vim.VirtualMachine.ConnectionState.connected:
        raise vim.fault.InvalidState(msg=f"the VM is {state}")


def require_state(center: Center, vm: Any, wanted: Any, other: Any) -> None:
    """Raises InvalidPowerState for a VM in another power state than `wanted`; the act would bring it to `other`."""
    now = center.inventory.get(vm, "runtime.powerState")
    if now != wanted:
        words = "the VM is not in the power state that this needs"
        raise vim.fault.InvalidPowerState(msg=words, requestedState=other, existingState=now)


def guest_stop(center: Center, session: Session, vm: Any) -> None:
    """ShutdownGuest: asks only; the guest obeys a little later."""
    power_off(center, session, vm)


METHODS: dict[str, Callable[..., Any]] = {
    "PowerOnVM_Task": power_on,
    "PowerOnMultiVM_Task": power_on_many,
    "PowerOffVM_Task": power_off,
    "ShutdownGuest": guest_stop,
    "ResetVM_Task": reset,
    "SuspendVM_Task": suspend,
    "AnswerVM": answer,
}
