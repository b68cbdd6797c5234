"""One question over real sockets: an answer, a refusal, silence, and what could not be asked."""

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.probe.asking import Asking, Outcome, connect
from engine.clients import icmp
from engine.clients.icmp import Pinger
from engine.clock import SystemClock
from tests.collectors.probe.wires import answering, refusing, silent

TIMEOUT = 0.3


def ask(address: str, *ports: int, pinger: Pinger | None = None) -> Outcome:
    async def go() -> Outcome:
        if pinger is not None:
            pinger.open()
        try:
            return await Asking(ports, pinger, TIMEOUT, SystemClock()).ask(address)
        finally:
            if pinger is not None:
                pinger.close()

    return asyncio.run(go())


def test_a_connection_and_a_refusal_are_answers_and_a_port_that_drops_requests_is_silence() -> None:
    with answering() as port, silent() as deaf:
        assert ask("127.0.0.9", port) is Outcome.ANSWERED
        assert ask("127.0.0.9", refusing()) is Outcome.ANSWERED
        assert ask("127.0.0.9", deaf) is Outcome.SILENT
        assert ask("127.0.0.9", deaf, port) is Outcome.ANSWERED


@pytest.mark.parametrize("address", ["no.such.name.invalid", "255.255.255.255"])
def test_what_we_cannot_ask_says_nothing_about_the_host(address) -> None:
    assert ask(address, 443) is Outcome.UNKNOWN


def test_without_a_way_to_ask_nothing_is_known() -> None:
    assert ask("127.0.0.1") is Outcome.UNKNOWN


def test_a_name_is_looked_up_and_its_address_asked() -> None:
    with answering() as port:
        assert ask("localhost", port) is Outcome.ANSWERED


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_echo_comes_back_over_a_real_socket(address) -> None:
    async def go():
        pinger = Pinger(4711)
        pinger.open()
        try:
            if int(socket.AF_INET6 if ":" in address else socket.AF_INET) not in pinger._sockets:
                pytest.skip("this process may not send ICMP echo (CAP_NET_RAW, net.ipv4.ping_group_range)")
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(pinger.ask(address, 2.0)) for _ in range(200)]
            return [task.result() for task in asked], pinger._waiting
        finally:
            pinger.close()

    answers, waiting = asyncio.run(go())
    if answers == [None] * 200:
        pytest.skip(f"no route to {address} here")
    assert answers == [True] * 200
    assert waiting == {}


def test_without_permission_nobody_is_asked(monkeypatch) -> None:
    monkeypatch.setattr(icmp, "_socket", lambda family, protocol: None)
    pinger = Pinger(1)
    assert ask("127.0.0.1", pinger=pinger) is Outcome.UNKNOWN
    assert not pinger.permitted


@given(st.binary(max_size=120))
def test_any_octets_are_read_as_a_reply_of_ours_or_none(octets) -> None:
    for family in (socket.AF_INET, socket.AF_INET6):
        found = icmp.reply(family, octets)
        assert found is None or octets.endswith(icmp.PAYLOAD) or icmp.PAYLOAD in octets


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_a_request_carries_a_right_checksum_and_its_reply_is_recognised(identifier, number) -> None:
    sent = icmp.request(socket.AF_INET, identifier, number)
    assert icmp.checksum(sent) == 0
    assert icmp.reply(socket.AF_INET, b"\0" + sent[1:]) == (identifier, number)
    assert icmp.reply(socket.AF_INET, sent) is None, "our own request is no reply"
    with_header = b"\x46" + bytes(23) + b"\0" + sent[1:]
    assert icmp.reply(socket.AF_INET, with_header) == (identifier, number)


def test_a_connection_is_given_back() -> None:
    async def go(port):
        return [await connect("127.0.0.1", port, TIMEOUT) for _ in range(50)]

    with answering() as port:
        assert set(asyncio.run(go(port))) == {Outcome.ANSWERED}
