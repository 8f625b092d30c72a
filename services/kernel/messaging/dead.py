"""Puts aside what cannot be stored: into the dead queue beside its own, with the reason."""

import traceback
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import pika
from prometheus_client import Counter

from services.kernel.dead_letters import EXCEPTION, FIRST_SEEN, QUEUE, RAISED_AT, REASON
from services.kernel.ingest_queues import FACTS, TRACES
from services.kernel.messaging.messages import Batch

BLOCKED_TIMEOUT = 30  # seconds

DEAD = Counter("plateau_dead_messages", "Messages put into a dead queue", ["queue"])


def put_aside(amqp_url: str, queue: str, body: bytes, headers: Mapping[str, Any]) -> None:
    """Publish to `queue` and wait for the broker's confirm; raises AMQPError without one.

    On a connection of its own: a broker that is short of memory stops reading from connections that publish, and the
    acknowledgements of the consumer, which would free memory, must not be held up by that.
    """
    parameters = pika.URLParameters(amqp_url)
    parameters.blocked_connection_timeout = BLOCKED_TIMEOUT
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(content_type="application/json", delivery_mode=2, headers=dict(headers))
        channel.basic_publish("", queue, body, properties, mandatory=True)


def reason_headers(queue: str, error: BaseException, first_seen: datetime) -> dict[str, Any]:
    """Why and whence: `reason`, `exception` (its class), `raised_at` (file:line), `first_seen` (RFC 3339), `queue`."""
    kind = type(error)
    frames = traceback.extract_tb(error.__traceback__)
    return {
        REASON: str(error)[:1000],
        EXCEPTION: f"{kind.__module__}.{kind.__qualname__}",
        RAISED_AT: f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "",
        FIRST_SEEN: first_seen.isoformat(),
        QUEUE: queue,
    }


def message_of(batch: Batch) -> tuple[bytes, dict[str, Any]]:
    """A message of the facts of a batch, in the traces that they had; it can be published to its queue as it is."""
    headers: dict[str, Any] = {FACTS: len(batch.facts)}
    if batch.traces:
        headers[TRACES] = [[place, batch.traces.get(place)] for place in range(len(batch.facts))]
    return orjson.dumps(batch.facts), headers
