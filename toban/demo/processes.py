"""Child processes of the demo: started, waited for, and gone at the end whatever happens."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.model.errors import TobanError


class Died(TobanError):
    """A child ended before it should."""


@asynccontextmanager
async def child(name: str, log: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`toban ARGUMENTS` as a process of its own; its words go to a file. Stopped by SIGTERM, after 15 s by SIGKILL."""
    with log.open("wb") as words:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "toban",
            *arguments,
            stdout=words,
            stderr=words,
            stdin=asyncio.subprocess.DEVNULL,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(15):
                    await process.wait()
            except TimeoutError:
                sys.stderr.write(f"toban demo: {name} did not stop in 15 s and was killed\n")
                process.kill()
                await process.wait()


async def appears(path: Path, process: asyncio.subprocess.Process, log: Path, within: float = 30.0) -> None:
    """Wait until the child has written its ready file; its last words are told if it dies first."""
    try:
        async with asyncio.timeout(within):
            while not path.exists():
                if process.returncode is not None:
                    raise Died(_last_words(log, f"it ended with code {process.returncode}"))
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise Died(_last_words(log, f"{path.name} did not appear within {within:.0f} s")) from error


def _last_words(log: Path, what: str) -> str:
    tail = log.read_bytes()[-2000:].decode("utf-8", "replace").strip().splitlines()[-5:]
    return f"{what}; its last words: {os.linesep.join(tail) or 'none'}"
