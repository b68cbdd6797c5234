"""Numbers and flags as people write them in files: taken as they stand, never turned from another kind of value."""

from typing import Annotated

from pydantic import Field

Whole = Annotated[int, Field(strict=True)]
"""An integer; `"3"`, `true` and `3.0` are none."""
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A finite number."""
Flag = Annotated[bool, Field(strict=True)]
"""`true` or `false`; the word `no` is a text."""
