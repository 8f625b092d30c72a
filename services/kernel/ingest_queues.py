"""The queues on which facts travel from the gateway to a service: names, arguments, routing, headers.

A message is a JSON array of canonical facts. Its headers: `facts` (how many it carries), `publisher` (id of the life
of the process that sent it), `published` (how many facts that publisher has sent to that queue so far, these included)
and, where a request said that it takes part in a trace, `traces`: a list of [number of a fact, counted from 0, and the
traceparent of that fact and of those behind it, or null].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

EXCHANGE = "plateau.ingest"
FACTS, PUBLISHER, PUBLISHED, TRACES = "facts", "publisher", "published", "traces"

# A consumer holds up to a prefetch of messages in memory, so a message has a size that a publisher keeps to.
MESSAGE_FACTS = 500
MESSAGE_BYTES = 256 * 1024


class Declaration(NamedTuple):
    """One thing that must exist in the broker: a method of a pika channel (of either adapter) and its arguments."""

    method: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class IngestQueues:
    """The ingest queues of a service, all facts of one call in one of them; `max_bytes` bounds each."""

    names: tuple[str, ...]
    max_bytes: int = 1 << 30
    exchange: str = EXCHANGE

    @classmethod
    def of(cls, service: str, environment: Mapping[str, str]) -> "IngestQueues":
        """The queues of `service` ("calls") as PLATEAU_INGEST_QUEUES and PLATEAU_INGEST_QUEUE_BYTES set them."""
        count = int(environment.get("PLATEAU_INGEST_QUEUES", "1"))
        if count < 1:
            raise ValueError(f"PLATEAU_INGEST_QUEUES is {count}: set it to 1 or more.")
        max_bytes = int(environment.get("PLATEAU_INGEST_QUEUE_BYTES", str(1 << 30)))
        return cls(tuple(f"{service}.ingest.{number}" for number in range(count)), max_bytes)

    def routing(self, source: str, key: str) -> str:
        """The routing key (a queue's name) for the facts of a source about `key`: a call, else an agent, else ""."""
        return self.names[crc32(f"{source}\x1f{key}".encode()) % len(self.names)]

    def plan(self) -> list[Declaration]:
        """What to declare, in order; declaring it again changes nothing.

        A full queue refuses (`reject-publish`), so that the sender hears of it. There is no delivery limit, because
        every dropped connection of a consumer counts as a delivery (RabbitMQ 4 has a default: lift it with a policy).
        """
        steps = [
            Declaration("exchange_declare", {"exchange": self.exchange, "exchange_type": "direct", "durable": True})
        ]
        for name in self.names:
            limits = {
                "x-queue-type": "quorum",
                "x-single-active-consumer": True,
                "x-overflow": "reject-publish",
                "x-max-length-bytes": self.max_bytes,
            }
            steps += [
                Declaration("queue_declare", {"queue": name, "durable": True, "arguments": limits}),
                Declaration("queue_bind", {"queue": name, "exchange": self.exchange, "routing_key": name}),
                Declaration(
                    "queue_declare",
                    {"queue": dead(name), "durable": True, "arguments": {"x-queue-type": "quorum"}},
                ),
            ]
        return steps


def dead(queue: str) -> str:
    """The queue beside `queue` that keeps what could not be stored."""
    return f"{queue}.dead"
