"""Read models that follow the store: each event once, one leader, rebuilt beside the old without a pause."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import ClassVar
from uuid import uuid4

import psycopg
import pytest

from services.kernel import reading, store
from services.kernel.database import Connection, connect
from services.kernel.following import LONGEST_PACE_SECONDS, WAKE, Follower
from services.kernel.projections import (
    READ_VIEWS,
    Generation,
    Projection,
    Superseded,
    behind,
    bring_into_use,
    create,
    lags,
    rebuild,
)
from services.kernel.store import NewEvent, Position
from services.kernel.tests.horizon import until_readable

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LEADER = """SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = hashtext('tally')::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class Tally(Projection):
    """Counts events; an event applied twice, or not at all, shows."""

    name = "tally"
    version = 1
    handles = ("counted",)
    tables = "CREATE TABLE by_stream (stream_id uuid, version int); CREATE TABLE total (events int NOT NULL)"
    batch = 3

    def apply(self, events, db):
        db.executemany("INSERT INTO by_stream VALUES (%s, %s)", [event[:2] for event in events])
        if not db.execute("UPDATE total SET events = events + %s", (len(events),)).rowcount:
            db.execute("INSERT INTO total VALUES (%s)", (len(events),))


class Named(Tally):
    """The same in another shape."""

    version = 2
    tables = Tally.tables + "; ALTER TABLE total ADD COLUMN shape text DEFAULT 'new'"

    def apply(self, events, db):
        super().apply(events, db)


class Poisoned(Tally):
    """Fails after it has written, as long as it is poisoned."""

    poisoned = True

    def apply(self, events, db):
        super().apply(events, db)
        if self.poisoned:
            raise ValueError("poison")


class Laborious(Tally):
    """Has work for each event beforehand, during which something may happen."""

    tables = Tally.tables + "; CREATE TABLE done (event_id uuid)"
    interrupted: Callable[[], None] | None = None

    def beforehand(self, events, db):
        for event in events:
            db.execute("INSERT INTO done VALUES (%s)", (event.event_id,))
            yield
            if self.interrupted:
                self.interrupted()


class Keyed(Tally):
    """Rows that are found by a key."""

    tables = Tally.tables + "; CREATE TABLE marks (stream_id uuid PRIMARY KEY)"


def append(connection: Connection, count: int = 1, kind: str = "counted") -> Position:
    stream = uuid4()
    with connection.transaction(), connection.cursor() as db:
        written = store.append(db, [NewEvent(stream, uuid4(), kind, {}, NOON) for _ in range(count)], {})
    connection.execute(WAKE)
    return written


def total(connection: Connection) -> int:
    row = connection.execute("SELECT events FROM read.total").fetchone()
    return row[0] if row else 0


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def caught_up(connection: Connection, count: int) -> Callable[[], bool]:
    return lambda: in_use(connection) and total(connection) == count


def in_use(connection: Connection) -> bool:
    return connection.execute("SELECT to_regclass('read.total') IS NOT NULL").fetchone() == (True,)


def generations(connection: Connection) -> list[tuple]:
    return connection.execute("SELECT generation, version, in_use FROM store.projections ORDER BY 1").fetchall()


def checkpoint(connection: Connection) -> Position:
    return Position(
        *connection.execute("SELECT transaction_id::text::bigint, position FROM store.projections").fetchone()
    )


@contextmanager
def following(dsn: str, projection: Projection):
    """A follower in a thread of its own; a failure of it is raised here."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(Follower(projection, dsn, stop).run)
        try:
            yield stop
        finally:
            stop.set()
    running.result()


@pytest.fixture
def tally(calls_connection) -> Generation:
    """A generation in use."""
    generation = create(calls_connection, Tally())
    bring_into_use(calls_connection, generation)
    return generation


def test_an_apply_that_fails_leaves_the_tables_and_the_checkpoint_as_they_were(calls_connection):
    projection = Poisoned()
    generation = create(calls_connection, projection)
    bring_into_use(calls_connection, generation)
    before = checkpoint(calls_connection)
    append(calls_connection, 2)
    until_readable(calls_connection)
    with pytest.raises(ValueError, match="poison"):
        generation.step(calls_connection)
    assert (total(calls_connection), checkpoint(calls_connection)) == (0, before)
    projection.poisoned = False
    assert generation.step(calls_connection) == 2
    assert total(calls_connection) == 2
    assert checkpoint(calls_connection) > before


def test_work_beforehand_is_committed_in_portions_and_done_again_where_it_was_interrupted(calls_url, calls_connection):
    projection = Laborious()
    generation = create(calls_connection, projection)
    bring_into_use(calls_connection, generation)
    before = checkpoint(calls_connection)
    append(calls_connection, 2)
    until_readable(calls_connection)

    def done() -> int:
        with connect(calls_url, "another") as connection:
            return len(connection.execute("SELECT FROM read.done").fetchall())

    def interrupted() -> None:
        assert done() == 1
        raise ConnectionError("the process is gone")

    projection.interrupted = interrupted
    with pytest.raises(ConnectionError):
        generation.step(calls_connection)
    assert (done(), total(calls_connection), checkpoint(calls_connection)) == (1, 0, before)
    projection.interrupted = None
    assert generation.step(calls_connection) == 2
    assert (done(), total(calls_connection)) == (3, 2)


def test_no_work_is_done_beforehand_for_a_generation_that_was_retired(calls_url, calls_connection):
    generation = create(calls_connection, Laborious())
    bring_into_use(calls_connection, generation)
    with connect(calls_url, "rebuild") as connection:
        rebuild(connection, Laborious(), lambda handled: None)
    append(calls_connection)
    until_readable(calls_connection)
    with pytest.raises(Superseded):
        generation.step(calls_connection)


def test_a_poison_event_ends_the_follower_loudly(calls_url, calls_connection):
    append(calls_connection)
    until_readable(calls_connection)
    with pytest.raises(ValueError, match="poison"):
        Follower(Poisoned(), calls_url, threading.Event()).run()


def test_events_are_applied_in_batches_and_those_of_other_types_never(calls_connection, tally):
    append(calls_connection, 4)
    append(calls_connection, 5, kind="other")
    append(calls_connection, 1)
    until_readable(calls_connection)
    assert [tally.step(calls_connection) for _ in range(3)] == [3, 2, 0]
    assert total(calls_connection) == 5


def test_a_checkpoint_moves_on_over_a_long_time_without_events(calls_connection, tally, monkeypatch):
    monkeypatch.setattr(reading, "MARK_EVERY", 3)
    before = checkpoint(calls_connection)
    for _ in range(5):
        append(calls_connection, kind="other")
    until_readable(calls_connection)
    assert tally.step(calls_connection) == 0
    assert checkpoint(calls_connection) > before


class NewestTally(Tally):
    """Meets events whose shape has changed twice since they were stored."""

    upcasters: ClassVar = {
        ("counted", 1): lambda data: {**data, "steps": ["v2"]},
        ("counted", 2): lambda data: {**data, "steps": [*data["steps"], "v3"]},
    }

    def apply(self, events, db):
        self.met = [event.data["steps"] for event in events]


def test_a_read_model_meets_old_events_in_their_newest_shape(calls_connection):
    append(calls_connection)
    until_readable(calls_connection)
    model = NewestTally()
    rebuild(calls_connection, model, lambda _: None)
    assert model.met == [["v2", "v3"]]


def test_how_far_each_is_behind_is_known(calls_connection, tally):
    last = append(calls_connection, 4)
    with calls_connection.cursor() as db:
        assert behind(db, [Tally()], last)
        assert lags(db, [Tally()]) == {"tally": 4}
        until_readable(calls_connection)
        while tally.step(calls_connection):
            pass
        assert not behind(db, [Tally()], last)
        assert lags(db, [Tally()]) == {"tally": 0}


def test_a_read_model_that_was_never_built_is_behind_by_all_there_is(calls_connection):
    append(calls_connection, 4)
    with calls_connection.cursor() as db:
        assert lags(db, [Tally()]) == {"tally": 4}


def test_one_follows_the_other_stands_by_and_takes_over_when_the_first_is_cut(
    calls_url, calls_connection, postgres_url
):
    with following(calls_url, Tally()) as first:
        append(calls_connection)
        eventually(caught_up(calls_connection, 1))
        (leader,) = calls_connection.execute(LEADER).fetchone()
        with following(calls_url, Tally()):
            append(calls_connection)
            eventually(caught_up(calls_connection, 2))
            assert calls_connection.execute(LEADER).fetchall() == [(leader,)]
            first.set()
            with psycopg.connect(postgres_url, autocommit=True) as server:
                server.execute("SELECT pg_terminate_backend(%s)", (leader,))
            append(calls_connection)
            eventually(caught_up(calls_connection, 3))
            assert calls_connection.execute(LEADER).fetchone() != (leader,)


def test_a_follower_that_is_cut_off_comes_back(calls_url, calls_connection, postgres_url):
    with following(calls_url, Tally()):
        append(calls_connection)
        eventually(caught_up(calls_connection, 1))
        with psycopg.connect(postgres_url, autocommit=True) as server:
            server.execute("SELECT pg_terminate_backend(%s)", calls_connection.execute(LEADER).fetchone())
        append(calls_connection)
        eventually(caught_up(calls_connection, 2))


def test_who_is_woken_for_what_others_read_does_not_look_each_time(calls_url, calls_connection, monkeypatch):
    looks = []
    step = Generation.step
    monkeypatch.setattr(Generation, "step", lambda *given: looks.append(given) or step(*given))
    with following(calls_url, Tally()):
        eventually(lambda: in_use(calls_connection))
        looks.clear()
        began = time.monotonic()
        for _ in range(100):
            append(calls_connection, kind="other")
            time.sleep(0.005)
        most = (time.monotonic() - began) / LONGEST_PACE_SECONDS + 3
        assert len(looks) <= most
        append(calls_connection)
        eventually(caught_up(calls_connection, 1))


def test_a_new_read_model_is_built_from_all_that_was_stored(calls_url, calls_connection):
    append(calls_connection, 10)
    with following(calls_url, Tally()):
        eventually(caught_up(calls_connection, 10))
    assert [in_use for *_, in_use in generations(calls_connection)] == [True]


def test_a_new_version_is_rebuilt_at_the_start(calls_url, calls_connection, tally):
    append(calls_connection, 5)
    with following(calls_url, Named()):
        eventually(lambda: [row[1:] for row in generations(calls_connection)] == [(2, True)])
        eventually(caught_up(calls_connection, 5))
    assert calls_connection.execute("SELECT shape FROM read.total").fetchall() == [("new",)]


def test_a_rebuild_commits_as_it_goes(calls_url, calls_connection):
    """A long write transaction would hold back every reader of the cluster."""
    append(calls_connection, 7)
    until_readable(calls_connection)
    seen = []
    with connect(calls_url, "rebuild") as connection:
        rebuild(connection, Tally(), lambda handled: seen.append((handled, checkpoint(calls_connection))))
    assert [handled for handled, _ in seen] == [3, 3, 1]
    assert sorted(at for _, at in seen) == [at for _, at in seen]
    assert len({at for _, at in seen}) == 3
    assert total(calls_connection) == 7


def test_a_generation_that_was_retired_is_not_written_any_more(calls_url, calls_connection, tally):
    with connect(calls_url, "rebuild") as connection:
        rebuild(connection, Tally(), lambda handled: None)
    append(calls_connection)
    until_readable(calls_connection)
    with pytest.raises(Superseded):
        tally.step(calls_connection)


def test_a_follower_that_was_superseded_while_it_had_nothing_to_do_goes_on_with_the_new(calls_url, calls_connection):
    with following(calls_url, Tally()):
        append(calls_connection)
        eventually(caught_up(calls_connection, 1))
        with connect(calls_url, "rebuild") as connection:
            rebuild(connection, Tally(), lambda handled: None)
        append(calls_connection)
        eventually(caught_up(calls_connection, 2))


def test_rebuilt_beside_the_old_while_it_is_written_followed_and_read(calls_url, calls_connection):
    stop = threading.Event()

    def write() -> int:
        written = 0
        with connect(calls_url, "writer") as connection:
            while not stop.wait(0.005):
                append(connection, 2)
                written += 2
        return written

    def read() -> int:
        """Answers as the service does: several views in one transaction, in any order."""
        answers = 0
        with connect(calls_url, "reader", statement_timeout="5s") as connection:
            while not stop.wait(0.001):
                with connection.transaction():
                    connection.execute(READ_VIEWS)
                    counted = connection.execute("SELECT events FROM total").fetchone()
                    time.sleep(0.002)
                    listed = connection.execute("SELECT count(*) FROM by_stream").fetchone()
                assert counted is None or listed[0] >= counted[0] > 0
                answers += 1
        return answers

    with ThreadPoolExecutor(3) as threads, following(calls_url, Tally()):
        try:
            eventually(lambda: in_use(calls_connection))
            writing, reading = threads.submit(write), [threads.submit(read) for _ in range(2)]
            with connect(calls_url, "rebuild") as connection:
                for _ in range(4):
                    time.sleep(0.2)
                    rebuild(connection, Tally(), lambda handled: None)
        finally:
            stop.set()
        written = writing.result()
        assert written > 0
        assert all(each.result() > 10 for each in reading)
        eventually(caught_up(calls_connection, written))
    assert calls_connection.execute(
        "SELECT count(*), count(DISTINCT stream_id) * 2 FROM read.by_stream"
    ).fetchone() == (
        written,
        written,
    )
    schemas = calls_connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tally%'").fetchall()
    assert len(schemas) == len(generations(calls_connection)) == 1


def test_a_batch_finds_rows_by_their_key_though_its_statements_are_planned_when_there_are_none(calls_connection):
    create(calls_connection, Keyed()).enter(calls_connection)
    explained = "EXPLAIN DELETE FROM marks WHERE stream_id = ANY(%s)"
    plan = psycopg.ClientCursor(calls_connection).execute(explained, ([uuid4() for _ in range(300)],)).fetchall()
    assert "Index" in str(plan)
