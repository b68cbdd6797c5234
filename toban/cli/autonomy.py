"""`toban policy arm|disarm|promote`: who may do how much on its own, and what it has to show for it."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer

from engine import documents
from engine.audit import record as auditing
from engine.audit.record import Record
from engine.clock import SystemClock
from engine.guard.control import Control, Order
from engine.model import catalogue
from engine.model.errors import ConfigurationError, TobanError
from engine.model.policy import Mode, Policy
from engine.rules import checking, loading, rewriting
from toban import connecting, evidence, settings
from toban.cli import ordering
from toban.cli.options import DEFAULT, AsJson, Config
from toban.cli.ordering import By, Why
from toban.settings import Settings

Name = Annotated[str, typer.Argument(metavar="NAME", help="The policy's name, as in `metadata.name`.")]
DEGREES = tuple(Mode)


def disarm(
    name: Name,
    *,
    why: Annotated[str, typer.Option("--why", help="The reason, shown with everything that is held.")],
    by: By = None,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Take a policy out of service without touching its file: it holds whatever it matches, until `arm`.

    It stays so over restarts. Runs that are going are not stopped: `toban stop` does that.
    """
    _order(config, name, by, why, arm=False, as_json=as_json)


def arm(name: Name, *, why: Why = "", by: By = None, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """Put a policy back into service, and close its breaker if it is open.

    What it did before counts no longer in its budget; the site's own limits are kept as they are.
    """
    _order(config, name, by, why, arm=True, as_json=as_json)


def promote(
    name: Name,
    *,
    to: Annotated[
        Mode | None, typer.Option("--to", help="This degree instead of the next one; also a lower one.")
    ] = None,
    why: Why = "",
    by: By = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Let a policy go one degree further on its own: observe, recommend, approve, automatic.

    First it says what the policy has to show: how often it matched since it was loaded, how often it would have acted,
    how often people did the same within an hour, what they approved and rejected, and how often the trouble was over by
    itself. Then `mode:` is rewritten in its file; everything else in it stays as it is, and a running Toban follows.

    With fewer than 20 matches and less than 7 days of record it needs --why. With --json and without --yes nothing is
    changed.

    Exit code 0: changed, or only shown; 1: you said no; 2: it cannot be.
    """
    chosen = settings.load(config)
    path, policy = _file_of(name, chosen)
    target = _target(policy, to)
    found = asyncio.run(_record(chosen, policy))
    if as_json:
        typer.echo(orjson.dumps({**asdict(found), "enough": found.enough, "mode": policy.spec.mode}).decode())
    else:
        _show(policy, found)
    climbs = DEGREES.index(target) > DEGREES.index(policy.spec.mode)
    if climbs and not found.enough and not why and (yes or not as_json):
        msg = (
            f"{name} has {found.matches} matches in {found.days:.1f} days; before it goes further it needs "
            f"{auditing.MATCHES} matches or {auditing.DAYS:.0f} days, or a reason: --why"
        )
        raise ConfigurationError(msg)
    if as_json and not yes:
        return
    if not yes and not _agreed(f"{name}: {policy.spec.mode.value} -> {target.value}, in {path}?"):
        typer.echo("nothing was changed")
        raise typer.Exit(1)
    asyncio.run(_write(chosen, path, policy, target, ordering.who(by, why)))
    if not as_json:
        typer.echo(f"{name}: {policy.spec.mode.value} -> {target.value} ({path})")


def _agreed(question: str) -> bool:
    try:
        return typer.confirm(question)
    except typer.Abort:
        return False


def _order(config: Path, name: str, by: str | None, why: str, *, arm: bool, as_json: bool) -> None:
    chosen = settings.load(config)
    _known(name, chosen)
    who = ordering.who(by, why)
    sentence = asyncio.run(_ordered(chosen, name, who, arm=arm))
    told = {"policy": name, "armed": arm, "by": who.by, "why": who.why, "text": sentence}
    typer.echo(orjson.dumps(told).decode() if as_json else sentence)


async def _ordered(chosen: Settings, name: str, who: Order, *, arm: bool) -> str:
    async with connecting.bus(chosen, SystemClock(), name="toban-autonomy") as bus:
        control = Control(bus)
        why = f" ({who.why})" if who.why else ""
        if arm:
            was_disarmed, was_open = await control.arm(name, who)
            done = [word for word, was in (("armed", was_disarmed), ("its breaker is closed", was_open)) if was]
            sentence = f"{name}: {', '.join(done) or 'it was in service already'}{why}"
        else:
            await control.disarm(name, who)
            sentence = f"{name}: out of service{why}; toban policy arm {name} takes it back"
        kind = "toban.policy.armed" if arm else "toban.policy.disarmed"
        await bus.publish(ordering.audited(kind, name, who, f"{who.by}: {sentence}", {}))
        return sentence


def _names(chosen: Settings) -> dict[str, Path]:
    """Every policy by name, also those with mistakes in them: a broken file can still be taken out of service."""
    found: dict[str, Path] = {}
    for path in loading.files(chosen.policies):
        try:
            value = documents.read(path).value
        except documents.Unreadable:
            continue
        metadata = value.get("metadata") if isinstance(value, dict) else None
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if isinstance(name, str):
            found.setdefault(name, path)
    return found


def _known(name: str, chosen: Settings) -> Path:
    names = _names(chosen)
    if name not in names:
        near = documents.nearest(name, tuple(names))
        hint = f"did you mean {near!r}?" if near else f"known: {', '.join(sorted(names)) or 'none'}"
        msg = f"there is no policy {name!r} in {', '.join(str(path) for path in chosen.policies)}; {hint}"
        raise ConfigurationError(msg)
    return names[name]


def _file_of(name: str, chosen: Settings) -> tuple[Path, Policy]:
    path = _known(name, chosen)
    loaded = loading.load([path], catalogue.shipped())
    wrong = [problem for problem in loaded.problems if problem.severity == "error"]
    if wrong:
        raise ConfigurationError(str(wrong[0]))
    return path, loaded.policies[0]


def _target(policy: Policy, to: Mode | None) -> Mode:
    now = DEGREES.index(policy.spec.mode)
    if to is None and now + 1 == len(DEGREES):
        msg = f"{policy.name} is automatic already; --to takes it back, for example --to approve"
        raise ConfigurationError(msg)
    target = to if to is not None else DEGREES[now + 1]
    if target is policy.spec.mode:
        msg = f"{policy.name} is in {target.value} already"
        raise ConfigurationError(msg)
    return target


async def _record(chosen: Settings, policy: Policy) -> Record:
    async with connecting.bus(chosen, SystemClock(), name="toban-record") as bus:
        return await evidence.record(bus, chosen, policy, SystemClock())


def _show(policy: Policy, found: Record) -> None:
    since = f"loaded since {found.since:%Y-%m-%d %H:%M} UTC" if found.since is not None else "no Toban ever loaded it"
    typer.echo(f"{policy.name} ({policy.spec.mode.value}), {since}, {found.days:.1f} days")
    for words, count in (
        ("matches", found.matches),
        ("acted, or would have if it had been let", found.would_have_acted),
        ("acted", found.acted),
        ("people did the same within an hour", found.people_did_the_same),
        ("approved", found.approved),
        ("rejected", found.rejected),
        ("over by itself before anybody did anything", found.ended_by_itself),
    ):
        typer.echo(f"  {words:<44} {count:>6}")


async def _write(chosen: Settings, path: Path, policy: Policy, target: Mode, who: Order) -> None:
    before = path.read_bytes()
    new = rewriting.with_mode(before.decode("utf-8"), target, str(path)).encode()
    _usable(new, path)
    text = f"{who.by}: {policy.name} goes from {policy.spec.mode.value} to {target.value}"
    more = {"before": policy.spec.mode.value, "after": target.value}
    told = ordering.audited("toban.policy.promoted", policy.name, who, text, more)
    async with connecting.bus(chosen, SystemClock(), name="toban-autonomy") as bus:
        _replace(path, new)
        try:
            await bus.publish(told)
        except TobanError:
            _replace(path, before)  # what cannot be recorded is not done
            raise


def _usable(new: bytes, path: Path) -> None:
    """Raises where the file would be refused with its new mode."""
    document = documents.parse(new, str(path))
    wrong = [
        one
        for one in checking.check(documents.validate(document, Policy), catalogue.shipped())
        if one.severity == "error"
    ]
    if wrong:
        raise ConfigurationError(str(document.problem(wrong[0].place, wrong[0].message)))


def _replace(path: Path, content: bytes) -> None:
    """All of it or nothing; the file keeps its mode."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(content)
        beside.chmod(path.stat().st_mode & 0o7777)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        msg = f"{path} cannot be written: {(error.strerror or 'unknown').lower()}"
        raise ConfigurationError(msg) from error
