"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Option("--config", "-c", help="The site's toban.yaml.", show_default=True)]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value a line instead of text.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on and show what is new, until Ctrl-C.")]

DEFAULT = Path("toban.yaml")
