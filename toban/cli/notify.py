"""`toban notify`: the channels that people are told through."""

import asyncio

import typer

from engine.clock import SystemClock
from engine.model.errors import ConfigurationError, TobanError
from engine.model.event import Severity
from toban import parts, settings
from toban.cli.options import DEFAULT, Config

app = typer.Typer(no_args_is_help=True, help="The channels that people are told through.")


@app.command("list")
def listed(*, config: Config = DEFAULT) -> None:
    """The channels, their fallbacks and limits, and what is reported to them; no address is shown."""
    chosen = settings.load(config).notify
    if not chosen.channels:
        typer.echo("no channel: notices are logged and kept in the store only; add notify.channels to the settings")
    for name, one in sorted(chosen.channels.items()):
        fallback = f", then {one.fallback}" if one.fallback else ""
        typer.echo(f"{name}: {one.limit} notices per {one.within:.0f} s and severity{fallback}")
    for report in chosen.reports:
        typer.echo(f"  reports {', '.join(report.at)} of at least {report.severity} to {report.channel}")


@app.command("test")
def try_out(
    channel: str = typer.Argument(help="The channel to try.", metavar="CHANNEL"), *, config: Config = DEFAULT
) -> None:
    """Send one notice marked as a test through a channel, without its fallback. Exit code 1: it was not taken."""
    chosen = settings.load(config)
    if channel not in chosen.notify.channels:
        known = ", ".join(sorted(chosen.notify.channels)) or "none"
        msg = f"there is no channel {channel!r} under notify.channels in {config}; known: {known}"
        raise ConfigurationError(msg)
    send = parts.sender(channel, chosen.notify.channels[channel])
    now = SystemClock().now()
    said = f"This is a test of notify channel {channel}.\nこれは通知チャネル {channel} の試験です。"
    body = f"{said}\n\n{now:%Y-%m-%d %H:%M:%S} UTC"
    try:
        asyncio.run(asyncio.to_thread(send, "[test] Toban", body, Severity.INFO))
    except TobanError as error:
        typer.echo(f"not taken: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{channel} took the test notice; look whether it arrived")
