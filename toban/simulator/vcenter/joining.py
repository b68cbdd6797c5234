"""Hosts that come into a cluster: what their hypervisor answers, and adding them."""

from collections.abc import Callable
from typing import Any

from pyVmomi import vim

from toban.simulator.truth import Host
from toban.simulator.vcenter import records
from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.sessions import Session


def connection(center: Center, _: Session, datacenter: Any, spec: Any) -> Any:
    """QueryConnectionInfoViaSpec: vCenter asks the hypervisor who it is, and changes nothing."""
    center.registry.find(datacenter)
    host = _answering(center, spec)
    slot, taken = host.blade.slot, host.name in center.inventory.hosts
    hardware = vim.host.Summary.HardwareSummary(
        vendor="HPE",
        model="ProLiant BL460c",
        uuid=slot.uuid,
        memorySize=host.memory_mb * 1024**2,
        cpuModel="Xeon",
        cpuMhz=host.mhz,
        numCpuPkgs=1,
        numCpuCores=host.cores,
        numCpuThreads=host.cores,
        numNics=2,
        numHBAs=1,
    )
    summary = vim.host.Summary(
        hardware=hardware,
        config=vim.host.Summary.ConfigSummary(
            name=host.name, port=443, vmotionEnabled=True, faultToleranceEnabled=False
        ),
        quickStats=vim.host.Summary.QuickStats(),
        overallStatus="green",
        rebootRequired=False,
    )
    return vim.host.ConnectInfo(
        serverIp="127.0.0.1" if taken else None,
        inDasCluster=False,
        host=summary,
        vimAccountNameRequired=False,
        clusterSupported=True,
    )


def add(center: Center, session: Session, cluster: Any, spec: Any, *_: Any) -> Any:
    """AddHost_Task: a host of the datacenter comes (back) into the cluster with what runs on it."""
    center.registry.find(cluster)

    def work() -> Any:
        host = _answering(center, spec)
        if host.name in center.inventory.hosts:
            raise vim.fault.DuplicateName(msg=f"{host.name} is here", name=host.name, object=cluster)
        record = records.add_host(center.inventory, host)
        center.inventory.touch(center.inventory.cluster, "host")
        center.truth.ledger.write("host.added", host=host.name)
        center.events.post(center.events.about_host(vim.event.HostAddedEvent, record))
        return record

    return center.start("AddHost_Task", cluster, center.seconds.disconnect, work, session.user or "")


def _answering(center: Center, spec: Any) -> Host:
    """The hypervisor behind an address, if it answers this caller."""
    host = center.truth.hosts.get(spec.hostName or "")
    if host is None or not host.reachable:
        raise vim.fault.NoHost(msg=f"{spec.hostName} does not answer.", name=spec.hostName or "")
    if host.thumbprint and spec.sslThumbprint != host.thumbprint:
        raise vim.fault.SSLVerifyFault(
            msg="The certificate is not verified.", thumbprint=host.thumbprint, selfSigned=True
        )
    account = center.hypervisor
    if account is not None and (spec.userName, spec.password) != (account.user, account.password):
        raise vim.fault.InvalidLogin(msg="Wrong user name or password.")
    return host


METHODS: dict[str, Callable[..., Any]] = {
    "QueryConnectionInfoViaSpec": connection,
    "AddHost_Task": add,
}
