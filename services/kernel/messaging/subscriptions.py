"""The subscription entrypoint: public events of another service, in order, acknowledged once their effect is committed.

    class Budget:
        name = "budget"
        inbox = OnDatabase(DATABASE, inbox)

        @subscribed(EventQueues("budget", "calls", types_from("calls", REACTIONS)))
        def hear(self, events: list[Received]) -> None:
            self.inbox.take(events)

- a failure that passes (the database is away, a conflict): the events are kept and tried again, as long as it takes;
- any other: that event waits in the delay queue and comes back, the others go on; after so many attempts it is parked
  in the dead queue, with the reason in its headers; both are confirmed before the acknowledgement;
- the connection is lost: the broker delivers again, however often. What has been delivered more than 20 times without
  being acknowledged waits aside as well, which is no attempt: it may be what ends the process each time.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import structlog
from nameko.extensions import Entrypoint

from services.kernel import traces
from services.kernel.cloud_events import NotAnEvent, Received
from services.kernel.dead_letters import ATTEMPTS
from services.kernel.event_queues import EventQueues
from services.kernel.link import Link
from services.kernel.messaging import dead
from services.kernel.messaging.patience import Done, Patience

log = structlog.get_logger(__name__)

PREFETCH = 1000
AT_ONCE = 250  # events in one transaction, which holds back all readers of the store from its first write on
LINGER = 0.05  # seconds in which others may join the first: most of what an event costs is its transaction

HandOver = Callable[[list[Received], Done], Any]


class Parcel(NamedTuple):
    """A message as it arrived; `event` is None where the body is none of ours."""

    tag: int
    headers: Mapping[str, Any]
    body: bytes
    event: Received | None
    fault: BaseException | None

    @classmethod
    def of(cls, tag: int, headers: Mapping[str, Any], body: bytes) -> "Parcel":
        """Reads a message."""
        try:
            return cls(tag, headers, body, Received.of(body), None)
        except NotAnEvent as fault:
            return cls(tag, headers, body, None, fault)


class Subscriber:
    """Consumes the events of one source for ever, on a connection of its own that comes back by itself.

    `hand_over(events, done)` starts the work on them in another greenlet, which calls `done` with None or with what was
    raised. Several are handed over at once; if that fails, each by itself.
    """

    def __init__(self, amqp_url: str, queues: EventQueues, hand_over: HandOver) -> None:
        self._queues, self._hand_over = queues, hand_over
        self._link = Link(amqp_url, f"events to {queues.name}", self._consume)
        self._patience = Patience(self._link, amqp_url, queues.name)

    def run(self) -> None:
        """Consume until told to stop."""
        self._link.run()

    def stop(self) -> None:
        """Ask `run` to finish the events in hand, acknowledge them, and return."""
        self._link.stop()

    def _consume(self, channel: Any) -> None:
        for step in self._queues.plan():
            getattr(channel, step.method)(**step.arguments)
        arrived: deque[Parcel] = deque()

        def received(_channel: Any, how: Any, properties: Any, body: bytes) -> None:
            arrived.append(Parcel.of(how.delivery_tag, properties.headers or {}, body))

        channel.basic_qos(prefetch_count=PREFETCH)
        channel.basic_consume(self._queues.name, received)
        while not self._link.stopping:
            if not arrived:
                self._link.serve()
                continue
            self._await_more(arrived)
            parcels = [arrived.popleft() for _ in range(min(AT_ONCE, len(arrived)))]
            self._settle(parcels)
            channel.basic_ack(parcels[-1].tag, multiple=True)

    def _await_more(self, arrived: deque[Parcel]) -> None:
        until = time.monotonic() + LINGER
        while len(arrived) < AT_ONCE and (left := until - time.monotonic()) > 0 and not self._link.stopping:
            self._link.serve(left)

    def _settle(self, parcels: list[Parcel]) -> None:
        """Bring parcels to their end, whatever it takes."""
        taken: list[Parcel] = []
        for parcel in parcels:
            if parcel.headers.get("x-delivery-count", 0) > self._queues.deliveries:
                log.warning("subscription.delivered_often", queue=self._queues.name)
                self._patience.publish(self._queues.delayed, parcel.body, _own(parcel.headers))
            elif parcel.event is None:
                self._fail(parcel, parcel.fault or NotAnEvent(), self._queues.attempts)
            else:
                taken.append(parcel)
        if not taken or self._attempt(taken) is None:
            return
        for parcel in taken:
            error = self._attempt([parcel])
            if error is not None:
                with traces.following(parcel.event.traceparent if parcel.event else None):
                    self._fail(parcel, error, parcel.headers.get(ATTEMPTS, 0) + 1)

    def _attempt(self, parcels: list[Parcel]) -> BaseException | None:
        return self._patience.persist(partial(self._hand_over, [each.event for each in parcels if each.event]))

    def _fail(self, parcel: Parcel, error: BaseException, attempts: int) -> None:
        name = self._queues.name
        headers = {**_own(parcel.headers), ATTEMPTS: attempts}
        if attempts < self._queues.attempts:
            self._patience.publish(self._queues.delayed, parcel.body, headers)
            log.warning("subscription.delayed", queue=name, attempts=attempts, reason=repr(error))
            return
        reason = dead.reason_headers(name, error, datetime.now(UTC))
        self._patience.publish(self._queues.dead, parcel.body, {**headers, **reason})
        dead.DEAD.labels(name).inc()
        log.error("subscription.put_aside", queue=name, exception=reason["exception"], at=reason["raised_at"])


def _own(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if not name.startswith("x-")}  # the broker's


class Subscription(Entrypoint):  # type: ignore[misc]  # nameko has no types
    """Calls the service method with a list of `Received`, one at a time; it commits before it returns."""

    def __init__(self, queues: EventQueues, **options: Any) -> None:
        # Everything is caught here and dealt with by the subscriber; Nameko then logs a warning, not an alarm.
        super().__init__(expected_exceptions=Exception, **options)
        self._queues = queues
        self._greenlet: Any = None

    def start(self) -> None:
        """Begin to consume."""
        self._subscriber = Subscriber(self.container.config["AMQP_URI"], self._queues, self._hand_over)
        self._greenlet = self.container.spawn_managed_thread(self._subscriber.run, identifier=self._queues.name)

    def stop(self) -> None:
        """Finish the events in hand, acknowledge them, close the connection."""
        if self._greenlet is not None:
            self._subscriber.stop()
            self._greenlet.wait()

    def _hand_over(self, events: list[Received], done: Done) -> None:
        def settled(_context: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            done(exc_info[1] if exc_info else None)
            return result, exc_info

        self.container.spawn_worker(self, (events,), {}, handle_result=settled)


subscribed = Subscription.decorator
