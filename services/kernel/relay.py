"""The relay: tells the bus of the public events in the event store, which is the outbox (DESIGN section 5).

At least once: the checkpoint is stored after the broker has confirmed. One leader a service; a standby takes over with
the lock of a leader whose connection to the database ended. It holds no transaction while it speaks with the broker.
"""

import threading
import time
from typing import Any

import psycopg
import structlog
from pika import BasicProperties
from prometheus_client import Counter

from services.kernel import traces
from services.kernel.backoff import pauses
from services.kernel.cloud_events import BODIES, Upcasters, body_of, exchange_of
from services.kernel.database import Connection, Cursor, connect
from services.kernel.declarations import Api
from services.kernel.following import Ear, granted
from services.kernel.link import Link, Stopping
from services.kernel.reading import read_on
from services.kernel.store import Position, StoredEvent

log = structlog.get_logger()

PUBLISHED = Counter("plateau_relay_published", "Public events that the broker has confirmed.", ["service"])

BATCH = 500
STANDBY_SECONDS = 1.0
UNHEARD_SECONDS = 5.0  # for which facts are not told of to nobody: one in each is published to see whether that changed
CONFIRM_POLL_SECONDS = 0.5  # how soon it hears of an order to stop while the broker confirms nothing
REACHED = "SELECT transaction_id::text::bigint, position FROM store.relays WHERE service = %s"
MOVE = """INSERT INTO store.relays (service, transaction_id, position) VALUES (%s, %s::text::xid8, %s)
    ON CONFLICT (service) DO UPDATE
    SET transaction_id = excluded.transaction_id, position = excluded.position, moved_at = now()"""
WAITING = """SELECT count(*) FROM (
    SELECT FROM store.events
    WHERE (transaction_id, position) > (%s::text::xid8, %s) AND type = ANY(%s) LIMIT 100000) AS waiting"""


def reached(db: Cursor, service: str) -> Position:
    """Up to where the broker has confirmed what a service has to tell."""
    return Position(*db.execute(REACHED, (service,)).fetchone() or (0, 0))


def lag(db: Cursor, api: Api) -> int:
    """How many stored events that are public the broker has yet to confirm, at most 100 000.

    What is told of facts is not among them: where nobody hears it, it is passed over without a trace.
    """
    kinds = [kind for kind, publication in api.publications.items() if publication.fact is None]
    (waiting,) = db.execute(WAITING, (*reached(db, api.name), kinds)).fetchone() or (0,)
    return int(waiting)


class Relay:
    """Publishes what an `Api` declares as public, until `stop` is set; in a thread or a greenlet of its own."""

    def __init__(
        self,
        api: Api,
        dsn: str,
        amqp_url: str,
        stop: threading.Event,
        upcasters: Upcasters | None = None,
    ) -> None:
        self._service, self._publications = api.name, api.publications
        self._dsn, self._upcasters = dsn, upcasters or {}
        self._link = Link(amqp_url, f"relay of {api.name}", self._live, stop)
        self._sent = 0  # the broker counts what a channel publishes, from 1
        self._unconfirmed: set[int] = set()
        self._refused = False
        self._unheard: dict[str, float] = {}  # until when, by routing key

    def run(self) -> None:
        """Relays; comes back to a broker or a database that was lost, with pauses."""
        self._link.run()

    def _live(self, channel: Any) -> None:
        self._unconfirmed.clear()
        self._sent = 0
        channel.exchange_declare(exchange_of(self._service), "topic", durable=True)
        channel.confirm_delivery(self._answered)
        channel.add_on_return_callback(self._returned)
        waits = pauses()
        while not self._link.stopping:
            try:
                with connect(self._dsn, f"relay {self._service}") as connection:
                    # A crash may lose the last checkpoints: what follows them is published again.
                    connection.execute("SET synchronous_commit = off")
                    self._lead(connection, channel)
                    waits = pauses()
            except psycopg.OperationalError as error:
                log.warning("relay waits for the database", service=self._service, error=str(error))
                self._link.pause(next(waits))

    def _lead(self, connection: Connection, channel: Any) -> None:
        while not granted(connection, "relay", self._service):
            self._link.serve(STANDBY_SECONDS)
            if self._link.stopping:
                return
        ear = Ear(connection)
        with connection.cursor() as db:
            stored = told = reached(db, self._service)
        while not self._link.stopping:
            with connection.cursor() as db:
                stretch = read_on(db, told, self._heard(), BATCH)
            if stretch.events:
                self._publish_all(channel, stretch.events)
            told = stretch.reached
            if stretch.moves(stored):
                connection.execute(MOVE, (self._service, *told))
                stored = told
            if not stretch.events:
                ear.rest()
                self._link.serve(0)

    def _publish_all(self, channel: Any, events: list[StoredEvent]) -> None:
        """Publishes them, all of them again after any refusal, until the broker has confirmed them all."""
        waits = pauses()
        while self._publish(channel, events):
            pause = next(waits)
            log.warning("relay refused by the broker", service=self._service, retry_in=round(pause, 2))
            self._link.pause(pause)
        PUBLISHED.labels(self._service).inc(len(events))
        trace_ids = traces.ids_of(event.metadata for event in events)
        log.debug("relay.published", service=self._service, events=len(events), trace_ids=trace_ids)

    def _publish(self, channel: Any, events: list[StoredEvent]) -> bool:
        """Publishes them once; whether one was refused (a queue of somebody else's is at its limit)."""
        self._refused = False
        for event in events:
            publication = self._publications[event.type]
            body = body_of(publication, event, self._upcasters)
            if body is not None:
                properties = BasicProperties(
                    content_type=BODIES, content_encoding="utf-8", delivery_mode=2, message_id=str(event.event_id)
                )
                # What is told of every fact would cost more than all else; a broker says where nobody has asked for it.
                mandatory = publication.fact is not None
                channel.basic_publish(exchange_of(self._service), publication.name, body, properties, mandatory)
                self._sent += 1
                self._unconfirmed.add(self._sent)
        while self._unconfirmed:
            self._link.serve(CONFIRM_POLL_SECONDS)
            if self._link.stopping:
                raise Stopping
        return self._refused

    def _heard(self) -> list[str]:
        """The types of stored events of which somebody hears; those that are no facts, whether or not."""
        now = time.monotonic()
        unheard = {name for name, until in self._unheard.items() if until > now}
        return [kind for kind, publication in self._publications.items() if publication.name not in unheard]

    def _returned(self, _channel: Any, how: Any, _properties: Any, _body: bytes) -> None:
        self._unheard[how.routing_key] = time.monotonic() + UNHEARD_SECONDS

    def _answered(self, frame: Any) -> None:
        answer = frame.method
        self._refused |= answer.NAME == "Basic.Nack"
        if answer.multiple:
            self._unconfirmed = {tag for tag in self._unconfirmed if tag > answer.delivery_tag}
        else:
            self._unconfirmed.discard(answer.delivery_tag)
