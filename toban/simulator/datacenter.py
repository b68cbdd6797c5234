"""The whole datacenter in one value: truth, vCenter, BMCs, chassis and control socket, started and stopped together."""

import json
import os
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from toban.simulator import certificates, spec
from toban.simulator.agenda import Agenda
from toban.simulator.chassis import Chassis
from toban.simulator.control import Control, Reply
from toban.simulator.faults import Faults, Unknown, state_of
from toban.simulator.hypervisor import Port
from toban.simulator.ledger import Ledger
from toban.simulator.redfish import Bmc
from toban.simulator.spec import SpecError
from toban.simulator.truth import Truth
from toban.simulator.vcenter.center import Center
from toban.simulator.vcenter.endpoint import Endpoint
from toban.simulator.web import Application, Server

LOAD_EVERY = 1.0


class Datacenter:
    """A running datacenter; use as a context manager."""

    def __init__(self, estate: Path, state: Path) -> None:
        """Reads the estate and binds every address; raises `SpecError` with one sentence."""
        read = spec.read(estate)
        simulation = read.simulation
        state.mkdir(parents=True, exist_ok=True)
        self._state = state
        self.finished = threading.Event()
        self.ledger = Ledger(state / "ledger.jsonl")
        self.agenda = Agenda()
        self.truth = Truth(read, self.ledger, self.agenda)
        self.center = Center(simulation, self.truth)
        self.endpoint = Endpoint(self.center)
        self.chassis = Chassis(self.truth, simulation.snmp)
        self.faults = Faults(self.truth, self.center, self.endpoint, self.chassis, self._reissue)
        vcenter = next((one.url for one in read.vcenters if one.name == simulation.vcenter.name), None)
        if vcenter is None:
            msg = f"the simulated vCenter {simulation.vcenter.name} is not among the estate's vcenters"
            raise SpecError(msg)
        faces: dict[str, Application] = {vcenter: self.endpoint}
        self.bmcs = {one.machine: Bmc(self.truth, one, simulation.bmc) for one in self.truth.blades.values()}
        for bmc in self.bmcs.values():
            faces[bmc.url] = bmc
        named = frozenset(urlsplit(url).hostname or "127.0.0.1" for url in faces)
        self._names = named | {"127.0.0.1", "localhost"}
        self._context = certificates.issue(state, self._names)
        self.servers = [_server(url, self._context, face) for url, face in faces.items()]
        self.ports = [_port(self.truth, one.name, one.answers) for one in simulation.hosts if one.answers is not None]
        self._control = Control(state / "control.sock", self.ask)
        self.ready: dict[str, object] = {
            "pid": os.getpid(),
            "vcenter": vcenter,
            "bmcs": {blade.machine: blade.slot.bmc.url for blade in self.truth.blades.values()},
            "ca": str(state / "ca.pem"),
            "control": str(state / "control.sock"),
        }

    def __enter__(self) -> Self:
        """Start everything; `ready.json` appears last."""
        self.agenda.start()
        for server in self.servers:
            server.start()
        for port in self.ports:
            port.start()
        self._control.start()
        self._sample()
        self._measure()
        (self._state / "ready.json").write_text(json.dumps(self.ready), encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything; nothing stays bound or running."""
        (self._state / "ready.json").unlink(missing_ok=True)
        self._control.stop()
        self.agenda.close()
        for bmc in self.bmcs.values():
            bmc.events.close()
        with self.truth.lock:
            self.center.sessions.end_all()
            self.center.registry.changed.notify_all()
        for server in self.servers:
            server.stop()
        for port in self.ports:
            port.stop()
        self.chassis.close()
        self.ledger.close()

    def _reissue(self, changed: bool) -> None:
        """VCenter shows a certificate of an authority that nobody was told about, or its own again."""
        folder = self._state / "changed"
        folder.mkdir(exist_ok=True)
        context = certificates.issue(folder, self._names) if changed else self._context
        for server in self.servers:
            if server.application is self.endpoint:
                server.context = context

    def _sample(self) -> None:
        self.center.belief.refresh_load()
        self.agenda.after(LOAD_EVERY, self._sample)

    def _measure(self) -> None:
        with self.truth.lock:
            self.center.performance.sample()
        self.agenda.after(self.center.rules.samples_every, self._measure)

    def ask(self, request: dict[str, object]) -> Reply:
        """One request of the control socket: fault, load, move, state, ledger, quit."""
        answers: dict[str, Callable[[dict[str, object]], Reply]] = {
            "fault": self._fault,
            "load": self._load,
            "move": self._move,
            "state": lambda _: state_of(self.truth, self.center),
            "ledger": lambda _: self._told(),
            "quit": lambda _: self._quit(),
        }
        answer = answers.get(str(request.get("do")))
        if answer is None:
            return {"error": f"unknown request {request.get('do')!r}; known: {', '.join(answers)}"}
        try:
            return answer(request)
        except (Unknown, ValueError) as error:
            return {"error": str(error)}

    def _fault(self, request: dict[str, object]) -> Reply:
        self.faults.apply(str(request.get("fault")), str(request.get("target", "")))
        return {"done": request.get("fault"), "target": request.get("target")}

    def _load(self, request: dict[str, object]) -> Reply:
        self.faults.load(str(request.get("vm")), int(str(request.get("mhz"))))
        return {"done": "load", "vm": request.get("vm"), "mhz": request.get("mhz")}

    def _move(self, request: dict[str, object]) -> Reply:
        self.faults.move(str(request.get("vm")), str(request.get("host")))
        return {"done": "move", "vm": request.get("vm"), "host": request.get("host")}

    def _told(self) -> Reply:
        mistakes = [*self.agenda.failures, *(error for server in self.servers for error in server.failures)]
        failures = [repr(error) for error in mistakes]
        return {"entries": self.ledger.entries(), "violations": self.ledger.violations(), "failures": failures}

    def _quit(self) -> Reply:
        self.finished.set()
        return {"done": "quit"}


def _port(truth: Truth, host: str, address: str) -> Port:
    try:
        return Port(truth.hosts[host], address)
    except (OSError, ValueError) as error:
        msg = f"cannot serve {address} for host {host}: {error}; free the port or change the estate"
        raise SpecError(msg) from error


def _server(url: str, context: ssl.SSLContext, face: Application) -> Server:
    parts = urlsplit(url)
    host = parts.hostname or "127.0.0.1"
    where = host if host.replace(".", "").isdigit() else "0.0.0.0"  # noqa: S104  a name is ours inside a container only
    try:
        return Server((where, parts.port or 443), context, face)
    except OSError as error:
        msg = f"cannot serve {url}: {error.strerror}; free the port or change the estate"
        raise SpecError(msg) from error
