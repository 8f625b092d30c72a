"""What waits is read on a second connection while the batch before is applied: each event once, none left behind."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from services.kernel.database import Connection
from services.kernel.projections import Generation, bring_into_use, create, rebuild
from services.kernel.reading import Ahead
from services.kernel.tests.horizon import until_readable
from services.kernel.tests.test_projections import Tally, append, eventually, total

OTHERS = """SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""


@pytest.fixture
def tally(calls_connection: Connection) -> Generation:
    """A generation in use, which takes three events at a time."""
    generation = create(calls_connection, Tally())
    bring_into_use(calls_connection, generation)
    return generation


@pytest.fixture
def ahead(calls_connection: Connection) -> Iterator[Ahead]:
    """Reads ahead for that generation."""
    with closing(Ahead(calls_connection)) as made:
        yield made


def connections(connection: Connection) -> list[int]:
    """The other connections to this database."""
    return [pid for (pid,) in connection.execute(OTHERS)]


def test_a_backlog_is_applied_in_batches_each_event_once(calls_connection, tally, ahead):
    append(calls_connection, 8)
    until_readable(calls_connection)
    assert [tally.step(calls_connection, ahead) for _ in range(4)] == [3, 3, 2, 0]
    versions = calls_connection.execute("SELECT version FROM read.by_stream").fetchall()
    assert sorted(versions) == [(version,) for version in range(1, 9)]


def test_what_comes_after_the_look_ahead_is_found_by_the_next_step(calls_connection, tally, ahead):
    append(calls_connection, 3)
    until_readable(calls_connection)
    assert tally.step(calls_connection, ahead) == 3  # and nothing was there to be read ahead
    append(calls_connection, 2)
    until_readable(calls_connection)
    assert tally.step(calls_connection, ahead) == 2


def test_who_keeps_up_has_one_connection_and_a_rebuild_leaves_none_behind(calls_connection, tally, ahead):
    append(calls_connection, 2)
    until_readable(calls_connection)
    tally.step(calls_connection, ahead)
    assert connections(calls_connection) == []
    append(calls_connection, 5)
    until_readable(calls_connection)
    rebuild(calls_connection, Tally(), lambda _: None)
    assert total(calls_connection) == 7
    eventually(lambda: connections(calls_connection) == [])


def test_a_second_connection_that_is_cut_ends_the_step_and_loses_nothing(calls_connection, tally, ahead, postgres_url):
    append(calls_connection, 14)
    until_readable(calls_connection)
    tally.step(calls_connection, ahead)
    (pid,) = connections(calls_connection)
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
    with pytest.raises(psycopg.OperationalError):
        list(iter(lambda: tally.step(calls_connection, ahead), 0))
    while tally.step(calls_connection):
        pass
    assert total(calls_connection) == 14
