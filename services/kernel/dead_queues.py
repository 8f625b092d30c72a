"""The dead queues, in which dead letters lie until somebody sends them again.

A broker lets nobody look into a queue. So a reader takes all messages of one without acknowledging them, and then
leaves: the broker puts them back in their order (which holds only because it was all of them). One reader at a time,
else one would find empty what another has in hand; no dead queue has a limit of deliveries, so reading moves nothing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from heapq import nsmallest
from typing import Any, Self

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, UnroutableError

from services.kernel.amqp import parameters
from services.kernel.dead_letters import DeadLetter
from services.kernel.event_queues import between
from services.kernel.ingest_queues import IngestQueues, dead
from services.kernel.queue_depths import waiting
from services.kernel.values import Unavailable

READER = "plateau.dead-letters.reader"  # an exclusive queue: whoever has it is the one reader
PATIENCE = 5.0  # seconds: for another reader, for the broker to hand over, to take what is sent, to put back
POLL_SECONDS = 0.05
MOST = 65_535  # the largest prefetch; of more letters in one queue, these are the oldest
LOCKED = 405  # what the broker closes a channel with


class NotTaken(Exception):  # noqa: N818 - a state of the queue, not a mistake of ours
    """The queue that a letter came from does not take it back now; the letter stays where it is."""


def arrivals(ingest: IngestQueues, services: Sequence[str]) -> list[str]:
    """The queues beside which there may be a dead one: of ingest, and of each service for each other."""
    return [*ingest.names, *(queues.name for queues in between(services))]


class DeadQueues:
    """The dead letters of these queues.

    Every method connects anew, blocks, and raises Unavailable where the broker cannot be reached or somebody else
    reads for longer than some seconds.
    """

    def __init__(self, amqp_url: str, queues: Sequence[str]) -> None:
        self.queues = tuple(queues)
        self._parameters = parameters(amqp_url, "dead letters")
        self._parameters.socket_timeout = self._parameters.blocked_connection_timeout = PATIENCE

    def page(self, limit: int, after: tuple[float, str] | None = None, queue: str | None = None) -> list[DeadLetter]:
        """At most `limit` of them, of one queue or of all, the oldest first, that follow the place of another."""
        with self._alone() as connection:
            found = (letter for name in self._named(queue) for letter in _read(connection, name))
            return nsmallest(limit, (each for each in found if after is None or each.place > after), lambda e: e.place)

    def find(self, letter_id: str) -> DeadLetter | None:
        """The letter of this id, if it is there."""
        with self._alone() as connection:
            found = [each for name in self.queues for each in _read(connection, name) if each.id == letter_id]
        return found[0] if found else None

    def replay(
        self,
        wanted: Callable[[DeadLetter], bool],
        queue: str | None = None,
        told: Callable[[DeadLetter], None] = lambda _: None,
    ) -> int:
        """Sends those that are wanted to where they came from, as if for the first time; returns how many.

        Each is confirmed by the broker before it is taken out; a crash between the two leaves it in both, which is
        harmless, as everything is applied once. Raises NotTaken at the first that its queue refuses.
        """
        count = 0
        with self._alone() as connection:
            publisher = connection.channel()
            publisher.confirm_delivery()
            for name in self._named(queue):
                with _Box(connection, name) as box:
                    for tag, letter in [(tag, letter) for tag, letter in box.letters() if wanted(letter)]:
                        _send(publisher, letter)
                        box.remove(tag)
                        count += 1
                        told(letter)
        return count

    def _named(self, queue: str | None) -> Sequence[str]:
        return self.queues if queue is None else (queue,)

    @contextmanager
    def _alone(self) -> Iterator[Any]:
        """A connection, while nobody else reads."""
        try:
            with pika.BlockingConnection(self._parameters) as connection:
                until = time.monotonic() + PATIENCE
                while not _locked(connection):
                    if time.monotonic() > until:
                        raise Unavailable("Somebody else is reading the dead letters; try again in a moment.")
                    connection.sleep(POLL_SECONDS)
                yield connection
        except (AMQPError, OSError) as error:
            raise Unavailable(f"The message broker cannot be reached, or does not answer: {error!r}") from error


def _locked(connection: Any) -> bool:
    try:
        connection.channel().queue_declare(READER, exclusive=True)
    except ChannelClosedByBroker as closed:
        if closed.reply_code != LOCKED:
            raise
        return False
    return True


def _read(connection: Any, queue: str) -> Iterator[DeadLetter]:
    """All letters of a queue, which stay there."""
    with _Box(connection, queue) as box:
        for _, letter in box.letters():
            yield letter


class _Box:
    """The dead queue beside `queue` in the hands of a reader; what was not removed is back once it is closed."""

    def __init__(self, connection: Any, queue: str) -> None:
        self._connection, self._queue = connection, queue
        self._channel = connection.channel()
        self._kept = min(waiting(connection, dead(queue)) or 0, MOST)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._channel.is_open:
            self._channel.close()
        until = time.monotonic() + PATIENCE
        while (waiting(self._connection, dead(self._queue)) or 0) < self._kept and time.monotonic() < until:
            self._connection.sleep(POLL_SECONDS)

    def letters(self) -> Iterator[tuple[int, DeadLetter]]:
        """All of them, each with its tag; not to be left before the last, or their order is lost."""
        if not self._kept:
            return
        self._channel.basic_qos(prefetch_count=self._kept)
        for count, (how, properties, body) in enumerate(
            self._channel.consume(dead(self._queue), inactivity_timeout=PATIENCE), start=1
        ):
            if how is None:
                raise Unavailable(f"The broker does not hand over what lies in {dead(self._queue)}.")
            yield how.delivery_tag, DeadLetter.of(self._queue, properties.headers or {}, body)
            if count == self._kept:
                break
        self._channel.cancel()

    def remove(self, tag: int) -> None:
        """Takes one out for good."""
        self._channel.basic_ack(tag)
        self._kept -= 1


def _send(publisher: Any, letter: DeadLetter) -> None:
    properties = pika.BasicProperties(content_type="application/json", delivery_mode=2, headers=letter.lasting)
    try:
        publisher.basic_publish("", letter.queue, letter.body, properties, mandatory=True)
    except UnroutableError as error:
        raise NotTaken(f"There is no queue {letter.queue}: start the service that takes from it.") from error
    except NackError as error:
        raise NotTaken(f"{letter.queue} is full: see why nobody takes from it, then try again.") from error
