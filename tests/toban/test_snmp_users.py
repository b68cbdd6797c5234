"""Users of SNMPv3 in the settings: what is refused and why, and that what is written is what the listener gets."""

import asyncio

import pytest

from collectors.snmp.listening import TrapListener
from engine import documents
from engine.bus.memory import MemoryBus
from engine.clock import SystemClock
from engine.estate import loading
from engine.model.errors import ConfigurationError
from tests.collectors.snmp.sealing import ENGINE, PHRASES, trap, write_phrases
from tests.collectors.snmp.traps import MAPS, ORIGINS
from toban import example, parts, settings

USERS = """\
  users:
    oa:
      auth: {protocol: sha256, secret_file: secrets/auth}
      privacy: {protocol: aes128, secret_file: secrets/privacy}
      engines: {%s: [127.0.0.1]}
"""
ONE = USERS % ENGINE.hex()


@pytest.fixture
def site(tmp_path):
    """Writes the example's settings with other users, and reads them."""
    path = example.write(tmp_path, example.free_ports(), armed=False, quick=True)
    write_phrases(tmp_path / "secrets")
    before = path.read_text()

    def load(users=ONE, communities=True):
        text = before if communities else before.replace("  community_file: secrets/communities\n", "")
        path.write_text(text.replace("snmp:\n", f"snmp:\n{users}"))
        return settings.load(path)

    return load


def listened(chosen):
    return parts.traps(chosen, loading.load(chosen.estate))


def test_a_trap_of_a_user_in_the_settings_is_published(site):
    chosen = site(communities=False)
    clock = SystemClock()

    async def go():
        bus = MemoryBus(clock)
        listener = TrapListener(listened(chosen), MAPS, ORIGINS, bus, clock)
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(listener.run(ready))
            await ready.wait()
            listener._hear(trap(), "127.0.0.1", 9)
            while not listener.counts().published:
                await asyncio.sleep(0.01)
            task.cancel()
        return listener.counts()

    counts = asyncio.run(go())
    assert (counts.published, counts.rejected) == (1, {})


def test_communities_and_users_may_stand_together(site):
    found = listened(site())
    assert found.communities == ("toban",)
    assert [one.user.name for one in found.users] == ["oa"]
    assert PHRASES[0] not in repr(found)


@pytest.mark.parametrize(
    ("users", "sentence"),
    [
        ("  users: {oa: {}}\n", "authPriv is required, but there are no keys for it"),
        ("  users: {oa: {least: authNoPriv}}\n", "authNoPriv is required, but there are no keys"),
        ("  users: {oa: {privacy: {secret_file: secrets/privacy}, least: noAuthNoPriv}}\n", "privacy needs auth"),
        (USERS.replace("sha256", "md5") % ENGINE.hex(), "'sha1', 'sha224', 'sha256', 'sha384' or 'sha512'"),
        (USERS.replace("aes128", "des") % ENGINE.hex(), "'aes128', 'aes192', 'aes256'"),
        (USERS % "80zz", "is no engine id: write 5 to 32 octets in hex"),
        ((USERS % ENGINE.hex()).replace("[127.0.0.1]", "[]"), "needs the address that it sends from"),
        (f"  users: {{{'x' * 33}: {{least: noAuthNoPriv}}}}\n", "is not 1 to 32 octets long"),
    ],
)
def test_a_user_that_cannot_be_is_refused_with_its_place(site, users, sentence):
    with pytest.raises(documents.Unreadable, match=sentence) as caught:
        site(users)
    assert "toban.yaml:" in str(caught.value)


def test_nobody_to_hear_is_refused(site):
    with pytest.raises(documents.Unreadable, match="nobody could be heard: name a community_file"):
        site("", communities=False)


def test_a_short_pass_phrase_is_refused_and_not_shown(site, tmp_path):
    chosen = site()
    (tmp_path / "secrets" / "auth").chmod(0o600)
    (tmp_path / "secrets" / "auth").write_text("seven77\n")
    with pytest.raises(ConfigurationError, match="has 7 characters; SNMPv3 needs 8") as caught:
        listened(chosen)
    assert "seven77" not in str(caught.value)


def test_a_pass_phrase_that_others_can_read_is_refused(site, tmp_path):
    chosen = site()
    (tmp_path / "secrets" / "privacy").chmod(0o444)
    with pytest.raises(ConfigurationError, match="can be read by others"):
        listened(chosen)


def test_how_much_may_come_in_is_what_the_settings_say(site):
    chosen = listened(site(f"{ONE}  rate: 20\n  total_rate: 70\n  spool_bytes: 40000000\n"))
    assert (chosen.limits.declared, chosen.limits.total, chosen.spool_bytes) == ((20, 200), 70, 40_000_000)
    with pytest.raises(ConfigurationError, match="spool_bytes"):
        site(f"{ONE}  spool_bytes: 10\n")
