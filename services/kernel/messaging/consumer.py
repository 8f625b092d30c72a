"""Takes batches from one queue, hands them on one at a time, and answers for what becomes of every message."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from prometheus_client import Counter, Histogram

from services.kernel import traces
from services.kernel.ingest_queues import IngestQueues
from services.kernel.ingest_queues import dead as dead_queue
from services.kernel.link import Link
from services.kernel.messaging import dead
from services.kernel.messaging.messages import Batch, Delivery, Inbox, Limits, Message
from services.kernel.messaging.patience import Done, Patience

log = structlog.get_logger(__name__)

BATCH_FACTS = Histogram(
    "plateau_batch_facts", "Facts in a batch", ["queue"], buckets=(1, 3, 10, 30, 100, 300, 1000, 2000, 5000)
)
BATCH_SECONDS = Histogram("plateau_batch_seconds", "Time from taking a batch to acknowledging it", ["queue"])
SPLITS = Counter("plateau_batch_splits", "Batches divided after a failure of their content", ["queue"])

HandOver = Callable[[Batch, Done], Any]


class Consumer:
    """Consumes one queue for ever, on a connection of its own that comes back by itself.

    `hand_over(batch, done)` starts the work on a batch in another greenlet, which calls `done` with None or with what
    was raised. Meanwhile the connection is served: heartbeats go out, the next messages come in. Then

    - done: all messages of the batch are acknowledged at once;
    - a failure that passes (the database is away, a conflict): the messages are kept and the batch is repeated, with
      growing pauses, as long as it takes;
    - a failure of the content: the batch is divided until the bad fact is alone, and only that goes to the dead queue,
      confirmed before the acknowledgement (twice, if the process dies between the two);
    - the connection is lost: the broker delivers again what was not acknowledged, here or to another consumer.
    """

    def __init__(self, amqp_url: str, queues: IngestQueues, queue: str, limits: Limits, hand_over: HandOver) -> None:
        self._url = amqp_url
        self._queues = queues
        self._queue = queue
        self._limits = limits
        self._hand_over = hand_over
        self._link = Link(amqp_url, f"batches from {queue}", self._consume)
        self._patience = Patience(self._link, amqp_url, queue)

    def run(self) -> None:
        """Consume until told to stop."""
        self._link.run()

    def stop(self) -> None:
        """Ask `run` to finish the batch in hand, acknowledge it, and return."""
        self._link.stop()

    def _consume(self, channel: Any) -> None:
        for step in self._queues.plan():
            getattr(channel, step.method)(**step.arguments)
        inbox = Inbox(self._limits)

        def received(_channel: Any, how: Any, properties: Any, body: bytes) -> None:
            inbox.put(Message(how.delivery_tag, properties.headers or {}, body))

        channel.basic_qos(prefetch_count=self._limits.prefetch)
        channel.basic_consume(self._queue, received)
        while not self._link.stopping:
            if (due := inbox.due_in()) == 0:
                self._settle(channel, inbox.take())
            else:
                self._link.serve(due)

    def _settle(self, channel: Any, messages: list[Message]) -> None:
        """Bring a batch of messages to its end, whatever it takes, and acknowledge it."""
        began = time.monotonic()
        pending = [self._batch_of(messages)]
        BATCH_FACTS.labels(self._queue).observe(len(pending[0].facts))
        while pending:
            batch = pending.pop()
            error = self._patience.persist(partial(self._hand_over, batch))
            if error is None:
                continue
            if parts := batch.parts():
                SPLITS.labels(self._queue).inc()
                pending += reversed(parts)
            elif batch.facts:
                with traces.following(batch.traces.get(0)):
                    self._put_aside(*dead.message_of(batch), error, batch.taken_at)
            else:  # its facts are safe; only what the headers tell of their publishers is lost
                log.error("consumer.deliveries_refused", queue=self._queue, error=repr(error))
        channel.basic_ack(messages[-1].tag, multiple=True)
        BATCH_SECONDS.labels(self._queue).observe(time.monotonic() - began)

    def _batch_of(self, messages: list[Message]) -> Batch:
        taken_at = datetime.now(UTC)
        facts: list[Any] = []
        traced: dict[int, str] = {}
        for message in messages:
            carried = message.facts()
            if carried is None:
                error = ValueError("the body is not a JSON array")
                self._put_aside(message.body, message.headers, error, taken_at)
            else:
                if told := message.traces(len(carried)):
                    traced |= {len(facts) + place: traceparent for place, traceparent in told.items()}
                facts += carried
        deliveries = tuple(Delivery.of(message.headers) for message in messages)
        return Batch(self._queue, facts, deliveries, taken_at, traced)

    def _put_aside(self, body: bytes, headers: Mapping[str, Any], error: BaseException, first_seen: datetime) -> None:
        """Publish to the dead queue, in another greenlet, as often as it takes."""
        headers = {**headers, **dead.reason_headers(self._queue, error, first_seen)}
        self._patience.publish(dead_queue(self._queue), body, headers)
        dead.DEAD.labels(self._queue).inc()
        log.error("consumer.put_aside", queue=self._queue, exception=headers["exception"], at=headers["raised_at"])
