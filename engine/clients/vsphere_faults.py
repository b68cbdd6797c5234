"""Every fault and transport error of a vCenter, read as what may follow (VMware fault types as answers)."""

import http.client
import socket
import ssl
from xml.parsers.expat import ExpatError

from pyVmomi import vim, vmodl

from engine.model.errors import InDoubt, Permanent, TobanError, Transient

TRANSPORT = (OSError, http.client.HTTPException, ExpatError, ssl.SSLError, socket.timeout)


class SessionLost(Transient):
    """The login no longer counts; a new one is the cure."""


class LoginRefused(Permanent):
    """Wrong user name or password: trying again soon may lock the account."""


ANY = (*TRANSPORT, vmodl.MethodFault)
"""Whatever a call to a vCenter may raise."""
LOST = (vim.fault.NotAuthenticated,)
OUT_OF_REACH = (
    vmodl.fault.HostNotConnected,
    vmodl.fault.HostNotReachable,
    vmodl.fault.HostCommunication,
    vim.fault.InvalidHostConnectionState,
    vim.fault.HostConnectFault,
)
LATER = (
    vim.fault.TaskInProgress,
    vim.fault.ConcurrentAccess,
    vim.fault.InvalidPowerState,
    vmodl.fault.SystemError,
)
"""Faults that are answers (safety rule S8): look again."""


def is_lost_session(error: Exception) -> bool:
    """A new login is the cure."""
    return isinstance(error, (*LOST, *TRANSPORT, SessionLost))


def words(error: Exception) -> str:
    """What the far side said, in one line with its fault's name."""
    name = type(error).__name__.rpartition(".")[2]
    text = str(getattr(error, "msg", "") or error).splitlines()
    return f"{name}: {text[0]}" if text and text[0] else name


def translated(error: Exception, where: str) -> TobanError:
    """A read or a login that failed, as Transient or Permanent, in one sentence."""
    if isinstance(error, TobanError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted ({error.verify_message}); check ca_file and the name"
        return Permanent(f"{where}: {why}")
    if isinstance(error, TRANSPORT):
        return Transient(f"{where} cannot be reached ({error or type(error).__name__}); check address and network")
    if isinstance(error, (*LOST, *LATER)):
        again = SessionLost if isinstance(error, LOST) else Transient
        return again(f"{where}: {words(error)}")
    if isinstance(error, vim.fault.InvalidLogin):
        return LoginRefused(f"{where}: wrong user name or password; check the account and its password file")
    return Permanent(f"{where}: {_lasting(error)}")


def _lasting(error: Exception) -> str:
    if isinstance(error, vim.fault.NoPermission):
        return f"the account lacks the privilege {error.privilegeId}"
    if isinstance(error, OUT_OF_REACH):
        return f"the host is out of reach ({words(error)})"
    return words(error)


def after_sending(error: Exception, where: str) -> TobanError:
    """An order that failed on its way: a transport error says nothing about whether it was carried out."""
    if isinstance(error, (*TRANSPORT, vmodl.fault.RequestCanceled, vim.fault.Timedout)):
        return InDoubt(f"{where}: the order was sent, no answer came ({error or type(error).__name__})")
    return translated(error, where)
