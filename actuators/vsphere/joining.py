"""host.add: a hypervisor joins its cluster, once it answers and is proven to run on the blade that was meant (S6)."""

from actuators import parameters
from actuators.vsphere.trails import About
from actuators.vsphere.world import Looking, World, misnamed, refused
from engine.clients import vsphere_joining, vsphere_reading
from engine.clients.vsphere_joining import Answer, HostLogin, Newcomer
from engine.clients.vsphere_reading import HostFacts
from engine.model.command import Called, Command, Sighting, State
from engine.model.errors import Refused


def known(host: HostFacts, name: str) -> Sighting:
    """What is to do about a host that is in the inventory already; pure."""
    if host.name != name:
        return refused(misnamed(host, name))
    if host.connected:
        return Sighting(State.REACHED, f"{name} is connected", {"host": host.ref})
    if host.connection == "notResponding":
        return Sighting(State.BUSY, f"{name} is in the inventory; waiting for it to answer")
    return refused(f"{name} is in the inventory, and {host.connection}: a person took it out, a person takes it in")


def judge(answer: Answer, name: str, uuid: str) -> Sighting:
    """What is to do about one that is not; pure."""
    if answer.silent:
        return Sighting(State.BUSY, answer.silent)
    if answer.refused:
        return refused(answer.refused)
    if answer.uuid != uuid:
        return refused(f"{name} runs on a machine with UUID {answer.uuid or 'untold'}, not {uuid} (safety rule S6)")
    if answer.managed_by:
        return refused(f"{name} is managed by the vCenter at {answer.managed_by} already")
    return Sighting(State.READY, f"{name} answers and runs on the blade that was meant", {"uuid": answer.uuid})


class Join(Looking):
    """AddHost_Task without force."""

    def __init__(self, world: World, login: HostLogin | None) -> None:
        """`login`: the hypervisors' own account; None: the site has none, and nothing joins."""
        super().__init__(world)
        self._login = login

    async def _see(self, command: Command) -> Sighting:
        name, uuid = parameters.text(command, "name"), parameters.text(command, "uuid").lower()
        host = await self._world.host(command)
        if host is not None:
            return known(host, name)
        namesake = await self._world.ask(command, lambda session: vsphere_reading.host_by_name(session, name))
        if namesake is not None:
            return refused(f"another machine ({namesake.uuid}) is in the inventory as {name}; a person must remove it")
        login = self._login
        if login is None:
            return refused("the settings name no account of the hypervisors; add `hypervisor: {user, password_file}`")
        cluster, newcomer = parameters.text(command, "cluster_ref"), _newcomer(command)
        answer = await self._world.ask(command, lambda session: vsphere_joining.ask(session, cluster, newcomer, login))
        return judge(answer, name, uuid)

    async def act(self, command: Command, called: Called) -> None:
        """One order after one more look, followed to its end; raises Refused if it no longer fits."""
        now, login = await self._see(command), self._login
        if now.state is State.REACHED:
            return
        if now.state is not State.READY or login is None:
            raise Refused(now.detail)
        cluster, newcomer = parameters.text(command, "cluster_ref"), _newcomer(command)
        about = About("ClusterComputeResource", cluster, ("addHost",))
        task = await self._world.order(
            command, called, lambda session: vsphere_joining.add(session, cluster, newcomer, login), about
        )
        await self._world.finish(command, task)


def _newcomer(command: Command) -> Newcomer:
    return Newcomer(parameters.text(command, "name"), parameters.text(command, "thumbprint"))
