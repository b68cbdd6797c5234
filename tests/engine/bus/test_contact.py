"""Hours without a broker are no hours of lines."""

import asyncio

from structlog.testing import capture_logs

from engine.bus.jetstream import Contact


def test_an_outage_of_an_hour_is_a_dozen_lines_and_the_next_one_is_told_at_once() -> None:
    async def go(contact: Contact, errors: int) -> None:
        for _ in range(errors):
            await contact.error(OSError("refused"))
        await contact.reconnected()

    contact = Contact()
    with capture_logs() as lines:
        asyncio.run(go(contact, 3600))
    assert [one["count"] for one in lines if one["event"] == "bus.error"] == [2**power for power in range(12)]
    with capture_logs() as lines:
        asyncio.run(go(contact, 1))
    assert [one["event"] for one in lines] == ["bus.error", "bus.reconnected"]
