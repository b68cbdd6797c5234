"""`toban cancel`: a person ends a run that is going."""

import asyncio
from pathlib import Path
from typing import Annotated

import orjson
import typer

from engine.bus.port import Bus
from engine.clock import SystemClock
from engine.guard.control import Control, Order
from engine.model.errors import ConfigurationError, TobanError
from engine.model.run import RunPlan
from engine.runs.journal import BusJournal
from toban import connecting, settings
from toban.cli import ordering
from toban.cli.options import DEFAULT, AsJson, Config
from toban.cli.ordering import By

RunName = Annotated[str, typer.Argument(metavar="RUN", help="Its id or first characters, as `toban runs` shows them.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it is kept with the run.")]


def cancel(run: RunName, *, why: Why, by: By = None, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """End a run that is going: nothing more is begun, what is under way is only looked at until its end is known.

    What the run did for nothing is taken back where that can be done, such as a maintenance mode. A power-off is never
    taken back. The run ends as `held`. Exit code 1: no such run is going.
    """
    asyncio.run(_cancel(config, run, ordering.who(by, why), as_json=as_json))


async def _cancel(config: Path, prefix: str, who: Order, *, as_json: bool) -> None:
    async with connecting.bus(settings.load(config), SystemClock(), name="toban-cancelling") as bus:
        plan = await going(bus, prefix)
        await Control(bus).stop(f"cancelled by {who.by}: {who.why}", f"run:{plan.run}")
        text = f"{who.by} cancelled the run of {plan.policy} on {plan.object}: {who.why}"
        told = ordering.audited("toban.run.cancelled", plan.policy, who, text, {"run": plan.run})
        await bus.publish(told.model_copy(update={"subject": plan.object, "causationid": plan.run}))
    if as_json:
        said = {"run": plan.run, "policy": plan.policy, "object": plan.object, "by": who.by, "why": who.why}
        typer.echo(orjson.dumps(said).decode())
    else:
        typer.echo(f"cancelled: the run of {plan.policy} on {plan.object}; follow its end with: toban runs {plan.run}")


async def going(bus: Bus, prefix: str) -> RunPlan:
    """The one run that is going and whose id begins so; raises TobanError for none, ConfigurationError for several."""
    journal = BusJournal(bus)
    found = [one for one in await journal.unfinished() if one.startswith(prefix)]
    if len(found) > 1:
        msg = f"{len(found)} runs that are going begin with {prefix!r}; write more of the id"
        raise ConfigurationError(msg)
    entries, _ = await journal.read(found[0]) if found else ((), 0)
    plan = next((entry.plan for entry in entries if entry.plan is not None), None)
    if plan is None:
        msg = f"no run that is going begins with {prefix!r}; see: toban runs"
        raise TobanError(msg)
    return plan
