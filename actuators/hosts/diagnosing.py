"""host.diagnose: is it us, the network, or this machine alone? Read only (domain: diagnose and power off)."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from actuators import parameters
from actuators.redfish.blades import Blade, Blades
from actuators.vsphere.world import Looking, World, misnamed, refused, unknown
from engine.clients import vsphere_reading
from engine.clients.redfish import Power
from engine.clients.vsphere_reading import HostFacts, HostStanding
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Permanent, Refused, TobanError

WORDS = ("connected", "notResponding", "disconnected")
"""What vCenter may say about a connection; any other word is no word at all."""


@dataclass(frozen=True, slots=True)
class Symptoms:
    """Everything that was read."""

    host: HostFacts | None
    power: Power | None
    """None: the BMC could not be read, or belongs to another blade."""
    bmc: str
    """Why it counts for nothing, if it does."""
    peers: Mapping[str, HostStanding | None]
    """The other hosts of its group by name; None: not in the inventory."""

    @property
    def off(self) -> bool:
        """Its own BMC says that it has no power."""
        return self.power is not None and self.power.on is False

    @property
    def told(self) -> dict[str, JsonValue]:
        """As facts for the journal."""
        peers: dict[str, JsonValue] = {
            name: peer.connection if peer is not None else "absent" for name, peer in self.peers.items()
        }
        bmc = self.bmc if self.power is None else f"{self.power.word}, health {self.power.health or 'not told'}"
        return {"connection": self.host.connection if self.host is not None else None, "bmc": bmc, "peers": peers}


def judge(seen: Symptoms, name: str) -> Sighting:
    """REACHED: this machine alone is in trouble. Pure."""
    verdict = _of_itself(seen, name) or _of_its_group(seen, name)
    return Sighting(verdict.state, verdict.detail, seen.told)


def _of_itself(seen: Symptoms, name: str) -> Sighting | None:
    """The verdict that needs no look at others, or None."""
    host = seen.host
    if host is None:
        return unknown(f"no host with the UUID of {name} is in the inventory; nothing is known about it")
    if host.name != name:
        return refused(misnamed(host, name))
    if host.connection not in WORDS:
        return unknown(f"vCenter says {host.connection} about {name}")
    if host.connection == "connected":
        return _answering(seen, name)
    if host.maintenance is True:
        return refused(f"{name} is in maintenance mode: somebody works on it, and it carries no VM")
    if host.connection == "disconnected" and not seen.off:
        return unknown(f"vCenter was told not to watch {name}, and its BMC does not say that it is off")
    return None


def _answering(seen: Symptoms, name: str) -> Sighting:
    if seen.power is None:
        return unknown(f"{name} answers vCenter, its BMC says nothing that counts: {seen.bmc}")
    if seen.power.on is not True:
        return unknown(f"{name} answers vCenter, but its BMC says {seen.power.word}: one of the two is wrong")
    if seen.power.health == "Critical":
        return refused(
            f"{name} answers vCenter; its hardware is Critical: move its VMs away first, nothing is powered off"
        )
    return refused(f"{name} answers vCenter and its BMC shows power and no fault: it is alive, nothing is powered off")


def _of_its_group(seen: Symptoms, name: str) -> Sighting:
    """It does not answer; so how do the others stand?"""
    known = {peer: stands for peer, stands in seen.peers.items() if stands is not None}
    unread = sorted(peer for peer, stands in known.items() if stands.connection not in WORDS)
    if unread:
        return unknown(f"vCenter says {known[unread[0]].connection} about {unread[0]}, which {name} is compared with")
    alike = sorted(p for p, s in known.items() if s.connection == "notResponding" and not s.stopped_on_purpose)
    if alike:
        wide = f"{', '.join(alike)} of its group do not answer either: the problem is wider than {name}"
        return refused(f"{wide}, nothing is powered off")
    sound = sorted(peer for peer, stands in known.items() if stands.connection == "connected")
    if not sound and not seen.off:
        return unknown(f"{name} does not answer, and no other host of its group does: it could be the network or us")
    return Sighting(State.REACHED, f"{name} alone does not answer (its BMC: {seen.told['bmc']})")


class Diagnose(Looking):
    """Looks at the host, at its BMC and at the other hosts of its group."""

    def __init__(self, world: World, blades: Blades) -> None:
        """Both wires are handed in."""
        super().__init__(world)
        self._blades = blades

    async def _see(self, command: Command) -> Sighting:
        name, others = parameters.text(command, "name"), _others(command)
        host, peers = await self._world.host(command), await self._stand(others)
        power, why = await self._power(command)
        return judge(Symptoms(host, power, why, peers), name)

    async def _power(self, command: Command) -> tuple[Power | None, str]:
        blade = Blade.of(command, uuid="machine_uuid")
        try:
            seen = await self._blades.read(blade)
        except TobanError as error:
            return None, str(error)
        wrong = blade.mismatch(seen)
        return (None, wrong) if wrong is not None else (seen, "")

    async def _stand(self, others: Mapping[str, tuple[str, ...]]) -> dict[str, HostStanding | None]:
        """Raises Transient if a vCenter that knows one of them cannot be asked, Permanent for a name held twice."""
        found: dict[str, HostStanding | None] = {}
        for vcenter, names in others.items():
            hosts = await self._world.vcenters.ask(vcenter, vsphere_reading.standings)
            for name in names:
                standings = hosts.get(name, ())
                if len(standings) > 1:
                    msg = f"{len(standings)} hosts are named {name} in vCenter {vcenter}; which one counts is not known"
                    raise Permanent(msg)
                found[name] = standings[0] if standings else None
        return found

    async def act(self, command: Command, called: Called) -> None:  # noqa: ARG002  the port's shape
        """Never: there is nothing to do."""
        msg = f"{command.verb} only looks"
        raise Refused(msg)


def _others(command: Command) -> dict[str, tuple[str, ...]]:
    """Names by vCenter of the hosts to compare with; raises Permanent for anything but a list of them."""
    given = command.parameters.get("peers")
    found: dict[str, tuple[str, ...]] = {}
    for peer in given if isinstance(given, list) else (None,):
        vcenter, name = (peer.get("vcenter"), peer.get("name")) if isinstance(peer, dict) else (None, None)
        if not isinstance(vcenter, str) or not isinstance(name, str):
            msg = f"command {command.id} has no list of peers, each with vcenter and name; nothing is done"
            raise Permanent(msg)
        found[vcenter] = (*found.get(vcenter, ()), name)
    return found
