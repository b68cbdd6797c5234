"""net-snmp's own senders against the listener: every version and level, traps and informs, and what must not get in."""

import asyncio

import pytest

from engine.clock import SystemClock
from tests.collectors.snmp.sealing import ENGINE, PHRASES, user
from tests.collectors.snmp.traps import SERIAL, SLOT
from tests.collectors.snmp.wires import NetSnmp, RefusingBus, listening

WORDS = {
    "sha1": "SHA",
    "sha224": "SHA-224",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
    "aes128": "AES",
    "aes192": "AES-192",
    "aes256": "AES-256",
}
VARBINDS = (f"{SLOT}.1.1", "i", "1", f"{SERIAL}.1", "s", "ENCL-SER-1")
V2 = ("", "1.3.6.1.4.1.232.0.22056", *VARBINDS)
V1 = ("1.3.6.1.4.1.232", "127.0.0.1", "6", "22056", "", *VARBINDS)
ONCE = ("-r", "0", "-t", "1")
LEVELS = ("noAuthNoPriv", "authNoPriv", "authPriv")


def v3(name="oa", level="authPriv", auth="sha256", privacy="aes128", phrases=PHRASES):
    said = ["-v3", "-u", name, "-l", level]
    said += ["-a", WORDS[auth], "-A", phrases[0]] if level != "noAuthNoPriv" else []
    return (*said, *(("-x", WORDS[privacy], "-X", phrases[1]) if level == "authPriv" else ()))


def heard(folder, program, arguments, *, bus=None, users=(), varbinds=V2, **counts):
    """Exit code of net-snmp's program, the counts, and the events, once these counts are reached."""

    async def go():
        async with listening(folder, bus, users=tuple(users)) as wire:
            where = f"127.0.0.1:{wire.listener.address[1]}"
            code, said = await NetSnmp(folder).run(program, *ONCE, *arguments, where, *varbinds)
            await wire.until(**counts)
            return (code, said), wire.listener.counts(), await wire.events()

    return asyncio.run(go())


def kinds(events):
    return [(event.type, event.subject) for event in events]


LOST = [("blade.power.lost", "machine:chassis1/1")]


@pytest.mark.parametrize(
    ("program", "version", "varbinds"),
    [("snmptrap", "-v1", V1), ("snmptrap", "-v2c", V2), ("snmpinform", "-v2c", V2)],
)
def test_net_snmps_v1_and_v2c_notifications_become_events(tmp_path, program, version, varbinds):
    (code, said), counts, events = heard(tmp_path, program, (version, "-c", "public"), varbinds=varbinds, published=1)
    assert code == 0, said
    assert kinds(events) == LOST
    assert counts.rejected == {}


@pytest.mark.parametrize("program", ["snmptrap", "snmpinform"])
@pytest.mark.parametrize("level", LEVELS)
def test_net_snmps_v3_notifications_become_events_at_every_level(tmp_path, program, level):
    mine = user(
        least=level,
        auth=None if level == "noAuthNoPriv" else "sha256",
        privacy="aes128" if level == "authPriv" else None,
    )
    engine = ("-e", f"0x{ENGINE.hex()}") if program == "snmptrap" else ()
    (code, said), counts, events = heard(tmp_path, program, (*v3(level=level), *engine), users=[mine], published=1)
    assert code == 0, said
    assert kinds(events) == LOST
    assert events[0].data["security"]["level"] == level
    assert set(counts.rejected) <= {"v3-discovery"}


@pytest.mark.parametrize("auth", ["sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("privacy", ["aes128", "aes192", "aes256"])
def test_net_snmp_and_we_derive_the_same_keys(tmp_path, auth, privacy):
    said = v3(auth=auth, privacy=privacy)
    mine = [user(auth=auth, privacy=privacy)]
    (code, told), counts, events = heard(tmp_path, "snmpinform", said, users=mine, received=1)
    if "Invalid privacy protocol" in told:
        pytest.skip(f"this net-snmp was built without {WORDS[privacy]}")
    assert code == 0, told
    assert kinds(events) == LOST
    assert counts.rejected == {"v3-discovery": 1}


@pytest.mark.parametrize("level", LEVELS)
def test_an_inform_that_the_store_refuses_stays_unanswered(tmp_path, level):
    mine = user(
        least=level,
        auth=None if level == "noAuthNoPriv" else "sha256",
        privacy="aes128" if level == "authPriv" else None,
    )
    (code, said), counts, events = heard(
        tmp_path, "snmpinform", v3(level=level), bus=RefusingBus(SystemClock()), users=[mine], refused=1
    )
    assert code != 0
    assert "Timeout" in said
    assert (counts.published, events) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "reason", "told"),
    [
        (v3(phrases=("another-phrase", PHRASES[1])), "v3-auth", "Authentication failure"),
        (v3(name="stranger"), "v3-user", "Unknown user name"),
        (v3(level="authNoPriv"), "v3-level", "Unsupported security level"),
        (v3(auth="sha1"), "v3-auth", "Authentication failure"),
        (v3(phrases=(PHRASES[0], "another-phrase")), "v3-decryption", "Decryption error"),
    ],
)
def test_an_inform_that_is_not_proven_is_counted_and_its_sender_told_why(tmp_path, arguments, reason, told):
    (code, said), counts, events = heard(tmp_path, "snmpinform", arguments, users=[user()], received=2)
    assert code != 0
    assert told in said
    assert counts.rejected == {"v3-discovery": 1, reason: 1}
    assert events == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((*v3(phrases=("another-phrase", PHRASES[1])), "-e", f"0x{ENGINE.hex()}"), "v3-auth"),
        ((*v3(name="stranger"), "-e", f"0x{ENGINE.hex()}"), "v3-user"),
        ((*v3(), "-e", "0x80001f8804ffffffff"), "v3-engine"),
        ((*v3(level="noAuthNoPriv"), "-e", f"0x{ENGINE.hex()}"), "v3-level"),
    ],
)
def test_a_trap_that_is_not_proven_is_counted_and_becomes_nothing(tmp_path, arguments, reason):
    _, counts, events = heard(tmp_path, "snmptrap", arguments, users=[user()], received=1)
    assert counts.rejected == {reason: 1}
    assert events == []
