"""SOAP both ways on pyVmomi's own method tables: a request envelope to typed arguments, a result to an envelope."""

from functools import cache
from typing import Any
from xml.parsers.expat import ParserCreate
from xml.sax.saxutils import escape

from pyVmomi import SoapAdapter, VmomiSupport, vim, vmodl

VERSIONS = ("8.0.3.0", "7.0.3.0", "6.7")
NEWEST = "urn:vim25/8.0.3.0"


class Unreadable(Exception):
    """The body is no SOAP request that this endpoint understands."""


class UnknownMethod(Unreadable):
    """A method that vSphere does not have, or that is not known by this name."""


def _fetch() -> Any:
    """`Fetch`, which stock pyVmomi uses for `object.property` and which is in no method table."""
    parameter = VmomiSupport.Object(name="prop", type=str, version="vmodl.version.version0", flags=0)
    return VmomiSupport.Object(
        name="Fetch",
        wsdlName="Fetch",
        version="vmodl.version.version0",
        params=[parameter],
        result=object,
        resultFlags=VmomiSupport.F_OPTIONAL,
    )


FETCH = _fetch()


@cache
def _request_type(method: Any) -> Any:
    fields = [
        VmomiSupport.Object(name="_this", type=VmomiSupport.ManagedObject, version=method.version, flags=0),
        *method.params,
    ]
    for field in fields:
        _ = field.type  # pyVmomi loads types when they are first touched
    members = {
        "_wsdlName": method.wsdlName,
        "_version": method.version,
        "_propList": fields,
        "_propInfo": {field.name: field for field in fields},
    }
    return type(method.wsdlName, (VmomiSupport.DataObject,), members)


class Call(SoapAdapter.ExpatDeserializerNSHandlers):  # type: ignore[misc]  # an untyped class of the library
    """A request envelope: `method` (pyVmomi's description), `this`, `args` in the method's own order."""

    def __init__(self, envelope: bytes, version: str) -> None:
        """Raises `Unreadable` or `UnknownMethod`."""
        super().__init__()
        self.method: Any = None
        self._in_body = False
        self._reader = SoapAdapter.SoapDeserializer(version=version)
        self._parser = ParserCreate(namespace_separator=SoapAdapter.NS_SEP)
        self._parser.buffer_text = True
        SoapAdapter.SetHandlers(self._parser, SoapAdapter.GetHandlers(self))
        try:
            self._parser.Parse(envelope, True)
            found: Any = self._reader.GetResult()
        except UnknownMethod:
            raise
        except Exception as error:
            msg = f"{type(error).__name__}: {error}"
            raise Unreadable(msg) from error
        if self.method is None:
            msg = "the envelope has no method"
            raise Unreadable(msg)
        self.this: Any = found._this  # noqa: SLF001  the field's name is the wire's
        self.args: list[Any] = [getattr(found, parameter.name, None) for parameter in self.method.params]

    def StartElementHandler(self, tag: str, attr: Any) -> None:
        """Called by the parser."""
        if self._in_body and self.method is None:
            self.method = _method(tag)
            self._reader.Deserialize(self._parser, _request_type(self.method), False, self.nsMap)
            self._reader.StartElementHandler(tag, attr)
        self._in_body |= tag == f"{SoapAdapter.XMLNS_SOAPENV} Body"

    def EndElementHandler(self, tag: str) -> None:
        """Called by the parser."""

    def CharacterDataHandler(self, data: str) -> None:
        """Called by the parser."""


def _method(tag: str) -> Any:
    namespace, _, name = tag.rpartition(SoapAdapter.NS_SEP)
    if name == "Fetch":
        return FETCH
    try:
        return VmomiSupport.GetWsdlMethod(namespace, name).info
    except (KeyError, AttributeError) as error:
        raise UnknownMethod(name) from error


def answer(method: Any, value: Any, version: str) -> bytes:
    """The envelope of a result."""
    namespace, name = VmomiSupport.GetWsdlNamespace(version), f"{method.wsdlName}Response"
    slot = VmomiSupport.Object(name="returnval", type=method.result, version=method.version, flags=method.resultFlags)
    names = {**SoapAdapter.SOAP_NSMAP, namespace: ""}
    nothing = value is None or (isinstance(value, list) and not value)
    body = "" if nothing else SoapAdapter.SerializeToStr(value, slot, version, names)
    return _envelope(f'<{name} xmlns="{namespace}">{body}</{name}>')


def _envelope(body: str) -> bytes:
    return f"{SoapAdapter.XML_HEADER}{SoapAdapter.SOAP_START}{body}{SoapAdapter.SOAP_END}".encode()


def fault(error: Any, version: str) -> bytes:
    """The envelope of a fault; the detail's child names its type, as clients expect it."""
    namespace = VmomiSupport.GetWsdlNamespace(version)
    name = VmomiSupport.GetWsdlName(type(error))
    slot = VmomiSupport.Object(name=f"{name}Fault", type=object, version=VmomiSupport.BASE_VERSION, flags=0)
    names = {**SoapAdapter.SOAP_NSMAP, namespace: ""}
    detail = SoapAdapter.SerializeFaultDetail(error, slot, version, names)
    detail = detail.replace(f"<{name}Fault", f'<{name}Fault xmlns="{namespace}"', 1)
    words = escape(str(error.msg or name))
    code = "<faultcode>ServerFaultCode</faultcode>"
    return _envelope(
        f"<soapenv:Fault>{code}<faultstring>{words}</faultstring><detail>{detail}</detail></soapenv:Fault>"
    )


def missing_method(name: str, receiver: Any = None) -> Any:
    """The fault for a method that is not here; its receiver is a required field."""
    asked = receiver if receiver is not None else vim.ServiceInstance("ServiceInstance")
    return vmodl.fault.MethodNotFound(msg=f"no such method: {name}", receiver=asked, method=name)


def localized(error: Any) -> Any:
    """A fault as a value."""
    return vmodl.LocalizedMethodFault(fault=error, localizedMessage=error.msg or type(error).__name__)


def names_of(objects: list[Any]) -> Any:
    """A list of managed objects as the array type that an untyped slot needs."""
    return VmomiSupport.GetVmodlType("ManagedObject[]")(objects)


def service_versions() -> bytes:
    """`vimServiceVersions.xml`."""
    priors = "".join(f"<version>{version}</version>" for version in VERSIONS[1:])
    return (
        '<?xml version="1.0" encoding="UTF-8"?><namespaces version="1.0"><namespace><name>urn:vim25</name>'
        f"<version>{VERSIONS[0]}</version><priorVersions>{priors}</priorVersions></namespace></namespaces>"
    ).encode()
