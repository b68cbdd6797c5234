"""The webhook over a real TCP port: who may post, within which bounds, and answered only after storing."""

import asyncio
import socket
import ssl

import pytest

from collectors.webhook import listening as intake
from collectors.webhook import serving
from collectors.webhook.proving import Tokens
from collectors.webhook.serving import Certificate
from engine.bus.memory import MemoryBus
from engine.clock import HandClock, SystemClock
from engine.model.errors import ConfigurationError, Permanent, Transient
from tests.collectors.webhook.place import NOW, OTHER, TOKEN, alert, group, listening
from toban.simulator import certificates

BODY = group(alert())


def test_an_alert_is_answered_once_its_event_is_stored_and_counted_as_heard():
    async def go():
        async with listening() as wire:
            answer = await wire.posted("/alertmanager", BODY)
            again = await wire.posted("/alertmanager/", BODY)
            return answer, again, await wire.events(), wire.intake.sources()

    answer, again, events, (source, other) = asyncio.run(go())
    assert answer[:2] == again[:2] == (200, {"stored": 1})
    assert [(event.type, event.subject) for event in events] == [("thermal.critical", "host:esx1")]
    assert (source.name, source.blind, other.age) == ("webhook:alertmanager", None, None)
    assert 0 <= source.age < 5


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": f"bearer {TOKEN}"}, 200),
        ({"Authorization": f"Bearer {OTHER}"}, 200),
    ],
)
def test_only_a_valid_token_opens_and_a_refusal_says_how(headers, status):
    async def go():
        async with listening() as wire:
            answer = await wire.posted("/alertmanager", BODY, headers)
            return answer, await wire.events(), wire.intake.sources()

    (got, words, sent), events, sources = asyncio.run(go())
    assert got == status
    assert len(events) == (status == 200)
    if status == 401:
        assert sent["www-authenticate"] == 'Bearer realm="toban"'
        assert "webhook.clients" in words["error"]
        assert sources[-1].drops == {"token": 1}


def test_every_known_token_is_compared_whatever_was_given(monkeypatch):
    compared = []
    real = intake.Tokens({"a": ("first-token-of-a",), "b": ("token-of-b", "")})
    monkeypatch.setattr("collectors.webhook.proving.hmac.compare_digest", lambda x, y: compared.append(x) or x == y)
    assert real.client(b"Bearer first-token-of-a") == "a"
    assert real.client(b"Bearer ") is None
    assert len(compared) == 4
    assert Tokens({}).client(b"Bearer x") is None


@pytest.mark.parametrize(
    ("path", "method", "body", "status", "reason"),
    [
        ("/nothing", "POST", BODY, 404, "path"),
        ("/alertmanager", "PUT", BODY, 405, "method"),
        ("/alertmanager", "POST", b"{}", 400, "unreadable"),
        ("/alertmanager", "POST", b"x" * (1024 * 1024 + 1), 413, "size"),
        ("/events", "POST", b"{}", 400, "unreadable"),
    ],
)
def test_what_is_not_taken_is_counted_by_its_reason(path, method, body, status, reason):
    async def go():
        async with listening() as wire:
            answer = await wire.posted(path, body, method=method)
            return answer, await wire.events(), wire.intake.sources()

    (got, words, _), events, sources = asyncio.run(go())
    assert (got, events) == (status, [])
    assert words["error"]
    assert {reason: 1} in [source.drops for source in sources]


class FailingBus(MemoryBus):
    """A bus that does not take the first events."""

    errors: tuple[Exception, ...] = (Transient("no broker"), Permanent("too large"), Transient("no broker"))

    def __init__(self, clock):
        super().__init__(clock)
        self.left = list(self.errors)

    async def publish(self, event):
        if self.left:
            raise self.left.pop(0)
        return await super().publish(event)


def test_while_nothing_can_be_stored_the_sender_is_asked_to_come_again_and_then_nothing_is_twice():
    async def go():
        async with listening(FailingBus(SystemClock())) as wire:
            statuses = [(await wire.posted("/alertmanager", BODY))[0] for _ in range(5)]
            return statuses, await wire.events(), wire.intake.sources()[0]

    statuses, events, source = asyncio.run(go())
    assert statuses == [503, 400, 503, 200, 200]
    assert len(events) == 1
    assert source.drops == {"away": 2, "bus": 1, "unreadable": 1}


def test_a_storm_from_one_address_is_slowed_down_and_says_when_to_come_again():
    async def go():
        async with listening() as wire:
            wire.intake._rates = intake.Rates(per_source=(0.001, 2.0))
            return [await wire.posted("/alertmanager", BODY) for _ in range(3)]

    answers = asyncio.run(go())
    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert answers[-1][2]["retry-after"] == "2"


def test_a_stranger_is_hung_up_on_before_it_has_said_a_word():
    async def go():
        async with listening(networks=("192.0.2.0/24",)) as wire:
            with pytest.raises((ConnectionError, OSError)):
                await wire.posted("/alertmanager", BODY)
            return await wire.events()

    assert asyncio.run(go()) == []


def test_a_connection_that_never_says_what_it_wants_is_closed(monkeypatch):
    monkeypatch.setattr(serving, "SLOWEST_HEAD", 0.2)

    async def go():
        async with listening() as wire:
            reader, writer = await asyncio.open_connection(*wire.intake.address)
            writer.write(b"POST /alertmanager HTTP/1.1\r\nhost: x\r\n")
            async with asyncio.timeout(5):
                try:
                    rest = await reader.read()
                except ConnectionResetError:
                    rest = b""
            writer.close()
            return rest

    assert asyncio.run(go()) == b""


def test_a_body_that_trickles_in_is_given_up(monkeypatch):
    monkeypatch.setattr(intake, "SLOWEST_BODY", 0.2)

    async def go():
        async with listening() as wire:
            reader, writer = await asyncio.open_connection(*wire.intake.address)
            head = f"POST /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: 100\r\n\r\n"
            writer.write(head.encode() + b"{")
            async with asyncio.timeout(5):
                line = await reader.readline()
            writer.close()
            return line

    assert asyncio.run(go()).split()[1] == b"408"


def test_a_client_that_promised_to_post_is_blind_when_it_stops():
    clock = HandClock(NOW)
    settings = intake.WebhookSettings(tokens={"alertmanager": (TOKEN,)}, silent_after={"alertmanager": 300.0})
    made = intake.Intake(settings, {}, MemoryBus(clock), clock)
    assert made.sources()[0].blind == "the webhook does not listen"
    clock.turn(300)
    made._alive()
    assert made.sources()[0].blind is None
    clock.turn(1)
    assert made.sources()[0].blind == "alertmanager has not posted anything for 301 s"


def test_over_tls_it_proves_itself_by_its_certificate(tmp_path):
    certificates.issue(tmp_path, frozenset({"127.0.0.1"}))
    pem = tmp_path / "server.pem"

    async def go():
        async with listening(certificate=Certificate(pem, pem)) as wire:
            trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
            good = await wire.posted("/alertmanager", BODY, context=trusting)
            with pytest.raises(ssl.SSLCertVerificationError):
                await wire.posted("/alertmanager", BODY, context=ssl.create_default_context())
            return good

    assert asyncio.run(go())[0] == 200


def test_a_taken_port_or_a_certificate_that_is_none_is_one_sentence_with_what_to_do(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigurationError, match=r"set webhook\.bind to a free port"):
            serving.bound("127.0.0.1", taken.getsockname()[1])
    (tmp_path / "pem").write_text("no certificate")
    with pytest.raises(ConfigurationError, match="give a PEM chain"):
        serving.server(lambda *_: None, (), Certificate(tmp_path / "pem", tmp_path / "pem"))
