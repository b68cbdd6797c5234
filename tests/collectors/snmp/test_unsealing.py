"""SNMPv3 at the gate: who is believed, what is old, what is answered; messages are sealed by hand, not by our code."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder
from pysnmp.proto.mpmod import rfc3412

from collectors.snmp import engine_file
from collectors.snmp.engine_file import EngineState
from collectors.snmp.mapping import Heard, to_event
from collectors.snmp.timeliness import Mark, Seen, Timeliness
from collectors.snmp.unsealing import Gate
from engine.bus.memory import MemoryBus
from engine.clients import snmp, usm
from engine.clients.ber import Malformed
from engine.clients.snmp_v3 import Sealed
from engine.clients.usm import Unproven
from engine.clock import HandClock, SystemClock
from engine.model.errors import ConfigurationError, Transient
from tests.collectors.snmp import sealing, traps
from tests.collectors.snmp.sealing import ENGINE, Seal, envelope, trap, user
from tests.collectors.snmp.wires import listening
from tests.engine.clients.snmp.vectors import vectors

OURS = bytes.fromhex("80004fb805aabbccddeeff00112233")
START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def gate(*users, marks=None, clock=None, boots=3):
    return Gate(users or (user(),), EngineState(OURS, boots, marks or {}), clock or HandClock(START))


def admitted(at, datagram, source="127.0.0.1"):
    found = at.admit(datagram, envelope(datagram), source)
    at.remember(datagram, envelope(datagram))
    return found


def refused(at, datagram, source="127.0.0.1"):
    with pytest.raises(Unproven) as caught:
        admitted(at, datagram, source)
    return caught.value.reason


def test_a_proven_trap_reads_as_the_same_trap_in_v2c():
    found = admitted(gate(), trap())
    plain = snmp.decode(traps.blade(22056, 1))
    assert (found.key, found.varbinds, found.uptime) == (plain.key, plain.varbinds, plain.uptime)
    assert found.security == snmp.Security("oa", "authPriv", ENGINE.hex(), "sha256")


@pytest.mark.parametrize(
    ("auth", "level", "proven"),
    [
        ("sha256", 2, True),
        ("sha384", 2, True),
        ("sha512", 2, True),
        ("sha224", 2, False),
        ("sha1", 2, False),
        ("sha256", 1, False),
        ("sha256", 0, False),
    ],
)
def test_only_authpriv_with_sha256_or_better_proves_a_trap(auth, level, proven):
    at = gate(user(least="noAuthNoPriv", auth=auth))
    datagram = trap(seal=Seal(level=level, auth=auth))
    found = to_event(Heard(admitted(at, datagram), "127.0.0.1", START, datagram), traps.TABLES)
    assert found.event.data["authenticated"] is proven


def test_a_trap_in_v2c_proves_nothing():
    assert traps.mapped(traps.blade(22056, 1)).event.data["authenticated"] is False


@pytest.mark.parametrize("engine", [ENGINE.hex(), ""])
def test_a_forged_copy_that_comes_first_makes_no_repetition_of_the_proven_one(engine):
    """`engine` is empty for an inform, whose authoritative engine is ours."""
    datagram = traps.blade(22056, 1)
    forged = Heard(snmp.decode(datagram), "127.0.0.1", START, datagram)
    security = snmp.Security("oa", "authPriv", engine, "sha256")
    proven = replace(forged, notification=forged.notification._replace(security=security))
    first, second = to_event(forged, traps.TABLES), to_event(proven, traps.TABLES)
    assert first.event.id != second.event.id
    assert first.content != second.content
    assert first.repeat.identity != second.repeat.identity


def test_a_captured_trap_is_heard_once():
    at = gate()
    admitted(at, trap())
    assert refused(at, trap()) == "v3-replay"
    assert refused(at, trap() + b"\0") == "v3-replay"


def test_a_captured_trap_stays_old_after_a_restart():
    clock = HandClock(START)
    before = gate(clock=clock)
    admitted(before, trap(seal=Seal(time=5000)))
    after = gate(marks=before.state().marks, clock=clock)
    assert refused(after, trap(seal=Seal(time=5000))) == "v3-time"
    assert refused(after, trap(seal=Seal(time=4999, message=2))) == "v3-time"
    admitted(after, trap(seal=Seal(time=5001, message=3)))
    admitted(after, trap(seal=Seal(boots=2, time=1, message=4)))


def test_a_trap_that_is_late_within_the_window_is_heard_in_the_same_life():
    at = gate()
    admitted(at, trap(seal=Seal(time=5000)))
    admitted(at, trap(seal=Seal(time=4851, message=2)))
    assert refused(at, trap(seal=Seal(time=4849, message=3))) == "v3-time"


def test_a_withheld_trap_is_too_late_although_nothing_newer_came():
    clock = HandClock(START)
    at = gate(clock=clock)
    admitted(at, trap(seal=Seal(time=1000)))
    clock.turn(160)
    assert refused(at, trap(seal=Seal(time=1005, message=2))) == "v3-time"
    admitted(at, trap(seal=Seal(time=1155, message=3)))


def test_a_chassis_whose_clock_goes_slow_is_heard_after_months_of_silence():
    clock = HandClock(START)
    at = gate(clock=clock)
    admitted(at, trap(seal=Seal(time=1000)))
    months = 90 * 86_400
    clock.turn(months)
    admitted(at, trap(seal=Seal(time=1000 + months - 160 - round(months * 0.0001), message=2)))


def test_a_restarted_sender_is_heard_and_its_earlier_life_is_not():
    at = gate()
    admitted(at, trap(seal=Seal(boots=4, time=9000)))
    admitted(at, trap(seal=Seal(boots=5, time=3, message=2)))
    assert refused(at, trap(seal=Seal(boots=4, time=9001, message=3))) == "v3-time"


def test_a_used_up_boots_counter_is_never_timely():
    assert refused(gate(), trap(seal=Seal(boots=2**31 - 1))) == "v3-time"


@pytest.mark.parametrize(
    ("seal", "source", "reason"),
    [
        (Seal(name="stranger"), "127.0.0.1", "v3-user"),
        (Seal(engine=bytes.fromhex("80001f8804ffffffff")), "127.0.0.1", "v3-engine"),
        (Seal(), "192.0.2.9", "v3-source"),
        (Seal(level=1), "127.0.0.1", "v3-level"),
        (Seal(level=0), "127.0.0.1", "v3-level"),
        (Seal(phrases=("another-phrase", sealing.PHRASES[1])), "127.0.0.1", "v3-auth"),
        (Seal(auth="sha1"), "127.0.0.1", "v3-auth"),
        (Seal(phrases=(sealing.PHRASES[0], "another-phrase")), "127.0.0.1", "v3-decryption"),
        (Seal(engine=OURS, boots=3, time=0), "127.0.0.1", "v3-engine"),
    ],
)
def test_what_is_not_proven_is_refused_with_its_reason(seal, source, reason):
    assert refused(gate(), trap(seal=seal), source) == reason


def test_a_user_is_bound_to_its_own_engine():
    other = bytes.fromhex("80001f88040a0b0c0d0e")
    at = gate(user("oa"), user("amm", engines={other: ("127.0.0.1",)}))
    admitted(at, trap(seal=Seal(name="amm", engine=other)))
    assert refused(at, trap(seal=Seal(name="amm"))) == "v3-user"
    assert refused(at, trap(seal=Seal(name="oa", engine=other))) == "v3-user"


def test_a_shortened_digest_is_refused():
    whole = trap()
    start, _ = envelope(whole).digest
    for size in (0, 1, 12, 23):
        sealed = envelope(whole)._replace(digest=(start, start + size))
        with pytest.raises(Unproven, match=f"a digest of {size} octets"):
            gate().admit(whole, sealed, "127.0.0.1")


def test_the_public_vectors_open_with_their_keys_and_the_wrong_one_does_not():
    found = {name.split()[-1]: datagram for name, datagram in vectors("valid_notifications").items()}
    engine = bytes.fromhex("8000000001020304")
    phrases = ("authpassword", "privpassword")
    at = gate(user("trapuser", auth="sha1", phrases=phrases, engines={engine: ("127.0.0.1",)}))
    opened = admitted(at, found["val-064-545134ac"])
    assert opened.key == "1.3.6.1.6.3.1.1.5.3"
    assert ("1.3.6.1.2.1.2.2.1.1", 3) in [(item.oid.rpartition(".")[0], item.value) for item in opened.varbinds]
    assert refused(at, found["val-063-7eb8ff62"]) == "v3-auth"


def test_a_changed_octet_anywhere_is_refused():
    whole, at = trap(), gate()
    believed = []
    for place in range(len(whole)):
        changed = whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :]
        try:
            decoded = snmp.decode(changed)
            believed.append(at.admit(changed, decoded, "127.0.0.1") if isinstance(decoded, Sealed) else decoded)
        except (Unproven, Malformed) as error:
            assert error.reason, place
    assert believed == []


def test_a_sender_that_asks_is_told_our_engine_and_clock():
    clock = HandClock(START)
    at = gate(clock=clock)
    clock.turn(77.9)
    asked = sealing.discovery(message=1234)
    with pytest.raises(Unproven) as caught:
        at.admit(asked, envelope(asked), "127.0.0.1")
    assert caught.value.reason == "v3-discovery"
    answer = at.report_to(asked, envelope(asked), caught.value, "127.0.0.1")
    said = envelope(answer)
    assert (said.message_id, said.engine, said.boots, said.time, said.level) == (1234, OURS, 3, 77, 0)
    message, rest = decoder.decode(answer, asn1Spec=rfc3412.SNMPv3Message())
    report = message["msgData"]["plaintext"]["data"]["report"]
    assert rest == b""
    assert int(report["request-id"]) == 9
    assert str(report["variable-bindings"][0]["name"]) == f"{usm.STATS}.4.0"


def test_who_asks_for_no_report_gets_none_and_a_flood_of_questions_few():
    clock = HandClock(START)
    at = gate(clock=clock)
    why = Unproven("v3-user", "stranger", usm.USER_REPORT)
    silent = trap(seal=Seal(name="stranger"))
    assert at.report_to(silent, envelope(silent), why, "127.0.0.1") is None
    asked = sealing.discovery()
    sent = [at.report_to(asked, envelope(asked), why, "127.0.0.1") for _ in range(1000)]
    assert len([one for one in sent if one is not None]) == 20


def test_an_inform_for_an_earlier_life_of_ours_is_told_the_time_under_its_key():
    at = gate(boots=7)
    stale = sealing.sealed(
        sealing.scoped_pdu(traps.notification(f"{traps.C7000}.22056", inform=True)),
        Seal(engine=OURS, boots=6, time=5, reportable=True),
    )
    with pytest.raises(Unproven) as caught:
        at.admit(stale, envelope(stale), "127.0.0.1")
    assert caught.value.reason == "v3-time"
    answer = at.report_to(stale, envelope(stale), caught.value, "127.0.0.1")
    said = envelope(answer)
    assert (said.level, said.boots) == (1, 7)
    usm.authentic(answer, said, usm.keys(user(least="authNoPriv").user, [OURS])[OURS])


def test_two_answers_in_one_second_never_share_a_salt_not_even_to_two_users():
    at, salts = gate(user("oa"), user("amm")), []
    for name in ("oa", "amm"):
        scoped = sealing.scoped_pdu(traps.notification(f"{traps.C7000}.22056", inform=True))
        inform = sealing.sealed(scoped, Seal(name, engine=OURS, boots=3, time=0))
        admitted(at, inform)
        salts += [envelope(at.response_to(inform)).salt for _ in range(100)]
    assert len(set(salts)) == 200


def test_a_salt_of_another_length_is_refused():
    whole = trap()
    known = usm.keys(user().user, [ENGINE])[ENGINE]
    with pytest.raises(Unproven, match="a salt of 7 octets"):
        usm.opened(whole, envelope(whole)._replace(salt=bytes(7)), known)


def test_what_is_kept_of_a_sealed_trap_can_be_read_by_others():
    at, whole = gate(), trap()
    found, clear = at.read(whole, envelope(whole))
    assert envelope(clear).level == 0
    message, rest = decoder.decode(clear, asn1Spec=rfc3412.SNMPv3Message())
    varbinds = message["msgData"]["plaintext"]["data"].getComponent()["variable-bindings"]
    assert rest == b""
    assert [str(item["name"]) for item in varbinds] == [item.oid for item in found.varbinds]


SEEN = st.builds(Seen, st.just(b"engine"), st.integers(0, 3), st.integers(0, 1000), st.binary(min_size=1, max_size=1))


@given(st.lists(st.one_of(st.tuples(SEEN, st.floats(0, 400)), st.just("restart")), max_size=60))
def test_no_message_is_timely_twice_over_restarts_or_without_any(steps):
    times, now, taken = Timeliness({}, 0.0), 0.0, []
    for step in steps:
        if step == "restart":
            times = Timeliness(times.marks(), now)
            continue
        seen, now = step[0], now + step[1]
        try:
            times.judge(seen, now)
        except Unproven:
            continue
        times.remember(seen, now)
        taken.append(seen)
    assert len(taken) == len(set(taken))
    boots = [seen.boots for seen in taken]
    assert boots == sorted(boots)


@given(st.lists(SEEN, max_size=40))
def test_marks_only_grow(messages):
    times, last = Timeliness({b"engine": Mark(1, 500)}, 0.0), Mark(1, 500)
    for seen in messages:
        times.remember(seen, 0.0)
        mark = times.marks()[b"engine"]
        assert (mark.boots, mark.time) >= (last.boots, last.time)
        last = mark


def test_each_life_has_its_own_boots_and_the_same_engine(tmp_path):
    path = tmp_path / "engine.json"
    first = engine_file.begun(path, b"abcdefghijkl")
    engine_file.write(path, EngineState(first.engine, first.boots, {ENGINE: Mark(4, 99)}))
    second = engine_file.begun(path, b"zzzzzzzzzzzz")
    assert (first.boots, second.boots) == (1, 2)
    assert second.engine == first.engine
    assert second.marks == {ENGINE: Mark(4, 99)}
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"engine": 3, "boots": 1, "marks": {}}'])
def test_a_damaged_state_file_is_not_guessed_at(tmp_path, body):
    (tmp_path / "engine.json").write_bytes(body)
    with pytest.raises(ConfigurationError, match="is damaged: move it away"):
        engine_file.begun(tmp_path / "engine.json", b"abcdefghijkl")


def test_a_replayed_trap_has_no_effect_over_the_wire_not_even_after_a_restart(tmp_path):
    async def go():
        captured = trap()
        for life in (1, 2):
            async with listening(tmp_path, users=(user(),)) as wire:
                for _ in range(10):
                    wire.send(captured)
                wire.send(trap(slot=life + 1, seal=Seal(time=1001 + life, message=10 + life)))
                await wire.until(received=11, published=2 if life == 1 else 1)
                yield wire.listener.counts(), await wire.events()

    async def collect():
        return [item async for item in go()]

    (first, early), (second, later) = asyncio.run(collect())
    assert first.rejected == {"v3-replay": 9}
    assert second.rejected == {"v3-time": 10}
    assert sorted(event.subject for event in early) == ["machine:chassis1/1", "machine:chassis1/2"]
    assert [event.subject for event in later] == ["machine:chassis1/3"]


def test_without_users_version_3_is_refused_and_counted(tmp_path):
    async def go():
        async with listening(tmp_path) as wire:
            wire.send(trap())
            await wire.until(received=1)
            return wire.listener.counts().rejected

    assert asyncio.run(go()) == {"v3": 1}


def test_a_trap_outside_the_time_window_has_no_effect_over_the_wire(tmp_path):
    async def go():
        async with listening(tmp_path, users=(user(),)) as wire:
            wire.send(trap(seal=Seal(time=5000)))
            await wire.until(published=1)
            wire.send(trap(slot=2, seal=Seal(time=4000, message=2)))
            await wire.until(received=2)
            wire.send(trap(slot=3, seal=Seal(time=5001, message=3)))
            await wire.until(published=2)
            return wire.listener.counts().rejected, [event.subject for event in await wire.events()]

    assert asyncio.run(go()) == ({"v3-time": 1}, ["machine:chassis1/1", "machine:chassis1/3"])


class AwayBus(MemoryBus):
    """A bus that is not there."""

    async def publish(self, event):
        raise Transient("the bus is away", retry_after=0.01)


def test_a_trap_kept_under_a_key_that_is_gone_is_counted_and_stops_nothing(tmp_path):
    async def go():
        async with listening(tmp_path, AwayBus(SystemClock()), users=(user(),)) as wire:
            wire.send(trap())
            await wire.until(spooled=1)
        async with listening(tmp_path, users=(user("other"),)) as wire:
            wire.send(traps.blade(22056, 2))
            await wire.until(published=1)
            return wire.listener.counts()

    counts = asyncio.run(go())
    assert counts.unreadable == 1
    assert counts.drops() == {"unreadable": 1}
