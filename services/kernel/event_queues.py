"""The queues on which public events travel from one service to another: names, arguments, bindings.

`<consumer>.from.<source>` is bound to the exchange of the source; `.delay` beside it is where an event waits after a
failure, and goes back from by itself; `.dead` is where it stays when it has failed too often.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations

from services.kernel.cloud_events import exchange_of
from services.kernel.ingest_queues import Declaration, dead


@dataclass(frozen=True, slots=True)
class EventQueues:
    """The queues of a consumer for one source.

    `attempts` are made of an event, `delay` seconds between them. What was delivered more than `deliveries` times and
    never acknowledged waits aside as well.
    """

    consumer: str
    source: str
    types: tuple[str, ...]
    delay: float = 30.0
    attempts: int = 10
    deliveries: int = 20

    @property
    def name(self) -> str:
        """The queue in which events arrive."""
        return f"{self.consumer}.from.{self.source}"

    @property
    def delayed(self) -> str:
        """The queue in which events wait after a failure."""
        return f"{self.name}.delay"

    @property
    def dead(self) -> str:
        """The queue in which events stay that have failed too often."""
        return dead(self.name)

    def plan(self) -> Iterable[Declaration]:
        """What to declare, in order; declaring it again changes nothing.

        No queue has a limit of length, which would stall the relay of the source for all; and the first none of
        deliveries, because every dropped connection counts as one (RabbitMQ 4 has a default: lift it with a policy).
        """
        exchange = exchange_of(self.source)
        arriving = {"x-queue-type": "quorum", "x-single-active-consumer": True}
        waiting = {
            "x-queue-type": "quorum",
            "x-message-ttl": round(self.delay * 1000),
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",  # at-least-once asks for it
        }
        yield Declaration("exchange_declare", {"exchange": exchange, "exchange_type": "topic", "durable": True})
        for queue, arguments in (
            (self.name, arriving),
            (self.delayed, waiting),
            (self.dead, {"x-queue-type": "quorum"}),
        ):
            yield Declaration("queue_declare", {"queue": queue, "durable": True, "arguments": arguments})
        for kind in self.types:
            yield Declaration("queue_bind", {"queue": self.name, "exchange": exchange, "routing_key": kind})


def between(services: Sequence[str]) -> list[EventQueues]:
    """The queues of each service for each other; those of which there are none were never declared to the broker."""
    return [EventQueues(consumer, source, ()) for consumer, source in permutations(services, 2)]
