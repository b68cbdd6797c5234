"""Every fault and transport error of a vCenter, read as what may follow (VMware fault types as answers)."""

import http.client
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar
from xml.parsers.expat import ExpatError

from pyVmomi import vim, vmodl

from engine.model.errors import InDoubt, Permanent, TobanError, Transient

T = TypeVar("T")
TRANSPORT = (OSError, http.client.HTTPException, ExpatError, ssl.SSLError, socket.timeout)


class SessionLost(Transient):
    """The login no longer counts; a new one is the cure."""


class Unreadable(Transient):
    """The answer holds something that pyVmomi cannot parse, such as a type of a later version."""


class LoginRefused(Permanent):
    """Wrong user name or password: trying again soon may lock the account."""


class CertificateRefused(Permanent):
    """Whoever answers there has a certificate that is not the vCenter's: a changed one, or an impostor."""


ANY = (*TRANSPORT, vmodl.MethodFault)
"""Whatever a call to a vCenter may raise."""
LOST = (vim.fault.NotAuthenticated,)
GONE = (vmodl.fault.ManagedObjectNotFound, vmodl.query.InvalidCollectorVersion, vmodl.fault.RequestCanceled)
"""What a collector, view or filter answers that is no more."""
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


def parsed(call: Callable[[], T]) -> T:
    """What a call gives; raises Unreadable for what pyVmomi's parser stumbles over."""
    try:
        return call()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ANY):  # a refused certificate is a ValueError too
            raise
        msg = f"an answer of this vCenter cannot be parsed ({type(error).__name__}: {error})"[:300]
        raise Unreadable(msg) from error


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
        return CertificateRefused(f"{where}: {why}")
    if isinstance(error, TRANSPORT):
        return Transient(f"{where} cannot be reached ({error or type(error).__name__}); check address and network")
    if isinstance(error, (*LOST, *LATER)):
        again = SessionLost if isinstance(error, LOST) else Transient
        return again(f"{where}: {words(error)}")
    if isinstance(error, vim.fault.InvalidLogin):
        return LoginRefused(f"{where}: wrong user name or password; check the account and its password file")
    return Permanent(f"{where}: {_lasting(error)}")


def of_a_watch(error: Exception, where: str) -> TobanError:
    """A watch that failed: what its session had made is gone with the session, and is made anew."""
    if isinstance(error, GONE):
        return SessionLost(f"{where} has forgotten what this session had made ({words(error)})")
    return translated(error, where)


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
