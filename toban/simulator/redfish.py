"""One blade's BMC: Redfish service root, sessions, one ComputerSystem with its power (DMTF DSP0266, DSP0268)."""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping

from toban.simulator import redfish_chassis, redfish_events
from toban.simulator.redfish_events import EventService
from toban.simulator.spec import BmcAccount
from toban.simulator.truth import Blade, Truth
from toban.simulator.web import Answer, Request

RESETS = ("On", "ForceOff", "GracefulShutdown", "ForceRestart", "PushPowerButton")
POWER_SECONDS = 0.3


class Bmc:
    """Answers for one blade; its own faults are in `blade.bmc`."""

    def __init__(self, truth: Truth, blade: Blade, account: BmcAccount) -> None:
        """Ready at once."""
        self._truth, self._blade, self._account = truth, blade, account
        self._tokens: set[str] = set()
        self._system = f"/redfish/v1/Systems/{blade.slot.bmc.system}"
        self._chassis = redfish_chassis.Enclosure(blade)
        self.events = EventService(truth, blade, self._system)

    @property
    def url(self) -> str:
        """Where it answers."""
        return self._blade.slot.bmc.url

    def __call__(self, request: Request) -> Answer:
        """One answer; a dead BMC drops the connection."""
        if self._blade.bmc == "dead":
            return Answer(0)
        path = request.path.partition("?")[0].rstrip("/") or "/"
        if path == "/redfish":
            return _json({"v1": "/redfish/v1/"})
        if path == "/redfish/v1":
            return _json(self._root())
        if path == "/redfish/v1/SessionService/Sessions" and request.method == "POST":
            return self._log_in(request)
        if not self._admitted(request.headers):
            return _error(401, "Base.1.8.NoValidSession", "There is no valid session or basic login.")
        return self._resource(request, path)

    def _resource(self, request: Request, path: str) -> Answer:
        if path == "/redfish/v1/SessionService":
            return _json({"@odata.id": path, "Id": "SessionService", "Sessions": _link(f"{path}/Sessions")})
        if path.startswith("/redfish/v1/SessionService/Sessions/") and request.method == "DELETE":
            self._tokens.discard(request.headers.get("x-auth-token", ""))
            return Answer(204)
        if path == "/redfish/v1/Systems":
            return _json(
                {"@odata.id": path, "Members": [_link(self._system)], "Members@odata.count": 1, "Name": "Systems"}
            )
        if path == self._system and request.method == "GET":
            return _json(self._described())
        if path == self._system and request.method == "PATCH":
            return self._patch(request.body)
        about_events = self.events(request, path)
        if about_events is not None:
            return about_events
        described = self._chassis.at(path)
        if described is not None and request.method == "GET":
            return _json(described)
        if path == f"{self._system}/Actions/ComputerSystem.Reset" and request.method == "POST":
            return self._reset(request.body)
        return _error(404, "Base.1.8.ResourceMissingAtURI", f"There is nothing at {path}.")

    def _root(self) -> dict[str, object]:
        return {
            "@odata.id": "/redfish/v1/",
            "@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot",
            "Id": "RootService",
            "Name": "Root Service",
            "RedfishVersion": "1.8.0",
            "UUID": self._blade.slot.uuid,
            "Systems": _link("/redfish/v1/Systems"),
            "Chassis": _link(redfish_chassis.ALL),
            "SessionService": _link("/redfish/v1/SessionService"),
            "EventService": _link(redfish_events.SERVICE),
            "Links": {"Sessions": _link("/redfish/v1/SessionService/Sessions")},
        }

    def _described(self) -> dict[str, object]:
        powered = self._blade.powered and self._blade.bmc != "lies-off"
        resets = [reset for reset in RESETS if reset not in self._blade.lacks]
        action = f"{self._system}/Actions/ComputerSystem.Reset"
        return {
            "@odata.id": self._system,
            "@odata.type": "#ComputerSystem.v1_10_0.ComputerSystem",
            "Id": self._blade.slot.bmc.system,
            "Name": f"Blade {self._blade.slot.slot}",
            "Manufacturer": "HPE",
            "Model": "ProLiant BL460c",
            "SerialNumber": self._blade.slot.serial,
            "UUID": self._blade.slot.uuid,
            "PowerState": self._blade.says or ("On" if powered else "Off"),
            "Status": {"State": "Enabled", "Health": "OK", "HealthRollup": self._blade.health},
            "IndicatorLED": "Lit" if self._blade.lamp else "Off",
            "Links": {"Chassis": [_link(redfish_chassis.ONE)]},
            "Actions": {
                "#ComputerSystem.Reset": {"target": action, "ResetType@Redfish.AllowableValues": resets},
            },
        }

    def _reset(self, body: bytes) -> Answer:
        try:
            wanted = json.loads(body).get("ResetType")
        except (ValueError, AttributeError):
            return _error(400, "Base.1.8.MalformedJSON", "The body is not a JSON object.")
        if wanted not in RESETS or wanted in self._blade.lacks:
            return _error(400, "Base.1.8.ActionParameterNotSupported", f"ResetType {wanted} is not supported.")
        turns_on = wanted == "On"
        if wanted != "PushPowerButton" and turns_on == self._blade.powered:
            return _error(400, "iLO.2.8.InvalidOperationForSystemState", "The server is in that power state already.")
        self._truth.ledger.write("bmc.order", machine=self._blade.machine, reset=wanted)
        if self._blade.bmc == "ok":
            self._truth.agenda.after(POWER_SECONDS, lambda: self._obey(wanted))
        return Answer(204)

    def _patch(self, body: bytes) -> Answer:
        try:
            wanted = json.loads(body).get("IndicatorLED")
        except (ValueError, AttributeError):
            return _error(400, "Base.1.8.MalformedJSON", "The body is not a JSON object.")
        if wanted not in ("Lit", "Blinking", "Off"):
            return _error(400, "Base.1.8.PropertyValueNotInList", f"IndicatorLED cannot be {wanted}.")
        self._blade.lamp = wanted != "Off"
        self._truth.ledger.write("bmc.lamp", machine=self._blade.machine, lamp=wanted)
        return Answer(204)

    def _obey(self, wanted: str) -> None:
        machine, why = self._blade.machine, f"BMC order {wanted}"
        if wanted == "On" or (wanted == "PushPowerButton" and not self._blade.powered):
            self._truth.feed(machine, why)
            return
        self._truth.cut(machine, why, ordered=True)
        if wanted == "ForceRestart":
            self._truth.feed(machine, why)

    def _log_in(self, request: Request) -> Answer:
        try:
            given = json.loads(request.body)
            right = self._right(str(given.get("UserName")), str(given.get("Password")))
        except (ValueError, AttributeError):
            return _error(400, "Base.1.8.MalformedJSON", "The body is not a JSON object.")
        if not right:
            return _error(401, "Base.1.8.NoValidSession", "Wrong user name or password.")
        token = secrets.token_hex(16)
        self._tokens.add(token)
        where = f"/redfish/v1/SessionService/Sessions/{secrets.token_hex(4)}"
        body = json.dumps({"@odata.id": where, "Id": where.rpartition("/")[2], "Name": "Session"}).encode()
        return Answer(201, body, headers={"X-Auth-Token": token, "Location": where})

    def _admitted(self, headers: Mapping[str, str]) -> bool:
        if headers.get("x-auth-token") in self._tokens:
            return True
        kind, _, text = headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (ValueError, UnicodeDecodeError):
            return False
        return self._right(user, password)

    def _right(self, user: str, password: str) -> bool:
        same_user = hmac.compare_digest(user.encode(), self._account.user.encode())
        return hmac.compare_digest(password.encode(), self._account.password.encode()) and same_user


def _link(path: str) -> dict[str, str]:
    return {"@odata.id": path}


def _json(body: Mapping[str, object]) -> Answer:
    return Answer(200, json.dumps(body).encode(), headers={"OData-Version": "4.0"})


def _error(status: int, code: str, message: str) -> Answer:
    body = {"error": {"code": code, "message": message, "@Message.ExtendedInfo": [{"MessageId": code}]}}
    return Answer(status, json.dumps(body).encode(), headers={"OData-Version": "4.0"})
