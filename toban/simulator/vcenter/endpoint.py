"""The HTTPS face of the vCenter: versions, cookies, one request to one handler, faults."""

import collections
from collections.abc import Callable
from typing import Any

from pyVmomi import VmomiSupport, vim, vmodl

from toban.simulator.vcenter import (
    hosts,
    joining,
    machines,
    measuring,
    moving,
    reading,
    registering,
    searching,
    sessions,
    soap,
)
from toban.simulator.vcenter.center import Center
from toban.simulator.web import Answer, Request

METHODS: dict[str, Callable[..., Any]] = {
    **reading.METHODS,
    **searching.METHODS,
    **measuring.METHODS,
    **machines.METHODS,
    **moving.METHODS,
    **registering.METHODS,
    **hosts.METHODS,
    **joining.METHODS,
}
OPEN = frozenset({"RetrieveServiceContent", "Login", "CurrentTime"})
XML = "text/xml; charset=utf-8"
DEAF = Answer(0)


class Endpoint:
    """Answers SOAP requests; called from many threads."""

    def __init__(self, center: Center) -> None:
        """Ready at once."""
        self._center = center
        self.blind = False
        """Every connection is dropped without a word."""
        self.losing: set[str] = set()
        """Methods whose next call is carried out and never answered."""
        self.strange: set[str] = set()
        """Types that are shown under a name that no client knows, as a newer vCenter's would be."""
        self.unknown: collections.Counter[str] = collections.Counter()
        """Methods that clients asked for and that are not here."""

    def __call__(self, request: Request) -> Answer:
        """One answer; nothing from a client brings the endpoint down."""
        if self.blind:
            return DEAF
        if request.method == "GET" and request.path == "/sdk/vimServiceVersions.xml":
            return Answer(200, soap.service_versions(), XML)
        if request.method != "POST" or not request.path.startswith("/sdk"):
            return Answer(404)
        version = _version(request.headers.get("soapaction", ""))
        session = self._center.sessions.of(request.headers.get("cookie", ""))
        status, body = self._answer(request.body, version, session)
        if self.blind or self._loses(request.body):
            return DEAF
        for kind in self.strange:
            body = body.replace(f'xsi:type="{kind}"'.encode(), b'xsi:type="TypeOfALaterVersion"')
        cookie = f'{sessions.COOKIE}="{session.key}"; Path=/; HttpOnly; Secure'
        return Answer(status, body, XML, {"Set-Cookie": cookie})

    def _loses(self, envelope: bytes) -> bool:
        lost = {method for method in self.losing if f"<{method} ".encode() in envelope}
        self.losing -= lost
        return bool(lost)

    def _answer(self, envelope: bytes, version: str, session: sessions.Session) -> tuple[int, bytes]:
        try:
            call = soap.Call(envelope, version)
        except soap.UnknownMethod as error:
            self.unknown[str(error)] += 1
            return 500, soap.fault(soap.missing_method(str(error)), version)
        except soap.Unreadable as error:
            return 500, soap.fault(vmodl.fault.InvalidRequest(msg=str(error)), version)
        with self._center.registry.changed:
            try:
                return 200, soap.answer(call.method, self._handle(call, session), version)
            except vmodl.MethodFault as error:
                return 500, soap.fault(error, version)
            except Exception as error:  # noqa: BLE001  our own mistake: kept for the tests, told as a server would
                self._center.truth.agenda.failures.append(error)
                return 500, soap.fault(vmodl.fault.SystemError(msg=repr(error), reason=repr(error)), version)

    def _handle(self, call: soap.Call, session: sessions.Session) -> Any:
        name = call.method.wsdlName
        handler = METHODS.get(name)
        if handler is None:
            self.unknown[name] += 1
            raise soap.missing_method(name, call.this)
        if name not in OPEN and not _is_open_fetch(call):
            sessions.require(session)
        return handler(self._center, session, call.this, *call.args)


def _is_open_fetch(call: soap.Call) -> bool:
    if call.method.wsdlName != "Fetch":
        return False
    return isinstance(call.this, vim.ServiceInstance) or (
        isinstance(call.this, vim.SessionManager) and call.args == ["currentSession"]
    )


def _version(action: str) -> str:
    try:
        return str(VmomiSupport.GetVersionFromVersionUri(action.strip('"') or soap.NEWEST))
    except KeyError:
        return str(VmomiSupport.GetVersionFromVersionUri(soap.NEWEST))
