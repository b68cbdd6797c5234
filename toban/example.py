"""A whole small site in a folder: estate, settings, secrets, policies; for the demo and for a first look."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from ruamel.yaml import YAML

from engine.model.errors import ConfigurationError
from toban import policies

QUICK: Mapping[str, Mapping[str, str]] = {
    "host-down-failover": {"for": "5s"},
    "host-high-load": {"for": "5s"},
}
"""The policies of the example, and their hold times in the quick one, so that a night fits into a minute; the shipped
ones wait 45 s and 60 s. The rest of the standard library only observes, and would fill the night with words.
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Free loopback ports: three TCP, one UDP."""

    vcenter: int
    bmc1: int
    bmc2: int
    traps: int


def free_ports() -> Ports:
    """Ports that were free a moment ago."""
    held = [socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_STREAM,) * 3 + (socket.SOCK_DGRAM,)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return Ports(*(int(one.getsockname()[1]) for one in held))
    finally:
        for one in held:
            one.close()


def write(folder: Path, ports: Ports, *, armed: bool, quick: bool, bus: str | None = None) -> Path:
    """Write the site; the path of its toban.yaml. Raises `ConfigurationError` if the folder is in use."""
    if (folder / "toban.yaml").exists():
        msg = f"{folder} already holds a toban.yaml; choose an empty folder"
        raise ConfigurationError(msg)
    for name in ("policies", "secrets", "datacenter"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "secrets").chmod(0o700)
    for name, text in {"vcenter": "duty-officer", "bmc": "blade-keys", "communities": "toban"}.items():
        path = folder / "secrets" / name
        path.write_text(f"{text}\n", encoding="utf-8")
        path.chmod(0o400)
    words = {
        "vcenter": ports.vcenter,
        "bmc1": ports.bmc1,
        "bmc2": ports.bmc2,
        "traps": ports.traps,
        "armed": "true" if armed else "false",
        "minimum_hold": "3s" if quick else "30s",
        "load_every": "1s" if quick else "20s",
        "bus": f"bus: {{url: {bus}}}" if bus else "# bus: {url: nats://broker:4222}   # leave out for --embedded",
        "in_doubt": "10s" if quick else "60s",
    }
    for name in ("estate.yaml", "toban.yaml"):
        template = resources.files("toban.templates").joinpath(name).read_text(encoding="utf-8")
        (folder / name).write_text(Template(template).substitute(words), encoding="utf-8")
    _copy_policies(folder / "policies", quick=quick)
    return folder / "toban.yaml"


def _copy_policies(folder: Path, *, quick: bool) -> None:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 120
    for name, changes in QUICK.items():
        path = policies.shipped() / f"{name}.yaml"
        text = path.read_text(encoding="utf-8")
        if not quick:
            (folder / path.name).write_text(text, encoding="utf-8")
            continue
        document = yaml.load(text)
        document["spec"]["when"].update(changes)
        with (folder / path.name).open("w", encoding="utf-8") as file:
            yaml.dump(document, file)
