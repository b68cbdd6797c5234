"""`toban notify`, and the settings behind it."""

import pytest
from typer.testing import CliRunner

from engine.documents import Unreadable
from engine.model.errors import ConfigurationError
from toban import example, settings
from toban.cli import app

CHANNELS = """
notify:
  default: mail
  channels:
    oncall: {urls_file: oncall.urls, fallback: mail, limit: 5, within: 1m}
    mail: {urls_file: mail.urls}
  reports: [{channel: oncall, at: [page, end], severity: critical}]
"""


@pytest.fixture
def site(tmp_path):
    """A site's settings with two channels; `write` gives a file of addresses."""
    path = example.write(tmp_path, example.free_ports(), armed=False, quick=True)
    path.write_text(path.read_text() + CHANNELS)
    for name in ("oncall", "mail"):
        urls(tmp_path, name, "json://127.0.0.1:9/secret-word")
    return path


def urls(folder, name, text, mode=0o400):
    path = folder / f"{name}.urls"
    path.unlink(missing_ok=True)
    path.write_text(f"# whoever is on duty\n{text}\n")
    path.chmod(mode)


def run(*words, ok=0):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == ok, result.output
    return result.output


def test_the_channels_are_shown_without_their_addresses(site) -> None:
    said = run("notify", "list", "--config", site)
    assert "oncall: 5 notices per 60 s and severity, then mail" in said
    assert "reports page, end of at least critical to oncall" in said
    assert "secret-word" not in said


def test_a_test_notice_that_nobody_takes_is_exit_code_1(site) -> None:
    assert "notify channel mail did not take the notice" in run("notify", "test", "mail", "--config", site, ok=1)


def test_an_unknown_channel_an_open_file_and_a_bad_address_are_one_sentence_each(site) -> None:
    result = CliRunner().invoke(app, ["notify", "test", "sms", "--config", str(site)])
    assert isinstance(result.exception, ConfigurationError)
    assert "known: mail, oncall" in str(result.exception)
    urls(site.parent, "mail", "json://127.0.0.1:9/secret-word", mode=0o444)
    result = CliRunner().invoke(app, ["notify", "test", "mail", "--config", str(site)])
    assert "can be read by others" in str(result.exception)
    urls(site.parent, "mail", "secret-word")
    result = CliRunner().invoke(app, ["notify", "test", "mail", "--config", str(site)])
    assert "address 1 of notify channel mail is none that apprise understands" in str(result.exception)
    assert "secret-word" not in str(result.exception)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("fallback: mail", "fallback: fax"), ("channel: oncall", "channel: fax"), ("mail\n  ch", "fax\n  ch")],
)
def test_settings_that_name_a_channel_which_is_not_there_are_refused(site, right, wrong) -> None:
    site.write_text(site.read_text().replace(right, wrong, 1))
    with pytest.raises(Unreadable, match=r"there is no channel 'fax' under notify.channels"):
        settings.load(site)
