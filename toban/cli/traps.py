"""`toban traps`: what a datagram would become, and maps: what is wrong with one, and a draft of one from MIB files."""

import dataclasses
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from collectors.snmp import captures, drafting, linting, maps, mibs, origins
from collectors.snmp.dissecting import Opening, Told, told
from collectors.snmp.mapping import Tables
from collectors.snmp.origins import Origins
from engine.clock import SystemClock
from engine.estate import loading
from engine.model import catalogue
from engine.model.errors import ConfigurationError
from toban import parts, settings
from toban.cli.options import AsJson

app = typer.Typer(help="SNMP traps: what one would become, and the maps that say so.", no_args_is_help=True)

LARGEST = 256 * 1024 * 1024
"""Octets of a file that are read."""
MOST_FILES = 500


@dataclass(frozen=True, slots=True)
class Datagram:
    """One to be explained."""

    at: datetime
    source: str
    octets: bytes


@app.command("decode")
def decode(
    what: Annotated[
        str,
        typer.Argument(metavar="HEX|FILE|-", help="Octets in hex; a pcap or pcapng file; or one of hex lines (# ...)."),
    ],
    *,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The site's toban.yaml: its maps, its estate, its SNMPv3 users."),
    ] = None,
    map_files: Annotated[list[Path] | None, typer.Option("--map", help="One more trap map, such as a draft.")] = None,
    source: Annotated[str, typer.Option(help="Who sent it, where the input does not say.")] = "192.0.2.1",
    port: Annotated[int, typer.Option(help="In a capture: datagrams to this UDP port; 0: all.")] = 162,
    as_json: AsJson = False,
) -> None:
    """Show how a trap is read, every varbind of it, and which event it becomes or why none.

    Without --config the shipped maps are used and nobody is declared, so subjects are senders. Communities are not
    judged and not shown. Exit code 0: every datagram can be read; 1: one is refused; 2: there is none in the input.
    """
    tables, opening = _site(config, tuple(map_files or ()))
    seen, refused = 0, 0
    for one in _datagrams(what, source, port):
        found = told(one.octets, one.source, one.at, tables, opening)
        if as_json:
            typer.echo(orjson.dumps(_as_json(found, one)).decode())
        else:
            typer.echo(("" if seen == 0 else "\n") + _as_text(found, one))
        seen += 1
        refused += found.outcome == "refused"
    if not seen:
        msg = f"no datagram to UDP port {port} in {what[:80]}; --port 0 takes all"
        raise ConfigurationError(msg)
    raise typer.Exit(1 if refused else 0)


def _site(config: Path | None, more: tuple[Path, ...]) -> tuple[Tables, Opening | None]:
    words = catalogue.shipped()
    if config is None:
        return Tables(maps.load(words, more), Origins(), words), None
    chosen = settings.load(config)
    site = loading.load(chosen.estate)
    known = Tables(maps.load(words, (*chosen.snmp.maps, *more)), origins.declared(site, parts.proxies(chosen)), words)
    gate = parts.reading_gate(chosen)
    return known, gate.reopen if gate is not None else None


def _datagrams(what: str, source: str, port: int) -> Iterator[Datagram]:
    now = SystemClock().now()
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{2}([ :]?[0-9a-fA-F]{2})+", what.strip()):
        yield Datagram(now, source, _octets(what.strip(), "the argument"))
        return
    data = sys.stdin.buffer.read(LARGEST) if what == "-" else _file(what)
    if captures.is_capture(data):
        found = captures.datagrams(data)
        yield from (Datagram(one.at, one.source, one.payload) for one in found if port in (0, one.port))
        return
    for number, line in enumerate(data.decode("ascii", "replace").splitlines(), 1):
        text = line.partition("#")[0].strip()
        if text:
            yield Datagram(now, source, _octets(text, f"{what}:{number}"))


def _file(name: str, wanted: str = "") -> bytes:
    try:
        if (size := Path(name).stat().st_size) > LARGEST:
            msg = f"{name} has {size} octets; at most {LARGEST} are read: cut it with editcap or tcpdump"
            raise ConfigurationError(msg)
        return Path(name).read_bytes()
    except (OSError, ValueError) as error:
        instead = f"; give {wanted}" if wanted else ", nor octets in hex such as 302602010104..."
        msg = f"{name[:80]!r} is no file that can be read{instead}"
        raise ConfigurationError(msg) from error


def _octets(text: str, where: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x").replace(":", " "))
    except ValueError:
        msg = f"{where} is not octets in hex such as 302602010104...: {text[:60]!r}"
        raise ConfigurationError(msg) from None


def _as_json(found: Told, one: Datagram) -> dict[str, object]:
    said = {item.name: getattr(found, item.name) for item in dataclasses.fields(found) if item.name != "event"}
    event = found.event.model_dump(mode="json", exclude_none=True) if found.event else None
    return {"source": one.source, "octets": len(one.octets), **said, "event": event}


def _as_text(found: Told, one: Datagram) -> str:
    if found.outcome == "refused" and not found.sealed:
        return f"refused ({found.reason}): {found.detail}; {len(one.octets)} octets from {one.source}"
    kind = found.kind or (found.reason if found.outcome == "ignored" else "message")
    lines = [f"{found.version} {kind} of {len(one.octets)} octets from {one.source}".strip()]
    lines += [f"  {key}: {value}" for key, value in (found.sealed or {}).items()]
    if found.trap or found.varbinds:
        called = f" {found.name} ({found.vendor})" if found.name else " (no map lists it)"
        lines.append(f"  trap: {found.trap or 'its OID is missing'}{called}")
    lines += [f"  {key}: {value}" for key, value in (found.header or {}).items()]
    lines += [f"  uptime: {found.uptime / 100:.2f} s"] if found.uptime is not None else []
    lines += [f"  lenient: {note}" for note in found.lenient]
    for item in found.varbinds:
        says = f"   <- {item.says}" if item.says else ""
        lines.append(f"  {item.oid} {item.type} = {orjson.dumps(item.value).decode()}{says}")
    return "\n".join([*lines, *_ending(found)])


def _ending(found: Told) -> list[str]:
    if found.event is None:
        return [f"  {found.outcome} ({found.reason}): {found.detail}".removesuffix(": ")]
    event = found.event
    entry = catalogue.shipped().get(event.type)
    words = f": {entry.en} / {entry.ja}" if entry else ""
    data = {name: value for name, value in event.data.items() if name not in ("raw", "varbinds")}
    return [
        f"  becomes {event.type} about {event.subject}, {event.severity.value}{words}",
        *(f"    {name}: {orjson.dumps(value).decode()}" for name, value in data.items()),
    ]


@app.command("lint")
def lint(
    map_files: Annotated[list[Path], typer.Argument(metavar="MAP...", help="Trap maps, in the order of `snmp.maps`.")],
    *,
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also show what is merely worth knowing.")] = False,
) -> None:
    """Say what is wrong with trap maps, all of it: FILE:LINE:COLUMN: severity: what.

    Errors: what the listener refuses, such as an event type that the catalogue does not have. Warnings: what it takes
    but hardly was meant, such as a condition that no trap of the map ends. Exit code 0: no error (with --strict: no
    warning either); 1: findings; 2: a file cannot be read.
    """
    words = catalogue.shipped()
    texts = {str(path): maps.written(path) for path in map_files}
    found = linting.remarks(texts, maps.shipped(words), words)
    for one in found:
        if as_json:
            typer.echo(orjson.dumps(one).decode())
        elif verbose or one.severity != "info":
            typer.echo(str(one))
    counts = {word: sum(one.severity == word for one in found) for word in ("error", "warning", "info")}
    if not as_json:
        typer.echo(f"{len(texts)} maps, {counts['error']} errors, {counts['warning']} warnings, {counts['info']} hints")
    raise typer.Exit(1 if counts["error"] or (strict and counts["warning"]) else 0)


@app.command("import")
def import_(
    mib_files: Annotated[list[Path], typer.Argument(metavar="MIB...", help="MIB files, SMIv1 or SMIv2.")],
    *,
    folders: Annotated[
        list[Path] | None, typer.Option("--path", help="Folders with MIB files that these import from.")
    ] = None,
    vendor: Annotated[str | None, typer.Option(help="The map's vendor; default: the first MIB's name.")] = None,
    out: Annotated[Path | None, typer.Option(help="The new map file; default: standard output.")] = None,
) -> None:
    """Draft a trap map from MIB files: every trap they define, with its OID, its varbinds and a type to be filled in.

    Nothing is guessed: the draft is refused by `lint` until a person has said what each trap means. Nothing is fetched:
    a name whose MIB is in no file given leaves its trap out, and is told. Exit code 0: all was drafted; 1: something is
    left out; 2: a file is no MIB, or none defines a trap.
    """
    texts = {str(path): _file(str(path), "a MIB file").decode("utf-8", "replace") for path in mib_files}
    found = mibs.read(texts, _beside(folders or [], texts))
    if not found.traps:
        why = f" ({found.gaps[0]})" if found.gaps else ""
        msg = f"{', '.join(texts)}: no trap could be read{why}; give files with NOTIFICATION-TYPE or TRAP-TYPE"
        raise ConfigurationError(msg)
    text = drafting.draft(found, vendor or found.traps[0].module.lower(), catalogue.shipped())
    if out is None:
        typer.echo(text, nl=False)
    else:
        _write(out, text)
        typer.echo(f"{out}: {len(found.traps)} traps, every type still open")
    for gap in found.gaps:
        typer.echo(f"left out: {gap}", err=True)
    raise typer.Exit(1 if found.gaps else 0)


def _beside(folders: list[Path], asked: dict[str, str]) -> dict[str, str]:
    absent = [folder for folder in folders if not folder.is_dir()]
    if absent:
        msg = f"--path {absent[0]} is no folder"
        raise ConfigurationError(msg)
    files = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()]
    if len(files) > MOST_FILES:
        msg = f"{len(files)} files below --path; at most {MOST_FILES} are read: give a folder with the vendor's own"
        raise ConfigurationError(msg)
    return {str(path): path.read_text(encoding="utf-8", errors="replace") for path in files if str(path) not in asked}


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        msg = f"{path} exists and may hold somebody's work; give another name"
        raise ConfigurationError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror})"
        raise ConfigurationError(msg) from error
