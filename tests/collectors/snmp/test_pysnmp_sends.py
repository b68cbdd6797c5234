"""pysnmp's own sender against the listener: traps and informs in SNMPv3, also with keys as Cisco makes them."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.collectors.snmp.sealing import user
from tests.collectors.snmp.wires import listening

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("kind", "auth", "privacy"),
    [
        ("trap", "sha1", "aes128"),
        ("inform", "sha1", "aes128"),
        ("inform", "sha1", "aes192-reeder"),
        ("inform", "sha1", "aes256-reeder"),
        ("inform", "sha512", "aes256"),
    ],
)
def test_pysnmps_notifications_become_events_and_its_informs_are_answered(tmp_path, kind, auth, privacy):
    async def go():
        async with listening(tmp_path, users=(user(auth=auth, privacy=privacy),)) as wire:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.collectors.snmp.pysnmp_sender", str(wire.listener.address[1]), kind, auth, privacy),
                env={**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
                cwd=ROOT,
            )
            code = await asyncio.wait_for(child.wait(), 60)
            await wire.until(published=1)
            return code, await wire.events(), wire.listener.counts().rejected

    code, events, rejected = asyncio.run(go())
    assert code == 0
    assert [(event.type, event.subject) for event in events] == [("blade.power.lost", "machine:chassis1/1")]
    assert set(rejected) <= {"v3-discovery"}
