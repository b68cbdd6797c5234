"""A blade's BMC over Redfish, by sushy. Blocking: callers run it through `offload`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import sushy
from sushy import auth, connector, exceptions

from engine.clients import redfish_sensors
from engine.clients.offload import Leave
from engine.clients.sensors import Sensor
from engine.model.errors import InDoubt, Permanent, TobanError, Transient

logging.getLogger("sushy").setLevel(logging.CRITICAL)  # what it would log is raised, in our words

OUT_OF_REACH = (exceptions.ConnectionError, exceptions.ServerSideError, requests.RequestException, OSError)
LONGEST = 256
"""Characters of a BMC's own words that go into ours."""


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
    """Lower case."""
    manufacturer: str
    on: bool | None
    """True on, False off; None for every other word, such as PoweringOff."""
    word: str
    resets: frozenset[str]
    """Reset types that this BMC accepts, in Redfish's words."""
    health: str = ""
    """OK, Warning or Critical, the worse of the system's own word and that of its parts; empty: not told."""
    other_uuids: frozenset[str] = frozenset()
    """The same UUID in other byte orders, where the protocol leaves the order open."""


def is_blade(seen: Power, serial: str, uuid: str) -> bool:
    """Serial and UUID both fit; an untold or undeclared one fits nothing."""
    named, wanted = serial.strip().upper(), uuid.strip().lower()
    if not named or not wanted or not seen.serial or not seen.uuid:
        return False
    return seen.serial.upper() == named and wanted in {seen.uuid, *seen.other_uuids}


class _Line(connector.Connector):  # type: ignore[misc]  # an untyped class of the library
    """Sends each request once: an order that got no answer is in doubt, never repeated by the library.

    The environment is not asked: neither its proxies nor its CA bundles are the site's word about a BMC.
    """

    def __init__(self, url: str, ca_file: Path, timeout: int) -> None:
        options: dict[str, Any] = {"verify": str(ca_file), "default_request_timeout": timeout}
        # one try: zero would mean the library's own three
        super().__init__(url, server_side_retries=1, connect_timeout=timeout, **options)
        self._session.trust_env = False
        self._session.hooks["response"].append(self._used_up)

    def _used_up(self, response: requests.Response, **_: object) -> None:  # noqa: ARG002  the hook's shape
        """The library asks for one request per connection; some BMCs obey without saying so. Never use one twice."""
        for adapter in self._session.adapters.values():
            adapter.close()


class Bmc:
    """One BMC. Every call is one fresh connection with verified TLS and a time-out."""

    def __init__(self, url: str, system: str, account: BmcAccount, timeout: int = 10) -> None:
        """`timeout` in seconds, for connecting and for each read."""
        self._url, self._system, self._account, self._timeout = url, system, account, timeout
        self.leave = Leave()
        """To send an order to this BMC."""

    def read(self) -> Power:
        """Identity and power as the BMC says now; raises Transient (out of reach) or Permanent (refused, malformed)."""
        with self._opened() as found:
            resets = frozenset(str(reset.value) for reset in found.get_allowed_reset_system_values())
            word = str(found.power_state.value) if found.power_state is not None else "unset"
            on = {"On": True, "Off": False}.get(word)
            serial, uuid = str(found.serial_number or "").strip(), str(found.uuid or "").strip().lower()
            return Power(serial, uuid, str(found.manufacturer or ""), on, word, resets, _health(found.status))

    def reset(self, kind: str) -> None:
        """Order one reset in Redfish's words: ForceOff, On. Returns when it is taken; raises InDoubt if no answer came.

        Raises Transient if the BMC was out of reach before the order or nobody waits for it any more, Permanent if it
        refused.
        """
        with self._opened() as found:
            self.leave.use()
            try:
                found.reset_system(sushy.ResetType(kind))
            except OUT_OF_REACH as error:
                msg = f"BMC {self._url}: {kind} was sent, no answer came ({_first_line(error)})"
                raise InDoubt(msg) from error

    def sensors(self) -> tuple[Sensor, ...]:
        """Every sensor that it describes; raises Transient or Permanent."""
        with self._opened() as found:
            return redfish_sensors.read(found)

    def locate(self, *, on: bool) -> None:
        """Switch the locate lamp; raises Transient, Permanent, or InDoubt if no answer came."""
        with self._opened() as found:
            try:
                found.set_indicator_led(sushy.INDICATOR_LED_LIT if on else sushy.INDICATOR_LED_OFF)
            except OUT_OF_REACH as error:
                msg = f"BMC {self._url}: the lamp was switched, no answer came ({_first_line(error)})"
                raise InDoubt(msg) from error

    def located(self) -> bool | None:
        """Whether the locate lamp is on; None: it has no word for that."""
        with self._opened() as found:
            lamp = found.indicator_led
            return None if lamp is None else str(lamp.value) != "Off"

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """The system, as `_rooted` has it."""
        with self._rooted() as root:
            yield root.get_system(f"/redfish/v1/Systems/{self._system}")

    @contextmanager
    def _rooted(self) -> Iterator[Any]:
        """The service root behind a fresh line, closed afterwards; what the library raises becomes our errors."""
        if not self._account.ca_file.is_file():
            msg = f"cannot read the certificate authority {self._account.ca_file} for BMC {self._url}; check ca_file"
            raise Permanent(msg)
        line = _Line(self._url, self._account.ca_file, self._timeout)
        try:
            login = auth.BasicAuth(self._account.user, self._account.password)
            yield sushy.Sushy(self._url, auth=login, connector=line)
        except TobanError:
            raise
        except Exception as error:  # an answer of the wrong shape makes the library fail in any way
            raise self._translated(error) from error
        finally:
            line.close()

    def _translated(self, error: Exception) -> TobanError:
        where, text = f"BMC {self._url}", _first_line(error)
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Permanent(f"{where}: its certificate is not trusted; check ca_file and the name")
        garbled = isinstance(error, ValueError) and not isinstance(error, requests.ConnectionError)
        if isinstance(error, OUT_OF_REACH) and not garbled:
            return Transient(f"{where} does not answer ({text}); check the management network")
        return Permanent(f"{where} {self._why(error, text)}")

    def _why(self, error: Exception, text: str) -> str:
        if isinstance(error, exceptions.AccessError):
            return "refused us: wrong user name or password, or no right to control power; check the bmc account"
        if isinstance(error, exceptions.ResourceNotFoundError):
            return f"has no system {self._system}; check the slot's bmc.system in the estate"
        if isinstance(error, exceptions.HTTPError | exceptions.InvalidParameterValueError):
            return f"refused: {text}"
        return f"answers what this program cannot read: {text}"


def _health(status: Any) -> str:
    words = {str(word.value) for word in (status.health, status.health_rollup) if word is not None} if status else set()
    return next((word for word in ("Critical", "Warning", "OK") if word in words), "")


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:LONGEST] if lines else type(error).__name__
