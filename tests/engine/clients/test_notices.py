"""Notices over a real wire, through apprise."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from engine.clients.notices import Addresses
from engine.model.errors import ConfigurationError, Transient
from engine.model.event import Severity


@pytest.fixture
def hook():
    """A web hook that keeps what it is told, and answers with `status`."""

    class Hook(BaseHTTPRequestHandler):
        got: list[dict] = []  # noqa: RUF012
        status = 200

        def do_POST(self):
            self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(self.status)
            self.end_headers()

        def log_message(self, *_):
            return

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Hook.url = f"json://127.0.0.1:{server.server_port}/hook"
    yield Hook
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_notice_arrives_as_it_was_written(hook) -> None:
    Addresses("oncall", (hook.url,)).send("Toban critical: host:esx1", "fenced\n電源断\\n <b>", Severity.CRITICAL)
    (got,) = hook.got
    assert (got["title"], got["message"], got["type"]) == (
        "Toban critical: host:esx1",
        "fenced\n電源断\\n <b>",
        "failure",
    )


def test_a_channel_that_refuses_or_is_away_is_said(hook) -> None:
    hook.status = 500
    with pytest.raises(Transient, match="notify channel oncall did not take the notice"):
        Addresses("oncall", (hook.url,)).send("t", "b", Severity.INFO)
    with pytest.raises(Transient):
        Addresses("oncall", ("json://127.0.0.1:9/",)).send("t", "b", Severity.INFO)


@pytest.mark.parametrize("urls", [("nosuch://secret@host",), ("just words",), ()])
def test_an_address_that_cannot_be_used_is_refused_at_the_start_without_telling_it(urls) -> None:
    with pytest.raises(ConfigurationError, match="notify channel oncall") as error:
        Addresses("oncall", urls)
    assert "secret" not in str(error.value)
