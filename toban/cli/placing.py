"""`toban place`: where VMs ought to be, shown with the reasons, and brought about as an order by hand."""

from dataclasses import dataclass
from typing import Annotated

import typer
from pydantic import JsonValue

from engine.model.errors import ConfigurationError
from engine.model.order import Asked
from toban.cli.hands import Aside, Way, Why, Yes, give
from toban.cli.options import DEFAULT, AsJson, Config
from toban.cli.ordering import By

app = typer.Typer(no_args_is_help=True, help="Where the VMs of a group ought to be: shown, or brought about.")
Group = Annotated[str, typer.Argument(metavar="GROUP", help="A group of the estate.")]
Rules = Annotated[bool, typer.Option("--rules", help="So that the group's placement rules hold (this is the default).")]
Balance = Annotated[bool, typer.Option("--balance", help="Loaded hosts below --below of their CPU and memory.")]
Below = Annotated[int, typer.Option("--below", min=10, max=95, help="Percent, with --balance.")]
Consolidate = Annotated[bool, typer.Option("--consolidate", help="On fewer hosts; the emptied one stays on.")]
Evacuate = Annotated[str | None, typer.Option("--evacuate", metavar="HOST", help="Nothing on this host any more.")]
EMPTY = 16
"""More hosts without VMs than any group keeps: what is emptied stays on."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to come of it; one of the first three, or a host to evacuate."""

    rules: bool
    consolidate: bool
    balance: bool
    below: int
    evacuate: str | None


@app.command()
def plan(
    group: Group,
    *,
    rules: Rules = False,
    consolidate: Consolidate = False,
    balance: Balance = False,
    below: Below = 70,
    evacuate: Evacuate = None,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Show which VM would go where, and what cannot be placed and why. Nothing is ordered."""
    way = Way(config, why="", by=None, yes=False, dry_run=True, as_json=as_json)
    about, step = _asked(group, Goal(rules, consolidate, balance, below, evacuate))
    give(about, [step], way)


@app.command()
def apply(
    group: Group,
    *,
    rules: Rules = False,
    consolidate: Consolidate = False,
    balance: Balance = False,
    below: Below = 70,
    evacuate: Evacuate = None,
    why: Why = "",
    by: By = None,
    yes: Yes = False,
    aside: Aside = None,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Bring it about, as an order by hand: previewed, guarded, journalled."""
    way = Way(config, why=why, by=by, yes=yes, dry_run=False, as_json=as_json)
    about, step = _asked(group, Goal(rules, consolidate, balance, below, evacuate))
    give(about, [step], way, aside or ())


def _asked(group: str, goal: Goal) -> tuple[str, Asked]:
    if sum((goal.rules, goal.consolidate, goal.balance, goal.evacuate is not None)) > 1:
        msg = "choose one of --rules, --consolidate, --balance and --evacuate HOST"
        raise ConfigurationError(msg)
    if goal.evacuate is not None:
        return f"host:{goal.evacuate}", Asked(verb="evacuate")
    if goal.balance:
        return f"group:{group}", Asked(verb="rebalance", parameters={"below": goal.below})
    kept: dict[str, JsonValue] = {"empty": EMPTY}
    step = Asked(verb="power-save", parameters=kept) if goal.consolidate else Asked(verb="apply-rules")
    return f"group:{group}", step
