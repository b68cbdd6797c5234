"""Who may send traps by default: everybody whom the estate or the settings name, and nobody else."""

import pytest

from engine.estate import loading
from engine.model.errors import ConfigurationError
from tests.collectors.snmp.sealing import write_phrases
from tests.toban.test_snmp_users import ONE
from toban import example, parts, settings


@pytest.fixture
def chosen(tmp_path):
    """The example's settings, with a chassis, a controller and a user elsewhere, and with more under `snmp`."""

    def load(more=""):
        path = example.write(tmp_path, example.free_ports(), armed=False, quick=True)
        write_phrases(tmp_path / "secrets")
        text = path.read_text().replace("  sources: [127.0.0.0/8]\n", "")
        path.write_text(text.replace("snmp:\n", "snmp:\n" + ONE.replace("127.0.0.1", "192.0.2.40") + more))
        estate = tmp_path / "estate.yaml"
        slots = loading.load(estate).chassis[0].slots
        text = estate.read_text().replace("address: 127.0.0.1", "address: 192.0.2.20")
        for slot, host in zip(slots, ("192.0.2.31", "blade2.example"), strict=True):
            text = text.replace(slot.bmc.url, f"https://{host}")
        estate.write_text(text)
        return settings.load(path)

    return load


def heard_from(found) -> tuple[str, ...]:
    return parts.traps(found, loading.load(found.estate)).sources


def test_chassis_controllers_users_and_proxies_are_heard_without_being_listed_again(chosen) -> None:
    assert heard_from(chosen("  proxies: [198.51.100.7]\n")) == (
        "192.0.2.20",
        "192.0.2.31",
        "198.51.100.7",
        "192.0.2.40",
    )


def test_networks_in_the_settings_are_the_whole_list(chosen) -> None:
    assert heard_from(chosen("  sources: [192.0.2.0/24]\n")) == ("192.0.2.0/24",)


def test_a_proxy_that_is_no_address_is_refused_in_words(chosen) -> None:
    with pytest.raises(ConfigurationError, match="proxies"):
        chosen("  proxies: [forwarder.example]\n")


@pytest.mark.parametrize("more", ["", "  proxies: [198.51.100.7]\n"])
def test_the_proxies_of_the_settings_are_believed(chosen, more) -> None:
    assert parts.proxies(chosen(more)) == (("198.51.100.7",) if more else ())
