"""A stock vSphere client at the datacenter simulator, as any tool would use it."""

import ssl
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

from toban import example
from toban.simulator.datacenter import Datacenter

query = vmodl.query.PropertyCollector
QUICK = "detect_after: 0.2, return_after: 0.1, boot_after: 0.3, shutdown_after: 0.3"


@contextmanager
def running(folder):
    example.write(folder, example.free_ports(), armed=True, quick=True)
    path = folder / "estate.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("detect_after: 2.0", QUICK), encoding="utf-8")
    with Datacenter(path, folder / "datacenter") as found:
        yield found
        assert found.ask({"do": "ledger"})["failures"] == []


@contextmanager
def connected(world):
    where = urlsplit(world.ready["vcenter"])
    context = ssl.create_default_context(cafile=str(Path(world.ready["ca"])))
    found = SmartConnect(
        host=where.hostname, port=where.port, user="toban@vsphere.local", pwd="duty-officer", sslContext=context
    )
    try:
        yield found
    finally:
        Disconnect(found)
        found._stub.DropConnections()


def spec(client, kind, *paths):
    content = client.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    walk = query.TraversalSpec(name="v", type=type(view), path="view", skip=False)
    start = query.ObjectSpec(obj=view, skip=True, selectSet=[walk])
    return query.FilterSpec(objectSet=[start], propSet=[query.PropertySpec(type=kind, pathSet=list(paths))])


def named(client, kind):
    return {one.name: one for one in spec(client, kind, "name").objectSet[0].obj.view}


def vms(client):
    return named(client, vim.VirtualMachine)


def hosts(client):
    return named(client, vim.HostSystem)
