"""A blade's BMC over Redfish, by sushy. Blocking: callers run it through `offload`."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import sushy
from sushy import auth, connector, exceptions

from engine.model.errors import ConfigurationError, InDoubt, Permanent, TobanError, Transient

logging.getLogger("sushy").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class BmcAccount:
    """A login, and the certificate authority that the BMC is checked against."""

    user: str
    password: str = field(repr=False)
    ca_file: Path


@dataclass(frozen=True, slots=True)
class Power:
    """Who answered and what it says about power."""

    serial: str
    uuid: str
    on: bool | None
    """True on, False off; None for every other word, such as PoweringOff."""
    word: str
    resets: frozenset[str]
    """Reset types that this BMC accepts, in Redfish's words."""


class Bmc:
    """One BMC. Every call is one fresh connection with verified TLS and a time-out."""

    def __init__(self, url: str, system: str, account: BmcAccount, timeout: float = 10.0) -> None:
        """`timeout` in seconds, for connecting and for each read."""
        self._url, self._system, self._account, self._timeout = url, system, account, timeout

    def read(self) -> Power:
        """Identity and power as the BMC says now; raises Transient (out of reach) or Permanent (refused, malformed)."""
        line = self._line()
        try:
            found = self._open(line)
            resets = frozenset(str(reset.value) for reset in found.get_allowed_reset_system_values())
            word = str(found.power_state.value) if found.power_state is not None else "unset"
            on = {"On": True, "Off": False}.get(word)
            return Power(str(found.serial_number or ""), str(found.uuid or "").lower(), on, word, resets)
        except (exceptions.SushyError, requests.RequestException, OSError, ValueError) as error:
            raise self._translated(error) from error
        finally:
            line.close()

    def force_off(self) -> None:
        """Order ForceOff once. Returns when the order is taken; raises InDoubt if no answer came."""
        line = self._line()
        try:
            found = self._open(line)
        except (exceptions.SushyError, requests.RequestException, OSError, ValueError) as error:
            line.close()
            raise self._translated(error) from error
        try:
            found.reset_system(sushy.ResetType.FORCE_OFF)
        except (exceptions.ConnectionError, exceptions.ServerSideError, requests.RequestException, OSError) as error:
            msg = f"BMC {self._url}: ForceOff was sent, no answer came ({error})"
            raise InDoubt(msg) from error
        except (exceptions.SushyError, ValueError) as error:
            raise self._translated(error) from error
        finally:
            line.close()

    def _line(self) -> connector.Connector:
        if not self._account.ca_file.is_file():
            msg = f"cannot read the certificate authority {self._account.ca_file} for BMC {self._url}; check ca_file"
            raise ConfigurationError(msg)
        options: dict[str, Any] = {
            "verify": str(self._account.ca_file),
            "default_request_timeout": self._timeout,
            "connect_timeout": self._timeout,
        }
        return connector.Connector(self._url, **options)

    def _open(self, line: connector.Connector) -> Any:
        login = auth.BasicAuth(self._account.user, self._account.password)
        root = sushy.Sushy(self._url, auth=login, connector=line)
        return root.get_system(f"/redfish/v1/Systems/{self._system}")

    def _translated(self, error: Exception) -> TobanError:
        where, text = f"BMC {self._url}", str(error).splitlines()[0] if str(error) else type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Permanent(f"{where}: its certificate is not trusted; check ca_file and the name")
        if isinstance(error, exceptions.AccessError):
            return Permanent(
                f"{where}: wrong user name or password, or no right to control power; check the bmc account"
            )
        if isinstance(
            error, exceptions.ConnectionError | exceptions.ServerSideError | requests.RequestException | OSError
        ):
            return Transient(f"{where} does not answer ({text}); check the management network")
        if isinstance(error, exceptions.MissingAttributeError | exceptions.MalformedAttributeError):
            return Permanent(f"{where} answers what this program cannot read: {text}")
        return Permanent(f"{where}: {text}")
