"""The spool on real files: crashed anywhere, damaged anywhere, on a full disk; nothing is lost or made up."""

import contextlib
import errno
import os
import resource
import subprocess

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from collectors.snmp import spool
from collectors.snmp.spool import Full, Spool, SpoolSize
from tests.collectors.snmp import traps


def record(number, octets=60):
    return spool.Record(traps.NOW, "192.0.2.20", 162, number.to_bytes(4, "big") + bytes([number % 251]) * octets)


def numbers(kept, at=0):
    found = []
    while at < kept.end:
        some, at = kept.read(at, 7)
        found += [int.from_bytes(one.datagram[:4], "big") for one in some]
    return found


@contextlib.contextmanager
def opened(folder, **size):
    kept = Spool(folder, SpoolSize(**size))
    try:
        yield kept
    finally:
        kept.close()


@contextlib.contextmanager
def files_no_longer_than(octets):
    """What the kernel does with every file of this process: a write beyond fails, a partial one may be left."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def filled(folder, count, **size):
    with opened(folder, **size) as kept:
        for start in range(0, count, 10):
            kept.append([record(number) for number in range(start, min(start + 10, count))])


FRAME = len(spool.frame(record(0)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 20 * FRAME))
@example(cut=3 * FRAME)
def test_a_spool_cut_off_anywhere_holds_every_record_before_the_cut(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("spool")
    filled(folder, 20)
    os.truncate(folder / f"{0:020d}.spool", cut)
    with opened(folder) as kept:
        assert numbers(kept) == list(range(cut // FRAME))
        assert kept.damaged == cut % FRAME
        kept.append([record(99)])
        assert numbers(kept)[-1] == 99


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 20 * FRAME - 1), flip=st.integers(1, 255))
@example(at=0, flip=255)
@example(at=FRAME + 1, flip=1)
def test_a_flipped_octet_costs_one_record_or_is_seen_as_the_end_and_nothing_is_made_up(tmp_path_factory, at, flip):
    folder = tmp_path_factory.mktemp("spool")
    filled(folder, 20, segment=10 * FRAME)
    path = folder / f"{0 if at < 10 * FRAME else 10 * FRAME:020d}.spool"
    octets = bytearray(path.read_bytes())
    octets[at % (10 * FRAME)] ^= flip
    path.write_bytes(octets)
    hit = at // FRAME
    with opened(folder, segment=10 * FRAME) as kept:
        found = numbers(kept)
        assert kept.damaged > 0
    assert hit not in found
    assert found == sorted(found)
    assert set(found) <= set(range(20))
    others = range(10, 20) if hit < 10 else range(10)
    assert set(others) <= set(found), "damage stays in its segment"
    if at % FRAME >= 4 and hit % 10 < 9:
        assert found == [number for number in range(20) if number != hit], "its length was sound"


def test_a_datagram_that_holds_a_frame_makes_no_record_of_it_when_its_own_frame_is_damaged(tmp_path):
    forged = spool.frame(spool.Record(traps.NOW, "192.0.2.20", 162, b"forged"))
    with opened(tmp_path) as kept:
        kept.append([spool.Record(traps.NOW, "203.0.113.9", 9, forged * 3), record(1)])
    path = tmp_path / f"{0:020d}.spool"
    octets = bytearray(path.read_bytes())
    octets[9] ^= 1
    path.write_bytes(octets)
    with opened(tmp_path) as kept:
        assert [one.source for one in kept.read(0, 10)[0]] == ["192.0.2.20"]
        assert numbers(kept) == [1]


def test_a_file_that_cannot_grow_refuses_the_batch_whole_and_the_spool_goes_on_when_it_can(tmp_path):
    with opened(tmp_path) as kept:
        kept.append([record(1)])
        with files_no_longer_than(FRAME + 30), pytest.raises(OSError, match="File too large"):
            kept.append([record(2), record(3)])
        assert numbers(kept) == [1]
        kept.append([record(4)])
        assert numbers(kept) == [1, 4]
    with opened(tmp_path) as kept:
        assert numbers(kept) == [1, 4]
        assert kept.damaged == 0


def test_rubbish_that_cannot_be_cut_off_is_never_read(tmp_path, monkeypatch):
    def stuck(*_):
        raise OSError(errno.EIO, "Input/output error")

    with opened(tmp_path) as kept:
        kept.append([record(1)])
        with monkeypatch.context() as patched:
            patched.setattr(os, "ftruncate", stuck)
            with files_no_longer_than(FRAME + 30), pytest.raises(OSError, match="File too large"):
                kept.append([record(2)])
        assert (tmp_path / f"{0:020d}.spool").stat().st_size == FRAME + 30
        kept.append([record(3)])
        assert numbers(kept) == [1, 3]
    with opened(tmp_path) as kept:
        assert (numbers(kept), kept.damaged) == ([1, 3], 0)


def test_of_a_batch_that_cannot_be_flushed_nothing_is_kept_and_the_next_one_is_whole(tmp_path, monkeypatch):
    def failing(_):
        raise OSError(errno.EIO, "Input/output error")

    with opened(tmp_path) as kept:
        for number in (1, 2):
            with monkeypatch.context() as patched:
                patched.setattr(os, "fsync", failing)
                with pytest.raises(OSError, match="Input/output error"):
                    kept.append([record(number)])
            kept.append([record(number + 10)])
        assert numbers(kept) == [11, 12]
    with opened(tmp_path) as kept:
        assert numbers(kept) == [11, 12]


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def until_it_fails(kept):
    """How many records a spool took until its disk was full."""
    for taken in range(1000):
        try:
            kept.append([record(taken, 1000)])
        except OSError as error:
            assert error.errno == errno.ENOSPC
            return taken
    raise AssertionError("the disk is never full")


def test_a_full_disk_loses_nothing_that_was_taken_and_its_position_is_still_kept(small_disk):
    with opened(small_disk / "spool") as kept:
        taken = until_it_fails(kept)
        half = kept.read(0, taken // 2)[1]
        kept.advance(half)
        assert len(numbers(kept)) == taken > 50
    with opened(small_disk / "spool") as kept:
        assert kept.published == half
        assert len(numbers(kept)) == taken


def test_a_full_disk_is_written_again_when_there_is_space(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(100 * 1024))
    with opened(small_disk / "spool") as kept:
        for number in range(3):
            with contextlib.suppress(OSError):
                kept.append([record(number, 9000)])
        before = numbers(kept)
        assert len(before) < 3, "the disk was full"
        ballast.unlink()
        kept.append([record(number, 9000) for number in range(3, 6)])
        assert numbers(kept) == [*before, 3, 4, 5]


def test_where_all_was_published_is_told_even_by_a_torn_file(tmp_path):
    filled(tmp_path, 4)
    with opened(tmp_path) as kept:
        kept.advance(2 * FRAME)
    with opened(tmp_path) as kept:
        assert (kept.published, numbers(kept, kept.published)) == (2 * FRAME, [2, 3])
    (tmp_path / "published").write_text("0000000000000000")
    with opened(tmp_path) as kept:
        assert kept.published == 0, "rather again than never"


def test_the_last_eighth_is_kept_for_what_matters_most(tmp_path):
    with opened(tmp_path, limit=16 * FRAME) as kept:
        for number in range(14):
            assert not kept.crowded
            kept.append([record(number)])
        kept.append([record(14)])
        assert kept.crowded
        kept.append([record(15)])
        with pytest.raises(Full, match="full"):
            kept.append([record(16)])


def test_published_segments_make_room(tmp_path):
    with opened(tmp_path, limit=16 * FRAME, segment=2 * FRAME, history=2 * FRAME) as kept:
        for number in range(100):
            kept.append([record(number)])
            kept.advance(kept.end)
        assert len(list(tmp_path.glob("*.spool"))) <= 4
        assert numbers(kept, kept.published) == []
