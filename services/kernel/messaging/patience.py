"""Has work done while the connection of a consumer is served, again after each failure that passes."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import eventlet
import structlog
from eventlet.event import Event
from prometheus_client import Counter

from services.kernel.backoff import pauses
from services.kernel.link import LOST, Link
from services.kernel.messaging import dead
from services.kernel.messaging.failures import is_of_content

log = structlog.get_logger(__name__)

REPEATS = Counter("plateau_batch_repeats", "Attempts that failed for a reason that passes", ["queue", "error"])

Done = Callable[[BaseException | None], None]


class Patience:
    """Belongs to the one consumer of `queue` on `link`."""

    def __init__(self, link: Link, amqp_url: str, queue: str) -> None:
        self._link, self._url, self._queue = link, amqp_url, queue

    def publish(self, queue: str, body: bytes, headers: Mapping[str, Any]) -> None:
        """Puts a message into another queue, confirmed, in another greenlet, as often as it takes."""

        def publish(done: Done) -> None:
            try:
                dead.put_aside(self._url, queue, body, headers)
            except LOST as failure:
                done(ConnectionError(repr(failure)))
            else:
                done(None)

        self.persist(partial(eventlet.spawn, publish))

    def persist(self, start: Callable[[Done], Any]) -> BaseException | None:
        """Have some work done, again after each failure that passes; returns a failure of the content, or None."""
        waits = pauses()
        while True:
            error = self._finished(start)
            if error is None or is_of_content(error):
                return error
            pause = next(waits)
            REPEATS.labels(self._queue, type(error).__name__).inc()
            log.warning("consumer.repeats", queue=self._queue, reason=repr(error), retry_in=round(pause, 2))
            self._link.pause(pause)

    def _finished(self, start: Callable[[Done], Any]) -> BaseException | None:
        """Start some work and serve the connection until it is done; returns what it raised."""
        outcome: list[BaseException | None] = []
        finished = Event()

        def done(error: BaseException | None) -> None:
            outcome.append(error)
            finished.send(None)
            self._link.wake()

        start(done)
        try:
            while not finished.ready():
                self._link.serve()
        except LOST:
            finished.wait()  # the same messages come again: not before this is over
            raise
        return outcome[0]
