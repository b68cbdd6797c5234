"""Server-sent events: the same events however the octets are cut, bounded, over verified TLS only."""

import asyncio
import base64
import ssl
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clients import event_stream
from engine.clients.event_stream import Parser, PositionRefused, Streamed, streamed
from engine.clients.redfish import BmcAccount
from engine.model.errors import Permanent, Transient
from toban.simulator import certificates

STREAM = (
    b'id: 7\ndata: {"a":\ndata: 1}\n\n: a comment\n\nevent: x\ndata:two\n\n'
    b"id: 8\r\ndata: three\r\n\r\nretry: 5\n\ndata: unfinished"
)
EVENTS = [Streamed("7", b'{"a":\n1}'), Streamed("7", b"two"), Streamed("8", b"three")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_the_same_events_come_out_however_the_octets_are_cut(cuts) -> None:
    parser, found, at = Parser(), [], 0
    for cut in [*sorted(cuts), len(STREAM)]:
        found += parser.feed(STREAM[at:cut])
        at = cut
    assert found == EVENTS


@given(st.binary(max_size=500))
def test_any_octets_are_events_or_none(octets) -> None:
    for one in Parser().feed(octets):
        assert one.data


def test_an_event_without_an_end_is_given_up() -> None:
    parser = Parser()
    parser.feed(b"data: " + b"x" * (event_stream.LARGEST - 100) + b"\n")
    with pytest.raises(Permanent, match="given up"):
        parser.feed(b"data: " + b"x" * 200 + b"\n")


def test_endlessly_many_empty_lines_of_one_event_are_given_up_too() -> None:
    parser = Parser()
    for _ in range(50):
        parser.feed(b"data:\n" * 20_000)
    with pytest.raises(Permanent, match="given up"):
        parser.feed(b"data:\n" * 60_000)


@pytest.mark.parametrize("odd", ["\u00e9", "a\x01b", "\u3042"])
def test_an_id_that_no_header_can_carry_counts_as_none(odd) -> None:
    assert Parser().feed(f"id:  {odd}\ndata: x\n\n".encode()) == [Streamed("", b"x")]


@asynccontextmanager
async def service(folder, *answers: bytes):
    """A TLS server that says these octets, one after the other, and then closes; what it was asked."""
    certificates.issue(folder, frozenset({"127.0.0.1"}))
    asked: list[bytes] = []

    async def serve(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        for answer in answers:
            writer.write(answer)
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/events", asked


def read(folder, *answers: bytes, last: str = "", ca: str = "ca.pem"):
    async def go():
        found = []
        async with service(folder, *answers) as (url, asked):
            async for one in streamed(url, BmcAccount("toban", "secret", folder / ca), last):
                found.append(one)
        return found, asked

    return asyncio.run(go())


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n"


def test_a_stream_is_read_to_its_end_and_asked_for_from_where_it_stopped(tmp_path) -> None:
    found, (asked,) = read(tmp_path, HEAD, STREAM[:30], STREAM[30:], last="6")
    assert found == EVENTS
    assert b"last-event-id: 6" in asked.lower()
    assert base64.b64encode(b"toban:secret") in asked


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n", Permanent, "refused us"),
        (b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", Permanent, "streams no events"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}", Permanent, "streams no"),
        (b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", Transient, "not ready"),
        (b"SSH-2.0 nonsense\r\n\r\n", Transient, "broke off"),
        (b"", Transient, "broke off"),
        (HEAD.replace(b"connection: close", b"transfer-encoding: chunked") + b"5\r\ndata:", Transient, "broke off"),
    ],
)
def test_what_is_no_stream_says_whether_it_is_worth_another_try(tmp_path, answer, error, said) -> None:
    with pytest.raises(error, match=said):
        read(tmp_path, answer)


@pytest.mark.parametrize(("last", "error"), [("57", PositionRefused), ("", Permanent)])
def test_a_request_to_go_on_that_is_refused_is_told_apart_from_a_service_that_streams_nothing(tmp_path, last, error):
    with pytest.raises(Permanent) as found:
        read(tmp_path, b"HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n", last=last)
    assert type(found.value) is error


def test_a_position_that_no_header_can_carry_is_not_sent_and_a_query_is_asked_for_as_it_is(tmp_path) -> None:
    async def go(path: str):
        async with service(tmp_path, HEAD) as (url, asked):
            async for _ in streamed(url + path, BmcAccount("toban", "secret", tmp_path / "ca.pem"), "\u00e9"):
                pass
        return asked

    (asked,) = asyncio.run(go("?filter=all"))
    assert b"GET /events?filter=all HTTP" in asked
    assert b"last-event-id" not in asked.lower()
    with pytest.raises(Permanent, match="is no address"):
        asyncio.run(go("/a b"))


def test_a_certificate_of_another_authority_is_refused_and_so_is_none(tmp_path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    certificates.issue(other, frozenset({"127.0.0.1"}))
    with pytest.raises(Permanent, match="not trusted"):
        read(tmp_path, HEAD, ca="other/ca.pem")
    with pytest.raises(Permanent, match="cannot read the certificate authority"):
        read(tmp_path, HEAD, ca="missing.pem")


def test_a_line_that_says_nothing_for_long_is_dead(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(event_stream, "SILENCE", 0.2)

    async def go():
        async with service(tmp_path, HEAD, b": hello\n", *[b""] * 200) as (url, _):
            async for _ in streamed(url, BmcAccount("toban", "secret", tmp_path / "ca.pem")):
                pass

    with pytest.raises(Transient, match="streamed nothing"):
        asyncio.run(go())
