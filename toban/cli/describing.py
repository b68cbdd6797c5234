"""`toban policy schema | reference`: the language told to editors and to people."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from engine.model import catalogue
from engine.model.errors import ConfigurationError
from toban import reference
from toban import schema as making

Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write it to this file instead of showing it.")]


def schema(*, out: Out = None) -> None:
    """Write the JSON Schema (2020-12) of policy files, so that an editor completes and checks them; en and ja.

    In VS Code (YAML extension) and other editors with yaml-language-server, put this line first in a policy file:
    # yaml-language-server: $schema=policy.schema.json
    """
    _write(orjson.dumps(making.schema(catalogue.shipped()), option=orjson.OPT_INDENT_2).decode(), out)


def show_reference(
    *,
    out: Out = None,
    examples: Annotated[Path, typer.Option("--examples", help="Folder of the examples.")] = Path("docs/examples"),
) -> None:
    """Write the policy reference (Markdown), made from the models, the actions, the catalogue and the examples."""
    _write(reference.page(catalogue.shipped(), examples).rstrip("\n"), out)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text)
        return
    try:
        out.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        msg = f"{out} cannot be written: {error.strerror}"
        raise ConfigurationError(msg) from error
