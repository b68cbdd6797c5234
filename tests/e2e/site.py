"""A whole small site as real processes: datacenter, broker, engine; looked at only through its command line."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ruamel.yaml import YAML

from engine.bus import embedded
from toban import example
from toban.simulator import control

ROOT = Path(__file__).parents[2]
Change = Callable[[dict], None]


def edit(path: Path, change: Change | None) -> None:
    if change is None:
        return
    yaml = YAML(typ="rt", pure=True)
    document = yaml.load(path.read_text(encoding="utf-8"))
    change(document)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


def _hasten(document: dict) -> None:
    document["simulation"]["vcenter"]["detect_after"] = 0.5
    document["simulation"]["task_seconds"] = dict.fromkeys(document["simulation"]["task_seconds"], 0.2)


def impatient(document: dict) -> None:
    document["runs"] = {"in_doubt": "3s", "double_read": "1s", "pause": "1s", "lease": "4s"}


class Process:
    """One child; its words are in a file."""

    def __init__(self, log: Path, command: list[str], env: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as words:
            self.child = subprocess.Popen(
                command,
                stdout=words,
                stderr=words,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **(env or {})},
                cwd=ROOT,
            )

    def until(self, path: Path, within: float = 30.0) -> None:
        end = time.monotonic() + within
        while not path.exists():
            assert self.child.poll() is None, f"it ended with {self.child.returncode}: {self.words()[-2000:]}"
            assert time.monotonic() < end, f"{path} did not appear: {self.words()[-2000:]}"
            time.sleep(0.05)

    def words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self, within: float = 15.0) -> int:
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(within)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"SIGTERM did not end it: {self.words()[-2000:]}") from None


class Site:
    """Files, processes and questions of one site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "toban.yaml"
        self.state = folder / "datacenter"

    def toban(self, *arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "toban", *arguments]

    @contextlib.contextmanager
    def datacenter(self) -> Iterator[Process]:
        process = Process(
            self.folder / "simulate.log",
            self.toban("simulate", "--estate", str(self.folder / "estate.yaml"), "--state", str(self.state)),
        )
        try:
            process.until(self.state / "ready.json")
            yield process
        finally:
            process.stop()

    @contextlib.contextmanager
    def duty(self, *options: str, command: list[str] | None = None, env: dict | None = None) -> Iterator[Process]:
        """`toban run`, or another command that is it; options such as --embedded."""
        ready = self.folder / "store" / "ready.json"
        ready.unlink(missing_ok=True)
        start = command or self.toban("run")
        process = Process(self.folder / "run.log", [*start, "--config", str(self.config), *options], env)
        try:
            process.until(ready)
            yield process
        finally:
            if process.child.poll() is None:
                process.stop()

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.toban(*arguments, "--config", str(self.config)),
            capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
        )  # fmt: skip

    def bare(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same for a command that reads no settings."""
        command = self.toban(*arguments)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)

    def lines(self, *arguments: str) -> list[dict]:
        """What a reading command shows with --json."""
        done = self.cli(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def sources(self) -> list[dict]:
        """How the sources stand; blind ones are no failure of the question."""
        done = self.cli("sources", "--json")
        assert done.returncode in (0, 1), done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def until_line(self, room: str, what: str, within: float = 40.0, about: str | None = None) -> dict:
        """The first line of `events`, `decisions` or `runs` with this `what`."""
        end = time.monotonic() + within
        while True:
            found = [line for line in self.lines(room) if line["what"] == what and about in (None, line["about"])]
            if found:
                return found[0]
            assert time.monotonic() < end, f"no {what} among {room}: {self.lines(room)}"
            time.sleep(0.3)

    def fault(self, kind: str, target: str, *options: str) -> None:
        done = self.cli("inject", "fault", kind, target, *options)
        assert done.returncode == 0, done.stderr

    def ask(self, **request: object) -> dict:
        return control.ask(control.find(self.state), request)

    def vms(self) -> dict[str, str | None]:
        return {name: vm["running_on"] for name, vm in self.ask(do="state")["vms"].items()}

    def until_vms(self, wanted: dict[str, str | None], within: float = 60.0) -> None:
        end = time.monotonic() + within
        while self.vms() != wanted:
            assert time.monotonic() < end, f"{self.vms()} instead of {wanted}; {self.story()}"
            time.sleep(0.2)

    def story(self) -> list[str]:
        """Every journal line, for a failing test's message."""
        return [
            f"{line['what']} {line['about']} {line['text']}" for line in self.lines("decisions") + self.lines("runs")
        ]

    def ledger(self) -> list[dict]:
        found = self.ask(do="ledger")
        assert found["failures"] == [], found["failures"]
        return found["entries"]

    def did(self, what: str) -> list[dict]:
        return [entry for entry in self.ledger() if entry["what"] == what]

    def spotless(self) -> None:
        """Nothing that must never happen has happened."""
        assert self.ask(do="ledger")["violations"] == []


def site(folder: Path, *, armed: bool = True, bus: str | None = None, estate: Change | None = None) -> Site:
    """A hastened site of the tutorial in a folder."""
    example.write(folder, example.free_ports(), armed=armed, quick=True, bus=bus)
    edit(folder / "estate.yaml", _hasten)
    edit(folder / "estate.yaml", estate)
    edit(folder / "toban.yaml", impatient)
    for name in ("host-down-failover", "host-high-load"):
        edit(folder / "policies" / f"{name}.yaml", lambda document: document["spec"]["when"].update({"for": "3s"}))
    return Site(folder)


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[str]:
    """A nats-server that is nobody's child but the test's; its URL."""
    port = example.free_ports().vcenter
    text = f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{folder}/js", sync_interval: always }}\n'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nats.conf").write_text(text, encoding="utf-8")
    process = Process(folder / "nats.log", [str(embedded.find()), "-c", str(folder / "nats.conf")])
    try:
        end = time.monotonic() + 10
        while "Server is ready" not in process.words():
            assert time.monotonic() < end, process.words()
            time.sleep(0.05)
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.stop()
