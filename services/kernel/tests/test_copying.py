"""Rows written with COPY arrive as they were."""

from uuid import UUID

import pytest

from services.kernel.copying import copy_rows, instant_text

COLUMNS = ("id", "name", "number", "flag", "data", "at")


@pytest.fixture
def table(calls_connection):
    """An empty table with a column of each kind."""
    calls_connection.execute(
        "CREATE TEMPORARY TABLE things (id uuid, name text, number bigint, flag boolean, data jsonb, at timestamptz)"
    )
    return calls_connection


def test_every_kind_of_value_arrives_as_it_was(table):
    nasty = "tab\t, line\nend, \r, backslash \\, \\N, quote \" and 'é€😀"
    rows = [
        (UUID(int=7), nasty, -(2**63), True, {"text": nasty, "list": [1, None]}, instant_text(1_795_251_600_123_456)),
        (None, "", 2**63 - 1, False, {}, instant_text(-1)),
        (None, None, None, None, None, instant_text(None)),
    ]
    with table.cursor() as db:
        copy_rows(db, "things", COLUMNS, rows)
        stored = db.execute("SELECT id, name, number, flag, data, at::text FROM things ORDER BY number").fetchall()
    assert stored == [
        (UUID(int=7), nasty, -(2**63), True, {"text": nasty, "list": [1, None]}, "2026-11-21 09:00:00.123456+00"),
        (None, "", 2**63 - 1, False, {}, "1969-12-31 23:59:59.999999+00"),
        (None, None, None, None, None, None),
    ]


def test_no_rows_are_no_statement(table):
    with table.cursor() as db:
        copy_rows(db, "things_that_do_not_exist", COLUMNS, [])
        assert db.execute("SELECT count(*) FROM things").fetchone() == (0,)


def test_a_value_of_another_kind_is_a_mistake(table):
    with table.cursor() as db, pytest.raises(KeyError):
        copy_rows(db, "things", ("name",), [(1.5,)])
