"""What the process died of three times is known, and is not tried again."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from engine.inhand import InHand

DIE = """
import os, sys
from pathlib import Path
from engine.inhand import InHand
hand = InHand(Path(sys.argv[1]))
hand.take("events", 7)
if sys.argv[2] == "done":
    hand.down()
os.abort()
"""


def _die(folder: Path, how: str) -> None:
    ended = subprocess.run([sys.executable, "-c", DIE, folder, how], check=False, capture_output=True)
    assert ended.returncode == -6


def test_a_record_in_hand_at_three_crashes_is_poison(tmp_path: Path) -> None:
    for _ in range(2):
        _die(tmp_path, "busy")
    with closing(InHand(tmp_path)) as hand:
        assert not hand.is_poison("events", 7)
    _die(tmp_path, "busy")
    with closing(InHand(tmp_path)) as hand:
        assert hand.is_poison("events", 7)
        assert not hand.is_poison("inventory", 7)
        assert not hand.is_poison("events", 8)
    with closing(InHand(tmp_path)) as hand:
        assert hand.is_poison("events", 7)


def test_a_crash_between_two_records_accuses_nobody(tmp_path: Path) -> None:
    for _ in range(4):
        _die(tmp_path, "done")
    with closing(InHand(tmp_path)) as hand:
        assert not hand.is_poison("events", 7)


def test_a_damaged_list_of_suspects_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "suspects.json").write_text("{", encoding="utf-8")
    with closing(InHand(tmp_path)) as hand:
        assert not hand.is_poison("events", 7)
