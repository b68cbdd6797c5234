"""A blade's BMC over IPMI 2.0 (RMCP+), by pyghmi, for controllers without Redfish. Blocking: callers offload it.

IPMI proves no server to its client and lets anybody ask for a salted hash of the password (RAKP, IPMI 2.0 section
13.21): use it in a management network of its own, with a password of its own. IPMI 1.5 is never spoken.
"""

import json
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

from engine.clients.offload import Leave
from engine.clients.redfish import BmcAccount, Power
from engine.clients.sensors import Health, Sensor
from engine.model.errors import InDoubt, Permanent, Transient

SCHEME = "ipmi"
PORT = 623
ORDERS = {"ForceOff": "off", "On": "on"}
"""Reset types in Redfish's words, as the rest of the program knows them, and what IPMI calls them."""
REFUSALS = ("password", "username", "user name", "privilege", "unauthorized", "credential")
SILENCE = ("timeout", "timed out", "no longer connected", "unreachable", "name or service", "no route")


class IpmiBmc:
    """One BMC. Every call is one session in a process of its own, ended after `timeout` seconds at the latest."""

    def __init__(self, url: str, account: BmcAccount, timeout: float = 30.0) -> None:
        """`url` is ipmi://address[:port]; raises Permanent for anything else."""
        parts = urlsplit(url)
        if parts.scheme != SCHEME or not parts.hostname:
            msg = f"{url} is no address of an IPMI controller; write for example ipmi://192.0.2.11"
            raise Permanent(msg)
        self._where, self._timeout = f"BMC {url}", timeout
        self._question = {
            "host": parts.hostname,
            "port": parts.port or PORT,
            "user": account.user,
            "password": account.password,
        }
        self.leave = Leave()
        """To send an order to this BMC."""

    def read(self) -> Power:
        """Identity and power as the BMC says now; raises Transient (out of reach) or Permanent (refused)."""
        said = self._ask(None)
        word, uuid = str(said.get("power") or "unset"), str(said.get("uuid", "")).strip().lower()
        return Power(
            serial=str(said.get("serial", "")).strip(),
            uuid=uuid,
            manufacturer=str(said.get("manufacturer", "")),
            on={"on": True, "off": False}.get(word),
            word=word.capitalize(),
            resets=frozenset(ORDERS),
            other_uuids=other_orders(uuid),
        )

    def reset(self, kind: str) -> None:
        """Order one reset in Redfish's words. Returns when it is taken; raises InDoubt if no answer came."""
        order = ORDERS.get(kind)
        if order is None:
            msg = f"{self._where}: {kind} cannot be ordered over IPMI"
            raise Permanent(msg)
        self.leave.use()  # what the process that is started now has sent is known at its end only
        try:
            self._ask(order)
        except Transient:
            self.leave.give_back()
            raise

    def sensors(self) -> tuple[Sensor, ...]:
        """Every sensor of its repository; raises Transient or Permanent."""
        said = self._ask("sensors").get("sensors", [])
        return tuple(
            Sensor(str(one.get("name")), str(one.get("type")), _health(one.get("health"), unread=one.get("unread")))
            for one in said
        )

    def locate(self, *, on: bool) -> None:
        """Switch the locate lamp; raises Transient, Permanent or InDoubt."""
        self._ask("locate" if on else "unlocate")

    def located(self) -> bool | None:
        """Never known: the state of the lamp is optional in IPMI (section 28.5)."""
        return None

    def _ask(self, order: str | None) -> dict[str, Any]:
        question = json.dumps({**self._question, "order": order})
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "engine.clients.ipmi_session"],
                input=question,
                capture_output=True,
                text=True,
                timeout=self._timeout,
                check=False,
            )
            out = done.stdout
        except subprocess.TimeoutExpired as error:
            out = (error.stdout or b"").decode("utf-8", "replace") if isinstance(error.stdout, bytes) else ""
            out += json.dumps({"error": f"timeout: nothing within {self._timeout:.0f} s"})
        except OSError as error:
            msg = f"{self._where}: no process could be started to ask it ({error.strerror})"
            raise Transient(msg) from error
        lines = out.splitlines()
        said = _parsed(lines[-1] if lines else "")
        if "error" in said:
            raise self._translated(str(said["error"]), sent="sending" in lines)
        return said

    def _translated(self, text: str, *, sent: bool) -> Exception:
        lower = text.lower()
        if any(word in lower for word in REFUSALS):
            return Permanent(f"{self._where} refused us: {text}; check the bmc account")
        if sent:
            return InDoubt(f"{self._where}: the order was sent, no good answer came ({text})")
        if any(word in lower for word in SILENCE):
            return Transient(f"{self._where} does not answer ({text}); check the management network")
        return Permanent(f"{self._where} answers what this program cannot read: {text}")


def _parsed(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except json.JSONDecodeError:
        return {"error": "the session ended without a word"}
    return said if isinstance(said, dict) else {"error": "the session spoke nonsense"}


def _health(word: object, *, unread: object) -> Health:
    """In pyghmi's numbers: 0 is well, 1 is a warning, whatever is more is critical."""
    if unread or not isinstance(word, int):
        return Health.UNREAD
    return Health.OK if word == 0 else Health.WARNING if word == 1 else Health.CRITICAL


def other_orders(uuid: str) -> frozenset[str]:
    """The same GUID with its first three fields, or all of it, in the other byte order: BMCs disagree (IPMI 20.8)."""
    plain = uuid.replace("-", "")
    if len(plain) != 32 or any(digit not in "0123456789abcdef" for digit in plain):
        return frozenset()
    raw = bytes.fromhex(plain)
    mixed = raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]
    return frozenset(_dashed(one) for one in (mixed, raw[::-1]))


def _dashed(raw: bytes) -> str:
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
