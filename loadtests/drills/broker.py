"""The broker as an outsider sees it: its queues, what is in them, and everything that the services make public."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import orjson
import pika
from pika.adapters.blocking_connection import BlockingChannel

from infra.local.rabbitmq import RabbitMQ
from services.kernel.cloud_events import exchange_of
from services.kernel.ingest_queues import dead

LISTENER = "drill.listener"
SILENCE_SECONDS = 5  # the broker said that there is something
VHOST = "plateau"
IN_VHOST = ("--vhost", VHOST, "--formatter", "json")


class Broker:
    """The broker of a stack that is being drilled."""

    def __init__(self, rabbitmq: RabbitMQ) -> None:
        self._rabbitmq = rabbitmq

    def consumed(self) -> list[str]:
        """The queues of which a service puts aside what it cannot take."""
        told = json.loads(self._rabbitmq.control("list_queues", *IN_VHOST, "name"))
        names = {queue["name"] for queue in told}
        return sorted(name for name in names if dead(name) in names)

    def bindings(self) -> Mapping[str, Mapping[str, set[str]]]:
        """Which queue hears which types of event from which exchange, but for the listener's: by queue and exchange."""
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for binding in json.loads(self._rabbitmq.control("list_bindings", *IN_VHOST)):
            if binding["source_name"].endswith(exchange_of("")) and binding["destination_name"] != LISTENER:
                found[binding["destination_name"]][binding["source_name"]].add(binding["routing_key"])
        return found

    def publish(self, queue: str, body: bytes, headers: Mapping[str, Any]) -> None:
        """Put a message into a queue, confirmed."""
        with self.channel() as channel:
            channel.confirm_delivery()
            properties = pika.BasicProperties(delivery_mode=2, headers=dict(headers))
            channel.basic_publish("", queue, body, properties, mandatory=True)

    def waiting(self, queues: Sequence[str]) -> dict[str, int]:
        """How many messages are ready in each queue that has some."""
        with self.channel() as channel:
            counts = {queue: channel.queue_declare(queue, passive=True).method.message_count for queue in queues}
        return {queue: count for queue, count in counts.items() if count}

    def take_all(self, queue: str) -> list[bytes]:
        """Take what is ready in a queue."""
        taken: list[bytes] = []
        with self.channel() as channel:
            ready = channel.queue_declare(queue, passive=True).method.message_count
            for how, _, body in islice(channel.consume(queue, inactivity_timeout=SILENCE_SECONDS), ready):
                if how is None:
                    break
                taken.append(body)
                channel.basic_ack(how.delivery_tag)
            channel.cancel()
        return taken

    @contextmanager
    def channel(self) -> Iterator[BlockingChannel]:
        """A channel on a connection of its own."""
        with pika.BlockingConnection(pika.URLParameters(self._rabbitmq.url)) as connection:
            yield connection.channel()


class Listener:
    """Somebody outside to whom every public event is told; the queue keeps them while the broker is away.

    `heard` counts them by service and id.
    """

    def __init__(self, broker: Broker, services: Sequence[str]) -> None:
        self.heard: dict[str, Counter[str]] = {service: Counter() for service in services}
        self._broker = broker
        with broker.channel() as channel:
            channel.queue_declare(LISTENER, durable=True, arguments={"x-queue-type": "quorum"})
            for service in services:
                channel.exchange_declare(exchange_of(service), "topic", durable=True)
                channel.queue_bind(LISTENER, exchange_of(service), "#")

    def listen(self) -> None:
        """Hear what was told since."""
        for body in self._broker.take_all(LISTENER):
            event = orjson.loads(body)
            self.heard[event["source"].rpartition("/")[2]][event["id"]] += 1

    @property
    def repeated(self) -> int:
        """How many events were told once more than the first time, so far."""
        return sum(counts.total() - len(counts) for counts in self.heard.values())
