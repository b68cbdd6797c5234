"""How a search becomes machine code, once for all processes where a cache can be written."""

from collections.abc import Callable
from typing import Literal, ParamSpec, TypeVar

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compiled at its first call (tens of seconds for the whole search), without the interpreter's lock while it runs.

    Kept beside the code, in the user's cache folder or in NUMBA_CACHE_DIR; where none of them can be written, each
    process compiles for itself.
    """
    return _made(function, inline="never")


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """The same, as a part of whatever calls it."""
    return _made(function, inline="always")


def _made(function: Callable[P, R], inline: Literal["never", "always"]) -> Callable[P, R]:
    try:
        return njit(cache=True, nogil=True, inline=inline)(function)
    except RuntimeError:  # numba: "no locator available"
        return njit(nogil=True, inline=inline)(function)
