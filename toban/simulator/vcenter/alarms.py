"""Alarms: their definitions at the root folder, and the colour of each on each object that it has looked at.

`triggeredAlarmState` of an object names what is yellow or red there or below, `declaredAlarmState` every colour of its
own; of neither is a change ever notified (vSphere API, ManagedEntity, from 5.0 on): a client has to read them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyVmomi import VmomiSupport, vim

from toban.simulator import agenda
from toban.simulator.vcenter.inventory import Inventory
from toban.simulator.vcenter.registry import Registry, reference

TRIGGERED = ("yellow", "red")


@dataclass(frozen=True, slots=True)
class _Look:
    """What one alarm shows on one object."""

    entity: Any
    alarm: Any
    colour: str
    at: datetime


class Alarms:
    """Of one vCenter; callers hold the world's lock."""

    def __init__(self, registry: Registry, inventory: Inventory) -> None:
        """No alarm is defined yet."""
        self._registry, self._inventory = registry, inventory
        self._defined: dict[str, Any] = {}
        self._looks: dict[tuple[str, str], _Look] = {}
        registry.derive(vim.ManagedEntity, "triggeredAlarmState", self._triggered)
        registry.derive(vim.ManagedEntity, "declaredAlarmState", self._declared)

    def turn(self, entity: Any, name: str, colour: str) -> tuple[Any, str]:
        """An alarm turns on an object, and nobody is told; the alarm, and the colour before: gray if it is new."""
        alarm = self._defined.get(name) or self._define(entity, name)
        key = (reference(entity), reference(alarm))
        before = self._looks.pop(key, None)
        self._looks[key] = _Look(entity, alarm, colour, agenda.now())
        return alarm, before.colour if before is not None else "gray"

    def _define(self, entity: Any, name: str) -> Any:
        ref = self._registry.next_ref("alarm")
        info = vim.alarm.AlarmInfo(
            name=name,
            description=name,
            enabled=True,
            expression=vim.alarm.EventAlarmExpression(
                eventType=vim.event.EventEx, objectType=type(entity), status="red"
            ),
            key="",
            alarm=vim.alarm.Alarm(ref),
            entity=self._inventory.root,
            lastModifiedTime=agenda.now(),
            lastModifiedUser="",
            creationEventId=0,
        )
        self._defined[name] = self._registry.add(vim.alarm.Alarm, ref, info=info)
        return self._defined[name]

    def _triggered(self, here: Any) -> Any:
        return _states(one for one in self._known() if one.colour in TRIGGERED and self._below(one.entity, here))

    def _declared(self, here: Any) -> Any:
        return _states(one for one in self._known() if one.entity == here)

    def _known(self) -> list[_Look]:
        """A removed object takes its colours along."""
        return [one for one in self._looks.values() if self._registry.knows(reference(one.entity))]

    def _below(self, one: Any, here: Any) -> bool:
        place = one
        while place is not None and place != here:
            place = self._registry.properties(place).get("parent")
        return place is not None


def _states(looks: Any) -> Any:
    made = [
        vim.alarm.AlarmState(
            key=f"{reference(one.alarm)}.{reference(one.entity)}",
            entity=one.entity,
            alarm=one.alarm,
            overallStatus=one.colour,
            time=one.at,
            acknowledged=False,
        )
        for one in looks
    ]
    return VmomiSupport.GetVmodlType("vim.alarm.AlarmState[]")(made)
