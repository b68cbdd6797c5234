"""net-snmp's snmptrapd reads the same in every valid datagram as we do; pysnmp's reading is in test_decoding.py."""

from engine.clients import snmp, usm
from engine.clients.snmp_v3 import Sealed
from tests.engine.clients.snmp import oracle, trapd
from tests.engine.clients.snmp.vectors import read, vectors

USERS = (
    "8000000001020304 trapuser SHA authpassword AES privpassword",
    "80001f88806b8fad3b07c2706500000000 myuser2 MD5 mypassword2 AES myprivacy2",
    "80001f8880e9630000d61ff449 lextm MD5 authentication",
    "80001f888077dfe44faa70025800000000 myuser MD5 mypassword",
    "800000090300aabbcc000100 NOAUTHNOPRIV",
)
UNKNOWN_KEYS = {"val-063-7eb8ff62", "val-070-7af0e2e4", "val-072-e3b16b64"}
"""One is sealed with another key than the published one, of two nobody knows the key: net-snmp shows nothing."""
MD5_KEYS = {"val-065-db9ffb5f"}
"""Encrypted under an MD5 key, which we refuse to have."""


def ours(datagram):
    decoded = read(datagram)
    if isinstance(decoded, Sealed):
        user = usm.User("trapuser", "authPriv", "sha1", "authpassword", "aes128", "privpassword")
        keys = usm.keys(user, [decoded.engine])[decoded.engine]
        decoded = usm.content(decoded, usm.opened(datagram, decoded, keys), keys)
    assert isinstance(decoded, snmp.Notification)
    found = oracle.we_read(decoded)
    del found["community"]
    return found


def test_net_snmp_reads_the_same_in_every_valid_datagram(tmp_path):
    compared, silent = 0, set()
    with trapd.running(tmp_path, USERS) as peer:
        for file in ("valid_notifications", "mib_synthetic", "reconstructed"):
            for name, datagram in vectors(file).items():
                word = name.split()[-1]
                theirs = peer.reads(datagram, 0.3 if word in UNKNOWN_KEYS else 10)
                if theirs is None:
                    silent.add(word)
                elif word not in MD5_KEYS:
                    assert ours(datagram) == theirs, name
                    compared += 1
    assert silent == UNKNOWN_KEYS
    assert compared == 73 - 4 + 515 + 9


def test_where_net_snmp_bears_a_bent_rule_it_reads_what_we_read(tmp_path):
    found = {name.split()[-1]: datagram for name, datagram in vectors("lenient_notifications").items()}
    silent = {"len-004-c5847dd4", "len-008-7009f35c", "len-013-ed67d62a"}
    with trapd.running(tmp_path) as peer:
        for word, datagram in found.items():
            theirs = peer.reads(datagram, 0.3 if word in silent else 10)
            assert theirs == (None if word in silent else ours(datagram)), word
