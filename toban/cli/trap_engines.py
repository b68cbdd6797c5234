"""`toban traps engines`: SNMPv3 engines of this site, ours and the senders', and how far each was heard."""

from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from collectors.snmp import engine_file
from engine.model.errors import ConfigurationError
from toban import settings
from toban.cli.options import DEFAULT, AsJson, Config


def engines(
    *,
    config: Config = DEFAULT,
    forget: Annotated[
        str | None,
        typer.Option(
            metavar="ENGINE", help="Take an engine's mark out, after its manager was reset; Toban must not run."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show our engine id, and each sender's: its users, its addresses, the boots and time that it was last heard with.

    A message with fewer boots or an earlier time is refused as a recording (`v3-time`). A sender that was reset to
    boots 0 stays refused until its mark is forgotten: do that only if you know of the reset.
    """
    chosen = settings.load(config)
    folder = chosen.store / "traps"
    if forget is not None:
        engine_file.forget(folder, _engine(forget))
        typer.echo(f"engine {forget} is forgotten: whatever proves itself next is taken for its present")
        return
    state = engine_file.read(folder / engine_file.NAME)
    rows = [("ours", state.engine.hex() or "-", ", ".join(chosen.snmp.users), "", f"boots {state.boots}")]
    for name, user in chosen.snmp.users.items():
        for engine, addresses in user.engines.items():
            mark = state.marks.get(bytes.fromhex(engine))
            heard = f"boots {mark.boots}, time {mark.time}" if mark else "never"
            rows.append(("sender", engine.lower(), name, ", ".join(addresses), heard))
    known = {row[1] for row in rows}
    for one, mark in state.marks.items():
        if one.hex() not in known:
            rows.append(("no more", one.hex(), "", "", f"boots {mark.boots}, time {mark.time}"))
    _show(rows, as_json=as_json)


def _show(rows: list[tuple[str, str, str, str, str]], *, as_json: bool) -> None:
    heads = ("whose", "engine", "users", "addresses", "heard")
    if as_json:
        for row in rows:
            typer.echo(orjson.dumps(dict(zip(heads, row, strict=True))).decode())
        return
    table = Table(*heads, box=None)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _engine(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        msg = f"{text!r} is no engine id; write it in hex, as `toban traps engines` shows it"
        raise ConfigurationError(msg) from error
