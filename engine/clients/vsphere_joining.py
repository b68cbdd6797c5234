"""A hypervisor that is to join a cluster: what it answers vCenter, and the order that adds it. Blocking."""

from dataclasses import dataclass, field
from typing import Any

from pyVmomi import vim, vmodl

from engine.clients import vsphere_faults
from engine.clients.vsphere import Session
from engine.model.errors import Permanent

DEPTH = 16
"""Folders that a cluster may lie in, one inside the other."""


@dataclass(frozen=True, slots=True)
class HostLogin:
    """The account of the hypervisors themselves, by which vCenter takes one in."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Which hypervisor is meant, and the certificate that proves it."""

    address: str
    thumbprint: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What vCenter was told by it."""

    uuid: str = ""
    """hardware.systemInfo.uuid, lower case; empty: no answer that counts."""
    managed_by: str = ""
    """Address of the vCenter that has it already."""
    silent: str = ""
    """Why nothing answered, in words: it may answer later."""
    refused: str = ""
    """Why it will not be talked to, in words: waiting does not help."""


def ask(session: Session, cluster_ref: str, newcomer: Newcomer, login: HostLogin) -> Answer:
    """QueryConnectionInfoViaSpec (vSphere API, Datacenter): read only."""
    try:
        found = _datacenter(session, cluster_ref).QueryConnectionInfoViaSpec(_spec(newcomer, login))
    except vim.fault.InvalidLogin:
        return Answer(refused=f"{newcomer.address} refuses the hypervisor account; check `hypervisor` in the settings")
    except vim.fault.SSLVerifyFault:
        return Answer(
            refused=f"{newcomer.address} shows another certificate than the estate says; nothing was told to it"
        )
    except (vim.fault.HostConnectFault, vmodl.fault.HostCommunication) as error:
        return Answer(silent=f"{newcomer.address} does not answer vCenter ({vsphere_faults.words(error)})")
    return Answer(uuid=str(found.host.hardware.uuid or "").lower(), managed_by=str(found.serverIp or ""))


def add(session: Session, cluster_ref: str, newcomer: Newcomer, login: HostLogin) -> str:
    """AddHost_Task, connected at once, never by force; the task's reference."""
    cluster: Any = session.managed(vim.ClusterComputeResource, cluster_ref)
    task: Any = cluster.AddHost_Task(_spec(newcomer, login), True, None, None)
    return str(task._moId)  # noqa: SLF001  pyVmomi's name for the reference


def _spec(newcomer: Newcomer, login: HostLogin) -> Any:
    return vim.host.ConnectSpec(
        hostName=newcomer.address,
        userName=login.user,
        password=login.password,
        sslThumbprint=newcomer.thumbprint,
        force=False,
    )


def _datacenter(session: Session, cluster_ref: str) -> Any:
    """The datacenter that a cluster lies in; raises Permanent if there is none above it."""
    here: Any = session.managed(vim.ClusterComputeResource, cluster_ref)
    for _ in range(DEPTH):
        here = session.read_one(here, ["parent"]).get("parent")
        if here is None or isinstance(here, vim.Datacenter):
            break
    if not isinstance(here, vim.Datacenter):
        msg = f"vCenter shows no datacenter above the cluster {cluster_ref}"
        raise Permanent(msg)
    return here
