"""Facts on their way to the ingest queues, acknowledged once the broker has them.

What arrives in the same turn of the loop, from any number of requests, travels as one message per queue with one
confirm; each request learns whether everything of its own was confirmed.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pika
import structlog
from pika.channel import Channel
from pika.spec import Basic

from gateway.broker import Broker
from gateway.metrics import MESSAGE_FACTS, MESSAGES
from services.kernel.ingest_queues import (
    FACTS,
    MESSAGE_BYTES,
    PUBLISHED,
    PUBLISHER,
    TRACES,
    IngestQueues,
)
from services.kernel.ingest_queues import MESSAGE_FACTS as MOST_FACTS
from services.kernel.values import Unavailable

log = structlog.get_logger(__name__)

CONFIRM_SECONDS = 5.0
MOST_WAITING_BYTES = 16 * 1024 * 1024  # more than that unconfirmed: the broker cannot keep up, and memory is not ours
PERSISTENT = 2


class Unconfirmed(Unavailable):
    """The broker did not confirm that it has every fact."""


class _Receipt:
    """What one request waits for: `open` messages still to be confirmed."""

    __slots__ = ("confirmed", "open")

    def __init__(self, confirmed: "asyncio.Future[None]") -> None:
        self.confirmed = confirmed
        self.open = 0

    def settle(self, error: Unconfirmed | None) -> None:
        self.open -= 1
        if self.confirmed.done():
            return
        if error is not None:
            self.confirmed.set_exception(error)
        elif self.open == 0:
            self.confirmed.set_result(None)


class _Message:
    """One message on its way: its facts, whose they are, and when it counts as lost."""

    __slots__ = ("count", "deadline", "parts", "published", "queue", "receipts", "size", "traces")

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.parts: list[bytes] = []
        self.receipts: list[_Receipt] = []
        self.size = 1
        self.count = 0
        self.published = 0
        self.deadline = 0.0
        self.traces: list[list[Any]] = []

    def takes(self, fact: bytes) -> bool:
        return not self.parts or (len(self.parts) < MOST_FACTS and self.size + len(fact) < MESSAGE_BYTES)


class Publisher:
    """Publishes facts; made once per process, used in one event loop."""

    def __init__(self, broker: Broker, queues: IngestQueues) -> None:
        self.id = secrets.token_hex(8)
        self.confirmed: Counter[str] = Counter()  # by queue: `published` of the last message that was confirmed
        self._broker = broker
        self._queues = queues
        self._channel: Channel | None = None
        self._gathering: dict[str, list[_Message]] = {}
        self._in_flight: dict[int, _Message] = {}  # by delivery tag, oldest first
        self._returned: set[int] = set()
        self._tag = 0
        self._waiting_bytes = 0
        self._published: Counter[str] = Counter()
        self._watch: asyncio.TimerHandle | None = None
        broker.on_channel(self._prepare)
        broker.on_lost(self._lost)

    @property
    def ready(self) -> bool:
        """Whether facts can be published now."""
        return self._channel is not None and self._channel.is_open and not self._broker.blocked

    def publish(self, queue: str, facts: Sequence[bytes], traceparent: str | None = None) -> "asyncio.Future[None]":
        """Sends facts (each JSON, at most MESSAGE_BYTES) of one request to a queue at the end of this turn of the loop.

        The future is done once the broker has all of them; it fails with Unconfirmed where that cannot be known.
        """
        loop = asyncio.get_running_loop()
        receipt = _Receipt(loop.create_future())
        if not self.ready or self._waiting_bytes > MOST_WAITING_BYTES:
            receipt.settle(Unconfirmed("the broker takes nothing now"))
            return receipt.confirmed
        if not self._gathering:
            loop.call_soon(self._flush)
        messages = self._gathering.get(queue)
        if messages is None:
            messages = self._gathering[queue] = [_Message(queue)]
        message = None
        for fact in facts:
            if not messages[-1].takes(fact):
                messages.append(_Message(queue))
            if message is not messages[-1]:
                message = messages[-1]
                message.receipts.append(receipt)
                if traceparent or message.traces:
                    message.traces.append([len(message.parts), traceparent])
                receipt.open += 1
            message.parts.append(fact)
            message.size += len(fact) + 1
            self._waiting_bytes += len(fact) + 1
        return receipt.confirmed

    def _flush(self) -> None:
        gathered, self._gathering = self._gathering, {}
        for messages in gathered.values():
            for message in messages:
                self._send(message)

    def _send(self, message: _Message) -> None:
        if not self.ready:
            self._settle(message, "unsent")
            return
        count = len(message.parts)
        self._published[message.queue] += count
        message.published = self._published[message.queue]
        headers: dict[str, Any] = {FACTS: count, PUBLISHER: self.id, PUBLISHED: message.published}
        if message.traces:
            headers[TRACES] = message.traces
        properties = pika.BasicProperties(
            content_type="application/json",
            delivery_mode=PERSISTENT,
            headers=headers,
            message_id=str(self._tag + 1),  # tells which message comes back as unroutable
        )
        body = b"[" + b",".join(message.parts) + b"]"
        message.parts = []
        self._channel.basic_publish(self._queues.exchange, message.queue, body, properties, mandatory=True)
        self._tag += 1
        loop = asyncio.get_running_loop()
        message.deadline = loop.time() + CONFIRM_SECONDS
        self._in_flight[self._tag] = message
        MESSAGE_FACTS.observe(count)
        if self._watch is None:
            self._watch = loop.call_later(CONFIRM_SECONDS, self._expire)

    def _prepare(self, channel: Channel) -> None:
        """Declares the queues on a fresh channel; facts may go once the broker has agreed to confirm each message."""
        channel.add_on_return_callback(self._came_back)
        for method, arguments in self._queues.plan():
            getattr(channel, method)(**arguments)
        channel.confirm_delivery(self._answered, callback=lambda _frame: self._open(channel))

    def _open(self, channel: Channel) -> None:
        self._channel, self._tag = channel, 0
        self._returned.clear()

    def _came_back(
        self, _channel: Channel, _method: Basic.Return, properties: pika.BasicProperties, _body: bytes
    ) -> None:
        # An unroutable message is returned first and then confirmed.
        self._returned.add(int(properties.message_id))

    def _answered(self, frame: Any) -> None:
        method = frame.method
        for tag in self._tags(method.delivery_tag, multiple=method.multiple):
            message = self._in_flight.pop(tag, None)
            if tag in self._returned:
                self._returned.discard(tag)
                outcome = "unroutable"
            else:
                outcome = "confirmed" if isinstance(method, Basic.Ack) else "refused"
            if message is not None:  # else it was given up before
                self._settle(message, outcome)

    def _tags(self, last: int, *, multiple: bool) -> Iterator[int]:
        if not multiple:
            return iter((last,))
        return iter([tag for tag in self._in_flight if tag <= last])

    def _settle(self, message: _Message, outcome: str) -> None:
        self._waiting_bytes -= message.size - 1
        MESSAGES.labels(outcome).inc()
        error = None
        if outcome == "confirmed":
            self.confirmed[message.queue] = max(self.confirmed[message.queue], message.published)
        else:
            log.warning("ingest.not_confirmed", queue=message.queue, outcome=outcome)
            error = Unconfirmed(f"a message was {outcome}")
        for receipt in message.receipts:
            receipt.settle(error)

    def _expire(self) -> None:
        loop = asyncio.get_running_loop()
        self._watch = None
        now = loop.time()
        while self._in_flight:
            tag, message = next(iter(self._in_flight.items()))
            if message.deadline > now:
                self._watch = loop.call_at(message.deadline, self._expire)
                return
            del self._in_flight[tag]
            self._settle(message, "late")

    def _lost(self) -> None:
        self._channel = None
        lost, self._in_flight = self._in_flight, {}
        for message in lost.values():
            self._settle(message, "lost")
