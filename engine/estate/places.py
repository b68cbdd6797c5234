"""Where objects stand, for one round of decisions: their host, the unit they are counted in, what is healthy; pure."""

from functools import cached_property

from engine.estate import linking, reading
from engine.model import ids
from engine.model.estate import Estate, Standing
from engine.model.ids import Kind
from engine.model.policy import Scope


class Places:
    """Answers about one estate, each worked out once."""

    def __init__(self, estate: Estate) -> None:
        """Nothing is worked out before it is asked for."""
        self.estate = estate
        self._places: dict[str, Standing | None] = {}
        self._sizes: dict[tuple[str, str], int] = {}
        self._healthy: dict[str, frozenset[str]] = {}

    def of(self, key: str) -> Standing | None:
        """The host that the object is, carries or runs on."""
        if key not in self._places:
            host = linking.host_of(self.estate, key)
            self._places[key] = self.estate.site.standings.get(host) if host is not None else None
        return self._places[key]

    def itself(self, key: str) -> Standing | None:
        """The host that the object is: a host, or the machine that serves as one; no VM."""
        return self.of(key) if ids.kind_of(key) in (Kind.HOST, Kind.MACHINE) else None

    def anchor(self, key: str) -> str:
        """One name for a blade, whether it was called a machine or a host; everything else is its own."""
        place = self.itself(key)
        return place.id if place is not None else key

    def group(self, key: str) -> str | None:
        """The operation group of the object."""
        place = self.of(key)
        if place is not None:
            return place.group
        return ids.name_of(key) if ids.kind_of(key) is Kind.GROUP else None

    def unit(self, key: str, per: str) -> str:
        """What the object is counted together with; an object that stands nowhere is counted alone."""
        if per == "policy":
            return "policy"
        if ids.kind_of(key) in (Kind.GROUP, Kind.CHASSIS, Kind.CLUSTER):
            return key
        place = self.of(key)
        return self._unit(place, per) if place is not None else key

    def size(self, unit: str, per: str, scope: Scope) -> int:
        """How many hosts are counted together there; for a whole policy those in its scope."""
        if per == "policy":
            text = scope.model_dump_json()
            if ("policy", text) not in self._sizes:
                found = sum(linking.in_scope(self.estate, scope, place.id) for place in self._standings)
                self._sizes[("policy", text)] = found
            return self._sizes[("policy", text)]
        if (per, unit) not in self._sizes:
            self._sizes[(per, unit)] = sum(self._unit(place, per) == unit for place in self._standings)
        return self._sizes[(per, unit)]

    def members(self, group: str) -> int:
        """Hosts of an operation group."""
        return len(self._groups.get(group, ()))

    def hosts_of(self, group: str) -> tuple[Standing, ...]:
        """The hosts of an operation group."""
        return self._groups.get(group, ())

    def healthy(self, group: str) -> frozenset[str]:
        """Ids of the hosts of a group that are connected, powered on and not in maintenance."""
        if group not in self._healthy:
            ours = self._groups.get(group, ())
            found = frozenset(place.id for place in ours if reading.is_healthy(self.estate, place.host.name))
            self._healthy[group] = found
        return self._healthy[group]

    def itself_named(self, key: str) -> tuple[str, ...]:
        """Every name of the object: a blade is called a machine and a host."""
        place = self.itself(key)
        return (key, place.id, place.machine) if place is not None else (key,)

    def around(self, key: str) -> tuple[str, ...]:
        """The object, the host it hangs on, and the VMs on it where it is a host: where a person's hand counts."""
        place = self.of(key)
        if place is None:
            return (key,)
        vms = reading.records_on(self.estate, place.host.name) if self.itself(key) is not None else ()
        return (*self.itself_named(key), place.id, *(f"vm:{vm.name}" for vm in vms))

    @cached_property
    def _standings(self) -> tuple[Standing, ...]:
        return tuple(self.estate.site.standings.values())

    @cached_property
    def _groups(self) -> dict[str, tuple[Standing, ...]]:
        found: dict[str, tuple[Standing, ...]] = {}
        for place in self._standings:
            found[place.group] = (*found.get(place.group, ()), place)
        return found

    def _unit(self, place: Standing, per: str) -> str:
        if per == "chassis":
            return f"chassis:{place.chassis.name}" if place.chassis is not None else "chassis:none"
        live = self.estate.hosts.get(place.host.name) if per == "cluster" else None
        if live is not None and live.cluster is not None:
            return f"cluster:{live.cluster}"
        return f"group:{place.group}"
