"""The scenes in which an actor is killed: what there is to do, and what must have come of it in the end.

A life ends by itself with the last that there is for it to do, which is put there anew for each life, and which is no
part of what is compared.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import orjson
from pika import BasicProperties
from pika.adapters.blocking_connection import BlockingChannel
from psycopg import sql

from services.calls.api import canonical
from services.calls.ingest import Ingest
from services.kernel import store
from services.kernel.cloud_events import exchange_of, source_of
from services.kernel.database import Connection, connect, open_pool
from services.kernel.ingest_queues import dead
from services.kernel.messaging.messages import Batch
from services.kernel.store import NewEvent
from services.kernel.tests.horizon import until_readable
from tests.crash_points.bells import SOURCE
from tests.crash_points.lives import MASTER, Place, lived

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
BELLS = [uuid5(NAMESPACE_URL, f"bell {number}") for number in range(3)]
TOWER = uuid5(NAMESPACE_URL, "tower")
LAST = "last of all"
FROM_100 = 100  # numbers of bells that end a life

EVENTS = """SELECT stream_id, version, event_id, type, data - 'sealed', metadata FROM store.events
    WHERE coalesce(data->>'source', '') <> 'last of all' AND coalesce((data->>'number')::int, 0) < 100
    ORDER BY stream_id, version"""
CONFLICTS = "SELECT stream_id, event_id, digest FROM store.fact_conflicts ORDER BY 1, 2"
PROGRESS = "SELECT facts FROM store.ingest_progress WHERE publisher = 'door'"
KEYS = "SELECT subject FROM keyring.keys ORDER BY 1"
INBOX = "SELECT event_id, type, subject, revision FROM store.inbox WHERE subject <> 'last of all' ORDER BY 1"
SCHEMAS = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'calls\\_%'"
GENERATIONS = "SELECT name, version, in_use FROM store.projections ORDER BY 1"
VIEWS = "SELECT viewname FROM pg_views WHERE schemaname = 'read' ORDER BY 1"
LEVEL = """SELECT (transaction_id, position) > (SELECT transaction_id, position FROM store.events
    ORDER BY 1 DESC, 2 DESC LIMIT 1) FROM store.projections"""


def call(call_id: str, ending: str = "ended") -> list[dict[str, Any]]:
    """The facts of a call, with numbers that are sealed."""
    kinds = [("queued", {"queue": "sales", "from": "+33199000001", "to": "+33199000100"})]
    kinds += [("answered", {"queue": "sales", "agent": "a-1042"}), (ending, {"queue": "sales"})]
    return [
        {
            "id": f"{call_id} {kind}",
            "source": "pbx1",
            "type": f"call.{kind}",
            "call_id": call_id,
            "occurred_at": (NINE + timedelta(seconds=10 * number)).isoformat(),
            **fields,
        }
        for number, (kind, fields) in enumerate(kinds)
    ]


class Scene:
    """One actor (a function of `actors`) at work. each of the `kinds` matches some of its steps."""

    actor: str
    kinds: tuple[str, ...]

    def furnish(self, database: Place) -> None:
        """Puts into a database what was there before the actor came."""

    def open(self, place: Place, channel: BlockingChannel) -> None:
        """Makes the queues of a place, for all runs there."""

    def begin(self, place: Place, channel: BlockingChannel) -> None:
        """Gives the actor something to do."""

    def last(self, place: Place, channel: BlockingChannel) -> str:
        """Gives a life of the actor the last that there is for it to do, and says what that is called."""
        return ""

    def end(self, place: Place, channel: BlockingChannel, db: Connection) -> Any:
        """What has come of it."""
        raise NotImplementedError

    def close(self, place: Place, channel: BlockingChannel) -> None:
        """Removes the queues."""


def _rows(db: Connection, *questions: str) -> list[list[tuple[Any, ...]]]:
    return [db.execute(question).fetchall() for question in questions]


def _waiting(channel: BlockingChannel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


class Append(Scene):
    """Three facts of a call in two messages, one of them repeated, and once with other content."""

    actor = "store_facts"
    kinds = ("heard Body", "asked WITH written AS", "asked exit", "answered BEGIN; SET", r"sent Basic\.Ack")

    def open(self, place: Place, channel: BlockingChannel) -> None:
        for step in place.ingest_queues.plan():
            getattr(channel, step.method)(**step.arguments)

    def begin(self, place: Place, channel: BlockingChannel) -> None:
        queued, answered, ended = call("c1")
        self._send(place, channel, [queued, answered], "door", 2)
        self._send(place, channel, [queued, ended, {**answered, "agent": "a-7"}], "door", 5)

    def last(self, place: Place, channel: BlockingChannel) -> str:
        name = str(uuid4())
        last = {"id": name, "source": LAST, "type": "call.noted", "call_id": name, "occurred_at": NINE.isoformat()}
        self._send(place, channel, [last], "the last", 1)
        return name

    def end(self, place: Place, channel: BlockingChannel, db: Connection) -> Any:
        (queue,) = place.ingest_queues.names
        left = [_waiting(channel, name) for name in (queue, dead(queue))]
        return left, _rows(db, EVENTS, CONFLICTS, PROGRESS, KEYS)

    def close(self, place: Place, channel: BlockingChannel) -> None:
        queues = place.ingest_queues
        for queue in queues.names:
            channel.queue_delete(queue)
            channel.queue_delete(dead(queue))
        channel.exchange_delete(queues.exchange)

    @staticmethod
    def _send(place: Place, channel: BlockingChannel, facts: Sequence[Any], publisher: str, published: int) -> None:
        queues = place.ingest_queues
        headers = {"facts": len(facts), "publisher": publisher, "published": published}
        body = orjson.dumps([canonical(fact) for fact in facts])
        properties = BasicProperties(delivery_mode=2, headers=headers)
        channel.basic_publish(queues.exchange, queues.names[0], body, properties, mandatory=True)


class Tell(Scene):
    """Three bells that were rung, one after the other, to an exchange where somebody listens."""

    actor = "relay"
    kinds = (
        "asked SELECT stream_id",
        r"sent .*Basic\.Publish",
        r"heard Basic\.Ack",
        "answered INSERT INTO store.relays",
    )

    def furnish(self, database: Place) -> None:
        with connect(database.dsn, "crash points") as connection:
            for number, bell in enumerate(BELLS):
                _append(connection, NewEvent(TOWER, bell, "bell_rung", {"number": number}, NINE))

    def open(self, place: Place, channel: BlockingChannel) -> None:
        channel.exchange_declare(exchange_of(place.name), "topic", durable=True)
        channel.queue_declare(place.name, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(place.name, exchange_of(place.name), "bell_rung")

    def last(self, place: Place, channel: BlockingChannel) -> str:
        last = uuid4()
        with connect(place.dsn, "crash points") as connection:
            _append(connection, NewEvent(last, last, "bell_rung", {"number": FROM_100}, NINE))
        return str(last)

    def end(self, place: Place, channel: BlockingChannel, db: Connection) -> Any:
        heard = []
        while (body := channel.basic_get(place.name, auto_ack=True)[2]) is not None:
            told = orjson.loads(body)
            if told["data"]["number"] < FROM_100:
                heard.append((told["id"], told["data"]["number"]))
        return list(dict.fromkeys(heard))  # at least once, and in order by the first time

    def close(self, place: Place, channel: BlockingChannel) -> None:
        channel.queue_delete(place.name)
        channel.exchange_delete(exchange_of(place.name))


class Hear(Scene):
    """Three bells that somebody tells of, one of them twice, and a revision that comes too late."""

    actor = "hear_bells"
    kinds = (
        "heard Body",
        "asked WITH written AS",
        "asked INSERT INTO store.inbox",
        "answered exit",
        r"sent Basic\.Ack",
    )

    def open(self, place: Place, channel: BlockingChannel) -> None:
        for step in place.event_queues.plan():
            getattr(channel, step.method)(**step.arguments)

    def begin(self, place: Place, channel: BlockingChannel) -> None:
        for number, revision in ((0, 1), (1, 3), (0, 1), (2, 2)):
            self._send(place, channel, BELLS[number], number, revision=revision)

    def last(self, place: Place, channel: BlockingChannel) -> str:
        last = uuid4()
        self._send(place, channel, last, FROM_100, subject=LAST)
        return str(last)

    def end(self, place: Place, channel: BlockingChannel, db: Connection) -> Any:
        queues = place.event_queues
        left = [_waiting(channel, name) for name in (queues.name, queues.delayed, queues.dead)]
        return left, _rows(db, EVENTS, INBOX)

    def close(self, place: Place, channel: BlockingChannel) -> None:
        queues = place.event_queues
        for name in (queues.name, queues.delayed, queues.dead):
            channel.queue_delete(name)

    @staticmethod
    def _send(place: Place, channel: BlockingChannel, bell: UUID, number: int, **more: Any) -> None:
        told = {
            "id": str(bell),
            "source": source_of(SOURCE),
            "type": "plateau.bells.bell_rung",
            "subject": "tower",
            "time": NINE.isoformat(),
            "data": {"number": number},
            **more,
        }
        queue = place.event_queues.name
        channel.basic_publish("", queue, orjson.dumps(told), BasicProperties(delivery_mode=2), mandatory=True)


class Build(Scene):
    """Two calls of which nobody has made a read model yet."""

    actor = "follow"
    kinds = ("asked CREATE SCHEMA", "asked UPDATE store.projections", "asked COPY", "answered exit")

    def furnish(self, database: Place) -> None:
        _store(database, call("c1") + call("c2", "transferred"))

    def end(self, place: Place, channel: BlockingChannel, db: Connection) -> Any:
        views = [view for (view,) in db.execute(VIEWS)]
        # A mark is a number on a waiting list, which nobody uses twice; when it was made is the clock's to say.
        rows = sql.SQL("SELECT (to_jsonb(row) - 'mark' - 'marked_at' - 'next')::text FROM read.{} AS row ORDER BY 1")
        models = {view: db.execute(rows.format(sql.Identifier(view))).fetchall() for view in views}
        return models, _rows(db, SCHEMAS, GENERATIONS, LEVEL)


class Follow(Build):
    """A read model that knows of one of two calls."""

    kinds = ("asked UPDATE store.projections", "asked COPY", "answered exit")

    def furnish(self, database: Place) -> None:
        _store(database, call("c1"))
        lived("follow", database)
        _store(database, call("c2", "transferred"))


class TellOfCompleted(Build):
    """Two calls that are over, of which others are to be told."""

    actor = "tell"
    kinds = ("asked WITH written AS", "asked DELETE FROM read.completions", "answered exit")

    def furnish(self, database: Place) -> None:
        super().furnish(database)
        lived("follow", database)

    def end(self, place: Place, channel: BlockingChannel, db: Connection) -> Any:
        return _rows(db, EVENTS, "SELECT count(*) FROM read.completions")


class TellOfHours(TellOfCompleted):
    """An hour that is over, of which others are to be told."""

    actor = "tell_of_hours"
    kinds = ("asked WITH written AS", "asked DELETE FROM interval_marks", "answered exit")

    def end(self, place: Place, channel: BlockingChannel, db: Connection) -> Any:
        return _rows(db, EVENTS, "SELECT count(*) FROM read.interval_marks")


class Configure(Scene):
    """A command that its sender repeats until it is answered."""

    actor = "configure"
    kinds = ("asked SELECT stream_id", "asked WITH written AS", "answered WITH written AS")

    def end(self, place: Place, channel: BlockingChannel, db: Connection) -> Any:
        return _rows(db, EVENTS)


def _store(place: Place, facts: Sequence[Any]) -> None:
    with open_pool(place.dsn, "crash points", size=1) as pool:
        Ingest(pool, MASTER).store(Batch("none", [canonical(fact) for fact in facts], (), NINE))


def _append(connection: Connection, event: NewEvent) -> None:
    with connection.transaction(), connection.cursor() as db:
        store.append(db, [event], store.heads(db, [event.stream_id]))
    until_readable(connection)


SCENES = (Append(), Tell(), Hear(), Build(), Follow(), TellOfCompleted(), TellOfHours(), Configure())
