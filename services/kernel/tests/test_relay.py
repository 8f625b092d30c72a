"""The relay: every public event at least once and in order, whatever ends it, by one leader."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import orjson
import pika
import psycopg
import pytest

from services.kernel import relay as relaying
from services.kernel import store
from services.kernel.cloud_events import exchange_of
from services.kernel.decider import event
from services.kernel.declarations import Api
from services.kernel.relay import Relay
from services.kernel.store import Head, NewEvent
from services.kernel.tests.horizon import until_readable
from services.kernel.tests.messaging.proxy import Proxy

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
QUORUM = {"x-queue-type": "quorum"}


@event("bell_rung")
class BellRung:
    """A public event."""

    number: int


class Killed(BaseException):
    """Ends a relay where it stands."""


class Listener:
    """A queue of the test's own on the exchange of a service of its own, and the relay's view of that service."""

    def __init__(self, channel, dsn: str, amqp_url: str) -> None:
        self.channel, self.dsn, self.amqp_url = channel, dsn, amqp_url
        self.api = Api(f"bells{uuid4().hex[:8]}")
        self.api.publishes(BellRung)
        self.queue = f"test.{self.api.name}"
        self.heard: list[tuple[str, int]] = []
        exchange = exchange_of(self.api.name)
        channel.exchange_declare(exchange, "topic", durable=True)
        channel.queue_declare(self.queue, durable=True, arguments=QUORUM)
        channel.queue_bind(self.queue, exchange, "bell_rung")

    def numbers(self, stream: UUID | None = None) -> list[int]:
        """What was heard until now, in order."""
        while True:
            _, properties, body = self.channel.basic_get(self.queue, auto_ack=True)
            if body is None:
                return [number for subject, number in self.heard if stream is None or subject == str(stream)]
            told = orjson.loads(body)
            assert properties.message_id == told["id"]
            assert properties.delivery_mode == 2
            self.heard.append((told["subject"], told["data"]["number"]))

    def until(self, numbers: list[int]) -> None:
        """Waits until all of these were heard."""
        deadline = time.monotonic() + 20
        while not set(numbers) <= set(self.numbers()):
            assert time.monotonic() < deadline, (numbers, self.heard)
            time.sleep(0.02)

    @contextmanager
    def relayed(self, amqp_url: str | None = None) -> Iterator[threading.Thread]:
        """A relay in a thread of its own."""
        stop = threading.Event()

        def run() -> None:
            with suppress(Killed):
                Relay(self.api, self.dsn, amqp_url or self.amqp_url, stop).run()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield thread
        finally:
            stop.set()
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def listener(calls_url, amqp_url):
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        listening = Listener(channel, calls_url, amqp_url)
        yield listening
        channel.queue_delete(listening.queue)
        channel.exchange_delete(exchange_of(listening.api.name))


def ring(connection, numbers, stream=None, head=None, kind="bell_rung") -> UUID:
    stream = stream or uuid4()
    with connection.transaction(), connection.cursor() as db:
        events = [NewEvent(stream, uuid4(), kind, {"number": number}, NOON) for number in numbers]
        store.append(db, events, {stream: head} if head else {})
    return stream


def checkpoint(connection):
    return connection.execute("SELECT transaction_id::text::bigint, position FROM store.relays").fetchone()


def test_it_publishes_what_is_public_in_order_and_goes_on_where_it_was(listener, calls_connection):
    ring(calls_connection, [1, 2, 3])
    ring(calls_connection, [99], kind="bell_polished")
    with listener.relayed():
        listener.until([1, 2, 3])
        ring(calls_connection, [4])
        listener.until([4])
    with listener.relayed():
        ring(calls_connection, [5])
        listener.until([5])
    assert listener.numbers() == [1, 2, 3, 4, 5]


def test_its_lag_is_what_is_public_and_not_yet_confirmed(listener, calls_connection):
    def lag():
        with calls_connection.cursor() as db:
            return relaying.lag(db, listener.api)

    ring(calls_connection, [1, 2, 3])
    ring(calls_connection, [99], kind="bell_polished")
    assert lag() == 3
    with listener.relayed():
        until = time.monotonic() + 20
        while lag() and time.monotonic() < until:
            time.sleep(0.02)
        assert lag() == 0
        assert listener.numbers() == [1, 2, 3]
    ring(calls_connection, [4])
    assert lag() == 1


def test_nothing_overtakes_a_write_that_is_still_open(listener, calls_url, calls_connection):
    with psycopg.connect(calls_url) as other:
        with other.cursor() as db:
            store.append(db, [NewEvent(uuid4(), uuid4(), "bell_rung", {"number": 1}, NOON)], {})
        with listener.relayed():
            ring(calls_connection, [2])
            time.sleep(0.5)
            assert listener.numbers() == []
            other.commit()
            listener.until([1, 2])
    assert listener.numbers() == [1, 2]


def kill_reading(patch):
    patch.setattr(relaying, "read_on", killing(relaying.read_on))


def kill_writing(patch):
    patch.setattr(relaying, "body_of", killing(relaying.body_of, at=3))


def kill_published(patch):
    patch.setattr(Relay, "_answered", killing(Relay._answered))


def kill_confirmed(patch):
    publish = Relay._publish_all

    def then(*arguments):
        publish(*arguments)
        raise Killed

    patch.setattr(Relay, "_publish_all", then)


def kill_stored(patch):
    patch.setattr(relaying, "read_on", killing(relaying.read_on, at=2))


def killing(function, at=1):
    calls = []

    def wrapped(*arguments):
        calls.append(None)
        if len(calls) == at:
            raise Killed
        return function(*arguments)

    return wrapped


@pytest.mark.parametrize("where", [kill_reading, kill_writing, kill_published, kill_confirmed, kill_stored])
def test_killed_anywhere_it_loses_nothing_and_keeps_the_order_of_each_subject(listener, calls_connection, where):
    numbers = [*range(1, 6)]
    stream = ring(calls_connection, numbers)
    until_readable(calls_connection)
    with pytest.MonkeyPatch.context() as patch:
        where(patch)
        with listener.relayed() as thread:
            thread.join(20)
            assert not thread.is_alive()
    assert (checkpoint(calls_connection) is not None) is (where is kill_stored)
    with listener.relayed():
        ring(calls_connection, [6], stream, Head(5, 0))
        listener.until([*numbers, 6])
    heard = listener.numbers(stream)
    assert list(dict.fromkeys(heard)) == [*numbers, 6]  # the first time that each was heard
    if where is kill_stored:
        assert heard == [*numbers, 6]


def test_one_leads_and_another_takes_over(listener, calls_connection):
    leader = """SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = hashtext('relay')::oid
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    with listener.relayed(), listener.relayed():
        ring(calls_connection, [1])
        listener.until([1])
        ((first,),) = calls_connection.execute(leader).fetchall()
        calls_connection.execute("SELECT pg_terminate_backend(%s)", (first,))
        ring(calls_connection, [2])
        listener.until([2])
        ((second,),) = calls_connection.execute(leader).fetchall()
    assert second != first
    assert listener.numbers() == [1, 2]


def test_it_comes_back_to_a_broker_that_was_lost(listener, calls_connection, amqp_url):
    parts = urlsplit(amqp_url)
    door = Proxy((parts.hostname, parts.port))
    through = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{door.port}"))
    with listener.relayed(through):
        ring(calls_connection, [1])
        listener.until([1])
        for number in range(2, 5):
            door.cut()
            ring(calls_connection, [number])
            listener.until([number])
        door.close()
        ring(calls_connection, [5])
        again = Proxy(door.target, door.port)
        listener.until([5])
        again.close()


def test_what_a_full_queue_refuses_is_published_again(listener, calls_connection):
    full = f"{listener.queue}.full"
    limits = {**QUORUM, "x-max-length": 1, "x-overflow": "reject-publish"}
    listener.channel.queue_declare(full, durable=True, arguments=limits)
    listener.channel.queue_bind(full, exchange_of(listener.api.name), "bell_rung")
    try:
        with listener.relayed():
            ring(calls_connection, [1, 2, 3])
            listener.until([1, 2, 3])
            time.sleep(0.3)
            before = checkpoint(calls_connection)
            ring(calls_connection, [4])
            listener.until([4])
            time.sleep(0.3)
            assert checkpoint(calls_connection) == before
            listener.channel.queue_purge(full)
            ring(calls_connection, [5])
            listener.until([5])
    finally:
        listener.channel.queue_delete(full)
    assert checkpoint(calls_connection) > before


@event("bell_heard_of")
class BellHeardOf:
    """A public event that tells of a fact."""

    number: int


def test_what_is_told_of_facts_is_told_while_somebody_hears_it(listener, calls_connection, monkeypatch):
    monkeypatch.setattr(relaying, "UNHEARD_SECONDS", 0.5)
    asked = []

    def by(fact):
        asked.append(fact.data["number"])
        return fact.data

    listener.api.announces(BellHeardOf, fact="bell.struck", by=by, subject="number")
    ring(calls_connection, [1], kind="bell.struck")
    with calls_connection.cursor() as db:
        assert relaying.lag(db, listener.api) == 0, "nobody need wait for it"
    with listener.relayed():
        while not asked:
            time.sleep(0.01)
        ring(calls_connection, [2], kind="bell.struck")  # nobody has asked for it, so nothing is made of it
        ring(calls_connection, [3])
        listener.until([3])
        listener.channel.queue_bind(listener.queue, exchange_of(listener.api.name), "bell_heard_of")
        number = 10
        while not any(heard >= 10 for heard in listener.numbers()):
            ring(calls_connection, [number], kind="bell.struck")
            number += 1
            time.sleep(0.05)
    assert 2 not in asked
    assert listener.numbers()[0] == 3
