"""What one step asks for, and about which objects: `$host` and the like, resolved from the match through the estate."""

from dataclasses import dataclass

from engine.estate import linking, reading
from engine.model import actions, ids, order
from engine.model.estate import Estate, LiveHost, LiveVm, Standing
from engine.model.ids import Kind, ObjectId
from engine.model.match import Match
from engine.model.order import Order
from engine.model.plan import Unplaced
from engine.model.policy import Policy, Step


@dataclass(frozen=True, slots=True)
class Asked:
    """One step of a decided run."""

    run: str
    step: Step
    policy: Policy
    match: Match
    estate: Estate
    tired: frozenset[str] = frozenset()
    """VMs that are not started by a failover once more (safety rule S13)."""

    @property
    def ordered(self) -> Order | None:
        """The order of a person that this is, or None."""
        events = self.match.events
        return order.of(events[0]) if events and events[0].type == order.REQUESTED else None

    def object(self, parameter: str) -> ObjectId | None:
        """The object that a reference stands for; None where the estate does not say."""
        kind = actions.REFERENCES.get(str(self.step.parameters.get(parameter)))
        return linking.related(self.estate, self.match.key, Kind(kind)) if kind is not None else None

    def host(self, parameter: str) -> Standing | Unplaced:
        """The declared host that a reference stands for."""
        name = self.object(parameter)
        place = linking.standings(self.estate.site).get(ids.name_of(name)) if name is not None else None
        if place is None:
            return nothing(f"{self.match.key} is no host of the estate", f"{self.match.key} は未登録のホスト")
        return place

    def place(self, parameter: str) -> Standing | Unplaced:
        """The host that a reference to its machine stands for."""
        name = self.object(parameter)
        host = linking.host_of(self.estate, name) if name is not None else None
        if host is None:
            return nothing(f"{self.match.key} serves no host", f"{self.match.key} はどのホストにも割り当てられていない")
        return self.estate.site.standings[host]

    def live_host(self, parameter: str) -> tuple[Standing, LiveHost] | Unplaced:
        """The host as vCenter shows it, or last showed it."""
        place = self.host(parameter)
        if isinstance(place, Unplaced):
            return place
        live = self.estate.hosts.get(place.host.name)
        if live is None:
            return nothing(f"{place.id} was never seen in vCenter", f"{place.id} は vCenter で未確認")
        return place, live

    def vm(self, parameter: str) -> LiveVm | Unplaced:
        """The one VM that a reference stands for."""
        name = self.object(parameter)
        vm = reading.vm_named(self.estate, ids.name_of(name)) if name is not None else None
        if vm is None:
            en = f"{self.match.key} names no VM, or more than one"
            return nothing(en, f"{self.match.key} に対応する VM が一意でない")
        return vm

    def word(self, parameter: str, otherwise: str) -> str:
        """A parameter that is a word."""
        given = self.step.parameters.get(parameter)
        return given if isinstance(given, str) else otherwise

    def number(self, parameter: str, otherwise: int) -> int:
        """A parameter that is a number."""
        given = self.step.parameters.get(parameter)
        return given if isinstance(given, int) and not isinstance(given, bool) else otherwise


def nothing(en: str, ja: str) -> Unplaced:
    """Why a step comes to nothing, in words."""
    return Unplaced(vm="-", en=en, ja=ja)
