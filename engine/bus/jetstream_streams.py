"""The streams, made or checked at every start. What exists and differs in kind is refused, never quietly replaced."""

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from engine.bus import subjects
from engine.bus.subjects import StreamPlan
from engine.model.errors import ConfigurationError

DUPLICATE_WINDOW = 3600.0
BATCHED = frozenset({"EVENTS", "INVENTORY"})
"""Streams that take many messages at once (`jetstream_batching`)."""

log = structlog.get_logger()


def config_of(plan: StreamPlan, replicas: int = 1) -> StreamConfig:
    """The broker's words for a plan (messaging.md 3)."""
    is_kv = plan.name.startswith("KV_")
    return StreamConfig(
        name=plan.name,
        subjects=list(plan.subjects),
        storage=StorageType.FILE,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD if plan.latest_only else DiscardPolicy.NEW,
        max_bytes=plan.max_bytes,
        max_age=plan.days * 86400.0,
        max_msg_size=1024 * 1024 if plan.name == "RUNS" else 128 * 1024,
        max_msgs_per_subject=1 if plan.latest_only else -1,
        duplicate_window=DUPLICATE_WINDOW,
        num_replicas=replicas,
        deny_delete=not is_kv,
        allow_direct=False,
        allow_msg_ttl=is_kv or None,
        allow_atomic=plan.name in BATCHED or None,
    )


async def ensure_streams(js: JetStreamContext) -> None:
    """All streams of `subjects.STREAMS`; raises `ConfigurationError` if one exists in another form."""
    for plan in subjects.STREAMS:
        wanted = config_of(plan)
        try:
            found = (await js.stream_info(plan.name)).config
        except NotFoundError:
            await _add(js, wanted)
            continue
        except (NatsError, TimeoutError) as error:
            msg = f"the broker does not answer for stream {plan.name}; is JetStream switched on there?"
            raise ConfigurationError(msg) from error
        for name in ("subjects", "storage", "retention", "discard", "max_msgs_per_subject"):
            if getattr(found, name) != getattr(wanted, name):
                msg = (
                    f"stream {plan.name} exists with {name} = {getattr(found, name)}, "
                    f"Toban needs {getattr(wanted, name)}; use another broker account, or move the stream away"
                )
                raise ConfigurationError(msg)
        if wanted.allow_atomic and not found.allow_atomic:
            await _batched(js, found)


async def _batched(js: JetStreamContext, found: StreamConfig) -> None:
    """A stream of an earlier Toban learns to take batches; where the broker cannot, events go one by one."""
    try:
        await js.update_stream(config=found.evolve(allow_atomic=True))
    except (NatsError, TimeoutError) as error:
        log.warning("bus.stream.unbatched", stream=found.name, error=str(error)[:256])


async def _add(js: JetStreamContext, wanted: StreamConfig) -> None:
    try:
        await js.add_stream(config=wanted)
    except (NatsError, TimeoutError) as error:
        msg = f"the broker refused the stream {wanted.name}: {str(error)[:200]}; has it JetStream and enough storage?"
        raise ConfigurationError(msg) from error
