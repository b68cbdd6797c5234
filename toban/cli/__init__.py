"""The command line: thin, no rules of its own. Exit codes: 0 ok, 1 finding, 2 usage or configuration error."""

import typer

from toban.cli import (
    answering,
    cancelling,
    control,
    demo,
    example,
    hands,
    inject,
    machine,
    marking,
    notify,
    placing,
    policy,
    reading,
    record,
    serve,
    sources,
    trap_engines,
    traps,
)

app = typer.Typer(
    name="toban",
    help="Toban, the one on duty: runs a virtualised blade datacenter by its policies, and says what it did and why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(demo.demo)
app.command("example")(example.example)
app.command("run")(serve.run)
app.command("simulate")(serve.simulate)
app.add_typer(inject.app, name="inject")
app.add_typer(policy.app, name="policy")
app.command("record")(record.record)
app.command("events")(reading.events)
app.command("decisions")(reading.decisions)
app.command("runs")(reading.runs)
app.command("record")(record.record)
app.command("status")(reading.status)
app.command("sources")(sources.sources)
traps.app.command("engines")(trap_engines.engines)
app.add_typer(traps.app, name="traps")
app.command("approve")(answering.approve)
app.command("reject")(answering.reject)
app.add_typer(hands.host, name="host")
app.add_typer(hands.vm, name="vm")
app.add_typer(hands.group, name="group")
app.add_typer(placing.app, name="place")
app.add_typer(machine.app, name="machine")
app.command("cancel")(cancelling.cancel)
app.command("stop")(control.stop)
app.command("release")(control.release)
app.command("maintenance")(control.maintenance)
app.command("mark")(marking.mark)
app.add_typer(notify.app, name="notify")
