"""`toban`: the command line; a user's mistake is one sentence and exit code 2, never a traceback."""

import sys
from typing import Any

import structlog
import typer

from engine.model.errors import ConfigurationError, TobanError

Usage: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""Every usage error of the command line library; it has a public name for its children only."""


def main() -> None:
    """Run the command line and exit with its code: 0 ok, 1 finding, 2 usage or configuration, 130 interrupted."""
    try:
        from toban import logs
        from toban.cli import app

        logs.configure(as_json=False, level="error")  # a command's own words are its output; `run` logs more
        code = app(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Usage as error:
        error.message = error.message.replace("Value error, ", "")  # pydantic's, not ours
        error.show()
        sys.exit(2)
    except ConfigurationError as error:
        _say(error)
        sys.exit(2)
    except TobanError as error:
        _say(error)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except BaseExceptionGroup as group:
        known = [error for error in _leaves(group) if isinstance(error, TobanError)]
        if not known:
            structlog.get_logger().exception("toban.fault")
            sys.exit(1)
        _say(known[0])
        sys.exit(2 if isinstance(known[0], ConfigurationError) else 1)
    sys.exit(code if isinstance(code, int) else 0)


def _say(error: TobanError) -> None:
    sys.stderr.write(f"toban: {error}\n")


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


if __name__ == "__main__":
    main()
