"""The event store on a real PostgreSQL: appends, conflicts, order, and the three edges."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from services.kernel import store
from services.kernel.database import Connection, connect
from services.kernel.projections import Generation, Projection, bring_into_use, create
from services.kernel.store import Conflict, Head, NewEvent, Position
from services.kernel.tests.horizon import until_readable

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def noted(stream: UUID, **data: object) -> NewEvent:
    return NewEvent(stream, uuid4(), "noted", data, NOON)


def append(connection: Connection, *events: NewEvent) -> Position:
    with connection.transaction(), connection.cursor() as db:
        return store.append(db, events, store.heads(db, list({event.stream_id for event in events})))


class Seen(Projection):
    """Keeps the order in which a reader meets events."""

    name = "seen"
    version = 1
    handles = ("noted",)
    tables = "CREATE TABLE seen (n bigint GENERATED ALWAYS AS IDENTITY, stream_id uuid, version int)"

    def apply(self, events, db):
        db.executemany("INSERT INTO seen (stream_id, version) VALUES (%s, %s)", [e[:2] for e in events])


@pytest.fixture
def reader(calls_url, calls_connection):
    """A generation in use, with a connection of its own."""
    with connect(calls_url, "reader") as connection:
        generation = create(connection, Seen())
        bring_into_use(connection, generation)
        yield generation, connection


def read_all(reader: tuple[Generation, Connection]) -> list[tuple[UUID, int]]:
    generation, connection = reader
    while generation.step(connection):
        pass
    return connection.execute("SELECT stream_id, version FROM read.seen ORDER BY n").fetchall()


def test_a_stream_is_read_as_it_was_written(calls_connection):
    stream = uuid4()
    append(calls_connection, noted(stream, text='tab\t, quote ", backslash \\ and line\nend'), noted(stream, n=2))
    with calls_connection.cursor() as db:
        events = store.load(db, stream)
    assert [(e.version, e.data) for e in events] == [
        (1, {"text": 'tab\t, quote ", backslash \\ and line\nend'}),
        (2, {"n": 2}),
    ]


def test_two_who_append_after_the_same_head_do_not_both_succeed(calls_connection):
    stream = uuid4()
    with calls_connection.transaction(), calls_connection.cursor() as db:
        store.append(db, [noted(stream)], {})
    with pytest.raises(Conflict), calls_connection.transaction(), calls_connection.cursor() as db:
        store.append(db, [noted(stream)], {stream: Head()})


def test_a_batch_is_stored_whole_or_not_at_all(calls_connection):
    taken, free = uuid4(), uuid4()
    append(calls_connection, noted(taken))
    with pytest.raises(Conflict), calls_connection.transaction(), calls_connection.cursor() as db:
        store.append(db, [noted(free), noted(taken)], {})
    with calls_connection.cursor() as db:
        assert store.load(db, free) == []


def test_each_stream_of_a_batch_has_versions_of_its_own_in_the_order_of_the_batch(calls_connection):
    one, other = uuid4(), uuid4()
    append(calls_connection, noted(one, n=1))
    last = append(calls_connection, noted(one, n=2), noted(other, n=1), noted(one, n=3))
    with calls_connection.cursor() as db:
        stored = store.load(db, one)
        assert [(event.version, event.data["n"]) for event in stored] == [(1, 1), (2, 2), (3, 3)]
        assert [event.version for event in store.load(db, other)] == [1]
        assert Position(stored[-1].transaction_id, stored[-1].position) == last
        heads = store.heads(db, [one, other, uuid4()])
    assert {stream: head.version for stream, head in heads.items()} == {one: 3, other: 1}
    assert heads[one] == store.head_of(stored)


def test_a_stream_that_does_not_exist_is_empty(calls_connection):
    with calls_connection.cursor() as db:
        assert store.load(db, uuid4()) == []
        assert store.heads(db, []) == {}
    assert store.head_of([]) == Head()


@pytest.mark.parametrize("size", [0, 100_000])
def test_whatever_text_and_however_much_of_it_comes_back_as_it_was(calls_connection, size):
    stream, text = uuid4(), "\\N \\. \u2028 é€😀 \\u0041" + "x" * size
    append(calls_connection, NewEvent(stream, uuid4(), "noted", {text: text}, NOON, metadata={"by": text}))
    with calls_connection.cursor() as db:
        (event,) = store.load(db, stream)
    assert (event.data, event.metadata, event.occurred_at) == ({text: text}, {"by": text}, NOON)


def test_the_same_event_id_again_is_refused(calls_connection):
    event = noted(uuid4())
    append(calls_connection, event)
    with pytest.raises(Conflict):
        append(calls_connection, event)


def test_conflicts_are_recognised_on_a_partitioned_table(postgres_url, calls_url, calls_connection):
    """A partition reports its own constraint name: only the suffix tells."""
    database = calls_url.rpartition("/")[2]
    with psycopg.connect(postgres_url.rpartition("/")[0] + "/" + database, autocommit=True) as owner:
        owner.execute("ALTER TABLE store.events RENAME TO whole")
        owner.execute("ALTER TABLE store.whole RENAME CONSTRAINT events_pkey TO whole_pkey")
        owner.execute(
            "CREATE TABLE store.events (LIKE store.whole INCLUDING DEFAULTS INCLUDING IDENTITY, "
            "PRIMARY KEY (stream_id, version), UNIQUE (stream_id, event_id)) PARTITION BY HASH (stream_id)"
        )
        for n in range(4):
            owner.execute(
                f"CREATE TABLE store.events_p{n} PARTITION OF store.events FOR VALUES WITH (MODULUS 4, REMAINDER {n})"
            )
        owner.execute("GRANT SELECT, INSERT ON store.events TO plateau_calls")
        owner.execute("GRANT SELECT ON ALL SEQUENCES IN SCHEMA store TO plateau_calls")
    event = noted(uuid4())
    append(calls_connection, event)
    with pytest.raises(Conflict):
        append(calls_connection, event)
    with pytest.raises(Conflict), calls_connection.transaction(), calls_connection.cursor() as db:
        store.append(db, [noted(event.stream_id)], {})


def test_known_ids_come_with_their_digests(calls_connection):
    stream = uuid4()
    event = NewEvent(stream, uuid4(), "noted", {}, NOON, metadata={"digest": "d1"})
    append(calls_connection, event)
    with calls_connection.cursor() as db:
        assert store.known(db, [(stream, event.event_id), (stream, uuid4())]) == {event.event_id: "d1"}


def test_a_stream_as_of_an_instant_holds_what_was_recorded_by_then(calls_connection):
    stream = uuid4()
    append(calls_connection, noted(stream, n=1))
    (between,) = calls_connection.execute("SELECT clock_timestamp()").fetchone()
    append(calls_connection, noted(stream, n=2))
    with calls_connection.cursor() as db:
        assert [e.data["n"] for e in store.load(db, stream, as_of=between)] == [1]
        assert store.load(db, stream, as_of=between - timedelta(hours=1)) == []


def test_an_instant_has_not_passed_while_a_transaction_that_began_before_it_is_open(calls_url, calls_connection):
    with connect(calls_url, "writer") as writer, calls_connection.cursor() as db:
        with writer.transaction():
            writer.execute("SELECT")
            (instant,) = db.execute("SELECT clock_timestamp()").fetchone()
            assert not store.has_passed(db, instant)
            assert store.has_passed(db, instant - timedelta(hours=1))
        assert store.has_passed(db, instant)
        assert not store.has_passed(db, instant + timedelta(hours=1))


def test_the_service_cannot_change_delete_or_date_its_events(calls_connection):
    append(calls_connection, noted(uuid4()))
    dated = (
        "INSERT INTO store.events (transaction_id, stream_id, version, event_id, type, schema_version, data, metadata,"
        " occurred_at) VALUES ('1', gen_random_uuid(), 1, gen_random_uuid(), 'x', 1, '{}', '{}', now())"
    )
    changes = ("UPDATE store.events SET type = 'other'", "DELETE FROM store.events", "TRUNCATE store.events", dated)
    for forbidden in changes:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            calls_connection.execute(forbidden)


def test_many_writers_and_one_reader_nothing_skipped_nothing_out_of_order(calls_url, reader):
    streams = [uuid4() for _ in range(20)]
    writers, rounds = 8, 40

    def write(number: int) -> None:
        with connect(calls_url, f"writer {number}") as connection:
            for n in range(rounds):
                chosen = [streams[(number * 7 + n * 3 + k) % len(streams)] for k in range(3)]
                while True:
                    try:
                        append(connection, *[noted(stream) for stream in chosen])
                        break
                    except (Conflict, psycopg.errors.DeadlockDetected):
                        continue

    generation, connection = reader
    with ThreadPoolExecutor(writers) as pool:
        writing = [pool.submit(write, number) for number in range(writers)]
        while not all(each.done() for each in writing):
            generation.step(connection)
    for each in writing:
        each.result()
    until_readable(connection)
    seen = read_all(reader)
    assert len(seen) == writers * rounds * 3
    for stream in streams:
        versions = [version for s, version in seen if s == stream]
        assert versions == list(range(1, len(versions) + 1))
    locks = connection.execute(
        "SELECT count(*) FROM pg_locks WHERE mode IN ('ExclusiveLock', 'AccessExclusiveLock') "
        "AND relation = 'store.events'::regclass"
    ).fetchone()
    assert locks == (0,)


def test_an_append_begun_before_the_streams_head_is_repeated(calls_url, calls_connection):
    """Edge a: an older transaction must not write after a newer one, or readers meet version 2 before version 1."""
    stream = uuid4()
    with connect(calls_url, "older") as older, older.transaction(), older.cursor() as db:
        db.execute("SELECT pg_current_xact_id()")
        append(calls_connection, noted(stream))
        with pytest.raises(Conflict):
            store.append(db, [noted(stream)], store.heads(db, [stream]))


def test_a_reader_waits_for_every_open_write_in_the_cluster(postgres_url, calls_connection, reader):
    """Edge b: an older transaction that is still open, in any database, may yet commit earlier events."""
    with psycopg.connect(postgres_url) as elsewhere:
        elsewhere.execute("SELECT pg_current_xact_id()")
        append(calls_connection, noted(uuid4()))
        assert read_all(reader) == []
        elsewhere.rollback()
    until_readable(calls_connection)
    assert len(read_all(reader)) == 1


def test_a_late_commit_is_not_skipped(calls_url, calls_connection, reader):
    """The trap of position-only readers: a lower position commits after a higher one was read."""
    slow_stream, fast_stream = uuid4(), uuid4()
    with connect(calls_url, "slow") as slow:
        with slow.transaction(), slow.cursor() as db:
            store.append(db, [noted(slow_stream)], {})
            append(calls_connection, noted(fast_stream))
            assert read_all(reader) == []
        until_readable(calls_connection)
        assert [stream for stream, _ in read_all(reader)] == [slow_stream, fast_stream]


def test_a_logical_restore_is_refused(postgres_url, calls_url, calls_connection):
    """Edge c: events from another cluster bear transaction ids that this one has not reached."""
    append(calls_connection, noted(uuid4()))
    with calls_connection.cursor() as db:
        store.refuse_hidden_history(db)
    with psycopg.connect(postgres_url.rpartition("/")[0] + "/" + calls_url.rpartition("/")[2]) as owner:
        owner.execute("UPDATE store.events SET transaction_id = '999999999999'")
    with calls_connection.cursor() as db, pytest.raises(RuntimeError, match="another cluster"):
        store.refuse_hidden_history(db)


def test_the_process_that_holds_readers_back_is_named(postgres_url, calls_connection):
    with calls_connection.cursor() as db:
        with psycopg.connect(postgres_url, application_name="a forgotten session") as elsewhere:
            elsewhere.execute("SELECT pg_current_xact_id()")
            elsewhere.execute("SELECT pg_sleep(1.1)")
            found = store.held_back_by(db)
            assert found is not None
            assert (found.application, found.pid) == ("a forgotten session", elsewhere.info.backend_pid)
            assert found.seconds > 1
            elsewhere.rollback()
        assert store.held_back_by(db) is None
