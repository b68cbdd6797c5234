"""MIB files: traps and their objects by whole OIDs, through imports, in both versions of the language."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.snmp import drafting, mibs
from engine.model import catalogue
from engine.model.errors import ConfigurationError

ACME = """\
ACME-CHASSIS-MIB DEFINITIONS ::= BEGIN
IMPORTS
    MODULE-IDENTITY, OBJECT-TYPE, NOTIFICATION-TYPE, Integer32, enterprises FROM SNMPv2-SMI
    sysName FROM SNMPv2-MIB;

acme MODULE-IDENTITY
    LAST-UPDATED "202601010000Z"
    ORGANIZATION "Acme"
    CONTACT-INFO "nobody"
    DESCRIPTION "A chassis."
    ::= { enterprises 99999 }

acmeNotify OBJECT IDENTIFIER ::= { acme 0 }
acmeTable  OBJECT IDENTIFIER ::= { acme 1 2 }

acmeSlot OBJECT-TYPE
    SYNTAX      Integer32 (1..16)
    MAX-ACCESS  accessible-for-notify
    STATUS      current
    DESCRIPTION "The slot."
    ::= { acmeTable 1 }

acmeState OBJECT-TYPE
    SYNTAX      INTEGER { ok(1), failed(2) }
    MAX-ACCESS  accessible-for-notify
    STATUS      current
    DESCRIPTION "The state."
    ::= { acmeTable 2 }

acmeFanFailed NOTIFICATION-TYPE
    OBJECTS     { acmeSlot, acmeState, sysName }
    STATUS      current
    DESCRIPTION "A fan
                 has failed."
    ::= { acmeNotify 1 }

acmeFanOk NOTIFICATION-TYPE
    STATUS      current
    DESCRIPTION "A fan is well again."
    ::= { acmeNotify 2 }
END
"""

OLD = """\
OLD-MIB DEFINITIONS ::= BEGIN
IMPORTS
    enterprises FROM RFC1155-SMI
    OBJECT-TYPE FROM RFC-1212
    TRAP-TYPE FROM RFC-1215
    snmp FROM RFC1213-MIB
    acmeSlot FROM ACME-CHASSIS-MIB;

old OBJECT IDENTIFIER ::= { enterprises 88888 }

oldName OBJECT-TYPE
    SYNTAX OCTET STRING
    ACCESS read-only
    STATUS mandatory
    DESCRIPTION "Name"
    ::= { old 1 }

oldPowerLost TRAP-TYPE
    ENTERPRISE old
    VARIABLES { oldName, acmeSlot }
    DESCRIPTION "The server lost its power."
    --#TYPE "Power lost"
    --#SEVERITY CRITICAL
    ::= 7

oldLinkDown TRAP-TYPE
    ENTERPRISE snmp
    DESCRIPTION "A port is down."
    ::= 2
END
"""


def test_a_notification_of_smiv2_is_read_with_its_objects():
    found = mibs.read({"acme": ACME})
    failed, ok = found.traps
    assert found.gaps == ()
    assert (failed.module, failed.name, failed.oid) == ("ACME-CHASSIS-MIB", "acmeFanFailed", "1.3.6.1.4.1.99999.0.1")
    assert failed.text == "A fan has failed."
    assert [(one.name, one.oid, one.syntax) for one in failed.objects] == [
        ("acmeSlot", "1.3.6.1.4.1.99999.1.2.1", "Integer32"),
        ("acmeState", "1.3.6.1.4.1.99999.1.2.2", "1 ok, 2 failed"),
        ("sysName", "1.3.6.1.2.1.1.5", ""),
    ]
    assert (ok.oid, ok.objects) == ("1.3.6.1.4.1.99999.0.2", ())


def test_a_trap_of_smiv1_has_the_name_that_v2_gives_it_and_its_annotated_severity():
    found = mibs.read({"old": OLD}, {"acme": ACME})
    lost, down = found.traps
    assert found.gaps == ()
    assert (lost.oid, lost.severity) == ("1.3.6.1.4.1.88888.0.7", "CRITICAL")
    assert [one.oid for one in lost.objects] == ["1.3.6.1.4.1.88888.1", "1.3.6.1.4.1.99999.1.2.1"]
    assert (down.oid, down.severity) == ("1.3.6.1.6.3.1.1.5.3", "")


@pytest.mark.parametrize(
    ("change", "gap"),
    [
        (("{ enterprises 99999 }", "{ nowhere 1 }"), "nowhere comes from nothing that ACME-CHASSIS-MIB imports"),
        (("{ acme 0 }", "{ acmeNotify 0 }"), "acmeNotify is defined by itself"),
    ],
)
def test_a_name_that_leads_nowhere_leaves_its_traps_out(change, gap):
    found = mibs.read({"acme": ACME.replace(*change)})
    assert found.traps == ()
    assert f"acmeFanFailed: {gap}" in found.gaps


def test_a_file_beside_that_is_no_mib_is_passed_over_and_one_that_was_asked_for_is_not():
    assert len(mibs.read({"acme": ACME}, {"readme": "read me"}).traps) == 2
    with pytest.raises(ConfigurationError, match="readme:1: this is no MIB that can be read"):
        mibs.read({"readme": "read me"})


def test_words_of_a_trap_suggest_types_and_decide_nothing():
    words = catalogue.shipped()
    failed, ok = mibs.read({"acme": ACME}).traps
    assert drafting.suggested(failed, words)[0] == "fan.failed"
    assert "fan.ok" in drafting.suggested(ok, words)
    text = drafting.draft(mibs.read({"acme": ACME}), "acme", words)
    assert text.count('type: "?"') == 2


def test_text_of_a_mib_never_becomes_more_than_a_comment_or_a_quoted_word():
    hostile = ACME.replace("A fan is well again.", "x\\ntraps: {}\u2028vendor: evil").replace("acmeFanOk", "acme-yes")
    text = drafting.draft(mibs.read({"acme": hostile}), 'a"\n b: c', catalogue.shipped())
    assert [line for line in text.splitlines() if line.startswith("traps:")] == ["traps:"]
    assert text.count("\nvendor:") == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(ACME) - 1), st.text(max_size=4))
def test_a_damaged_mib_is_read_or_refused_in_one_sentence(place, text):
    try:
        mibs.read({"acme": ACME[:place] + text + ACME[place + 1 :]})
    except ConfigurationError as error:
        assert "\n" not in str(error)
    assert len(mibs.read({"acme": ACME}).traps) == 2
