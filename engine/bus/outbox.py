"""The outbox: what people are to be told is stored first, once per id, and delivered from there at least once."""

from pydantic import ValidationError

from engine.bus import subjects
from engine.bus.port import Bus, Record
from engine.model import ids
from engine.model.errors import Conflict, Permanent
from engine.model.notice import Notice


async def put(bus: Bus, notice: Notice) -> None:
    """Store a notice; one that is there already is left as it is. Raises `Transient` while the bus is away."""
    subject, body = subjects.notice(notice.id), notice.model_dump_json().encode()
    try:
        await bus.append(subject, body, expected=0, nonce=ids.content_hash([subject, notice.id]))
    except Conflict:
        return


def read(record: Record) -> Notice:
    """The notice of a record; raises `Permanent` for anything else."""
    try:
        return Notice.model_validate_json(record.body)
    except ValidationError as error:
        msg = f"{record.subject} is no notice; nobody was told"
        raise Permanent(msg) from error
