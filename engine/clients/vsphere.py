"""vSphere over pyVmomi: verified TLS, one login, leaf-path reads. Blocking: callers run it through `offload`.

pyVmomi verifies nothing on loopback unless it is handed a context, and its SmartConnect has a request without a
time-out; so versions are negotiated here and every stub gets a verifying context and a time-out.
"""

import http.client
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET
from xml.parsers.expat import ExpatError

from pyVmomi import VmomiSupport, vim, vmodl
from pyVmomi.SoapAdapter import SoapStubAdapter

from engine.clients import vsphere_faults
from engine.clients.vsphere_faults import SessionLost
from engine.model.errors import ConfigurationError, Permanent

PAGE = 500
LARGEST_VERSIONS = 65536
query = vmodl.query.PropertyCollector


@dataclass(frozen=True, slots=True)
class Account:
    """A vCenter, who we are there, and the certificate authority that it is checked against."""

    url: str
    user: str
    password: str = field(repr=False)
    ca_file: Path


@dataclass(frozen=True, slots=True)
class Row:
    """What was read about one object. A path in neither mapping is unset."""

    ref: str
    kind: str
    values: Mapping[str, Any]
    missing: frozenset[str] = frozenset()
    """Could not be read: not the same as unset."""

    def get(self, path: str) -> Any:
        """The value or None."""
        return self.values.get(path)


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


class Session:
    """One login. Stubs share it by cookie; a stub is for one thread at a time."""

    def __init__(self, account: Account, context: ssl.SSLContext, version: str, timeout: float) -> None:
        """Not connected yet: `log_in` is the way to a session."""
        self._account, self._context, self._version, self._timeout = account, context, version, timeout
        self._stubs: list[Any] = []
        self.stub = self._stub(timeout)
        self.content: Any = None
        """What the service consists of, once `authenticate` was called."""
        self.instance_uuid = ""

    def _stub(self, timeout: float) -> Any:
        if self._context.verify_mode != ssl.CERT_REQUIRED or not self._context.check_hostname:
            msg = "refusing to talk to a vCenter over TLS that verifies nothing"
            raise Permanent(msg)
        parts = urlsplit(self._account.url)
        stub = SoapStubAdapter(
            host=parts.hostname or "",
            port=parts.port or 443,
            path=parts.path or "/sdk",
            version=self._version,
            sslContext=self._context,
            httpConnectionTimeout=timeout,
        )
        self._stubs.append(stub)
        return stub

    def authenticate(self) -> None:
        """Read what the service consists of, and log in; without success every connection is closed again."""
        try:
            self.content = vim.ServiceInstance("ServiceInstance", self.stub).RetrieveContent()
            self.instance_uuid = str(self.content.about.instanceUuid or "")
            self.content.sessionManager.Login(self._account.user, self._account.password, None)
        except BaseException:
            self.drop()
            raise

    def sibling(self, timeout: float | None = None) -> Any:
        """Another stub of the same login, for another thread or another time-out."""
        stub = self._stub(timeout or self._timeout)
        stub.cookie = self.stub.cookie
        return stub

    def managed(self, kind: Any, ref: str, stub: Any = None) -> Any:
        """An object by its reference; nothing is asked."""
        return kind(ref, stub or self.stub)

    def now(self) -> datetime:
        """The vCenter's time; keeps the session alive."""
        at: datetime = vim.ServiceInstance("ServiceInstance", self.stub).CurrentTime()
        return at

    def read(self, kind: Any, paths: Sequence[str]) -> list[Row]:
        """These leaf paths of every object of a kind; raises Transient once the session is lost."""
        views = self.content.viewManager
        view = views.CreateContainerView(self.content.rootFolder, [kind], True)
        try:
            spec = view_filter(view, {kind: paths})
            return self.pages(spec)
        finally:
            view.DestroyView()

    def read_one(self, target: Any, paths: Sequence[str]) -> Row:
        """These leaf paths of one object; raises vmodl ManagedObjectNotFound if it is gone."""
        spec = query.FilterSpec(
            objectSet=[query.ObjectSpec(obj=target)],
            propSet=[query.PropertySpec(type=type(target), pathSet=list(paths))],
        )
        rows = self.pages(spec)
        if not rows:
            raise vmodl.fault.ManagedObjectNotFound(msg="the object is gone", obj=target)
        return rows[0]

    def read_these(self, kind: Any, targets: Sequence[Any], paths: Sequence[str]) -> list[Row]:
        """These leaf paths of these objects of one kind; raises vmodl ManagedObjectNotFound if one is gone."""
        spec = query.FilterSpec(
            objectSet=[query.ObjectSpec(obj=target) for target in targets],
            propSet=[query.PropertySpec(type=kind, pathSet=list(paths))],
        )
        return self.pages(spec)

    def pages(self, spec: Any) -> list[Row]:
        """Everything that a filter selects, read page by page."""
        collector = self.content.propertyCollector
        result = collector.RetrievePropertiesEx([spec], query.RetrieveOptions(maxObjects=PAGE))
        rows: list[Row] = []
        while result is not None:
            rows += [row_of(content) for content in result.objects]
            result = collector.ContinueRetrievePropertiesEx(result.token) if result.token else None
        return rows

    def log_out(self) -> None:
        """End the login and close every connection; a vCenter that is gone has ended it already."""
        try:
            self.content.sessionManager.Logout()
        except (vmodl.MethodFault, OSError, http.client.HTTPException, ExpatError):
            return
        finally:
            self.drop()

    def drop(self) -> None:
        """Close every connection without a word; one that a call still uses is closed when that call ends."""
        for stub in self._stubs:
            stub.poolSize = 0
            stub.DropConnections()


def view_filter(view: Any, wanted: Mapping[Any, Sequence[str]]) -> Any:
    """A property filter over everything that a view shows."""
    walk = query.TraversalSpec(name="view", type=type(view), path="view", skip=False)
    start = query.ObjectSpec(obj=view, skip=True, selectSet=[walk])
    props = [query.PropertySpec(type=kind, pathSet=list(paths)) for kind, paths in wanted.items()]
    return query.FilterSpec(objectSet=[start], propSet=props)


def row_of(content: Any) -> Row:
    """ObjectContent as a row; raises SessionLost if what is missing is missing for want of a session."""
    missing = missing_of(content.missingSet)
    values = {str(one.name): one.val for one in content.propSet}
    return Row(content.obj._moId, kind_name(content.obj), MappingProxyType(values), missing)  # noqa: SLF001


def missing_of(told: Any) -> frozenset[str]:
    """Paths of a missingSet; raises SessionLost if they are missing for want of a session."""
    for one in told or ():
        if isinstance(one.fault.fault, vim.fault.NotAuthenticated):
            raise SessionLost("the vCenter session is lost")
    return frozenset(str(one.path) for one in told or ())


def kind_name(target: Any) -> str:
    """`HostSystem` for a vim.HostSystem."""
    return type(target).__name__.rpartition(".")[2]


def log_in(account: Account, *, timeout: float = 30.0) -> Session:
    """A logged-in session.

    Raises Transient (cannot be reached), Permanent (wrong password, untrusted certificate), ConfigurationError (no
    such certificate file); each in one sentence that names the vCenter.
    """
    where = f"vCenter {account.url}"
    context = _context(account)
    try:
        version = _version(account, context, timeout)
        session = Session(account, context, version, timeout)
        session.authenticate()
    except Exception as error:
        raise vsphere_faults.translated(error, where) from error
    return session


def _context(account: Account) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=account.ca_file)
    except (OSError, ssl.SSLError) as error:
        msg = f"cannot read the certificate authority {account.ca_file} for vCenter {account.url}; check ca_file"
        raise ConfigurationError(msg) from error
    return context


def _version(account: Account, context: ssl.SSLContext, timeout: float) -> str:
    parts = urlsplit(account.url)
    line = http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=timeout, context=context)
    try:
        line.request("GET", f"{parts.path or '/sdk'}/vimServiceVersions.xml")
        answer = line.getresponse()
        body = answer.read(LARGEST_VERSIONS)
    finally:
        line.close()
    if answer.status != http.HTTPStatus.OK or b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        msg = f"{account.url} is no vCenter: it does not list its API versions; check the address"
        raise Permanent(msg)
    for listed in _listed(body):
        try:
            return str(VmomiSupport.GetVersionFromVersionUri(f"urn:vim25/{listed}"))
        except KeyError:
            continue
    msg = f"{account.url} speaks no API version that this program knows"
    raise Permanent(msg)


def _listed(body: bytes) -> list[str]:
    try:
        root = ET.fromstring(body)  # noqa: S314  no entities: refused above; 64 kB at most
    except ET.ParseError as error:
        msg = "the list of API versions is not XML"
        raise Permanent(msg) from error
    for namespace in root.iter("namespace"):
        if namespace.findtext("name") == "urn:vim25":
            first = [namespace.findtext("version") or ""]
            return first + [prior.text or "" for prior in namespace.iter("version")]
    return []


class Login:
    """A session that is opened when first needed and opened anew after it was lost; safe to share between threads."""

    def __init__(self, account: Account, *, timeout: float = 30.0) -> None:
        """Nothing is opened yet."""
        self._account, self._timeout = account, timeout
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._closed = False

    def use(self, work: Callable[[Session], Any]) -> Any:
        """Run `work` with a live session; only reads may be given here, as a lost session makes it run twice."""
        session = self.session()
        try:
            return work(session)
        except Exception as error:
            if not vsphere_faults.is_lost_session(error):
                raise
            self.forget(session)
        return work(self.session())

    def session(self) -> Session:
        """The session, opened if there is none; raises like `log_in`, and Transient once it was closed."""
        with self._lock:
            if self._closed:
                raise SessionLost(f"the login at {self._account.url} was closed")
            if self._session is None:
                self._session = log_in(self._account, timeout=self._timeout)
            return self._session

    def forget(self, session: Session) -> None:
        """A session is lost; the next use opens another."""
        with self._lock:
            if self._session is session:
                self._session = None
        session.drop()

    def close(self) -> None:
        """Log out for good: a call that is still under way does not log in again."""
        with self._lock:
            session, self._session, self._closed = self._session, None, True
        if session is not None:
            session.log_out()
