"""What the inbox forgets, and what it never does."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.kernel import forgetting
from services.kernel.forgetting import KEPT, forget_old

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OLD, YOUNG = NOW - KEPT - timedelta(hours=1), NOW - KEPT + timedelta(hours=1)
NOTE = """INSERT INTO store.inbox (source, event_id, type, subject, revision, received_at)
    VALUES (%s, %s, 'bell_rung', %s, %s, %s)"""


def note(connection, subject, revision=None, received_at=OLD, source="/plateau/bells"):
    connection.execute(NOTE, (source, uuid4(), subject, revision, received_at))


def kept(connection):
    rows = connection.execute("SELECT source, subject, revision FROM store.inbox")
    return sorted((source.rpartition("/")[2], subject, revision or 0) for source, subject, revision in rows)


@pytest.mark.parametrize("at_once", [1, 2, 5000])
def test_the_last_revisions_and_what_is_young_are_kept(calls_connection, monkeypatch, at_once):
    monkeypatch.setattr(forgetting, "AT_ONCE", at_once)
    note(calls_connection, "tower")
    note(calls_connection, "tower", received_at=YOUNG)
    for revision in (1, 2, 3):
        note(calls_connection, "chapel", revision)
    note(calls_connection, "chapel", 2, source="/plateau/doors")
    note(calls_connection, "abbey", 1)
    note(calls_connection, "abbey", 2, YOUNG)
    note(calls_connection, "minster", 1, YOUNG)
    note(calls_connection, "minster", 2, YOUNG)
    assert forget_old(calls_connection, NOW) == 4
    assert kept(calls_connection) == [
        ("bells", "abbey", 2),
        ("bells", "chapel", 3),
        ("bells", "minster", 1),
        ("bells", "minster", 2),
        ("bells", "tower", 0),
        ("doors", "chapel", 2),
    ]
    assert forget_old(calls_connection, NOW) == 0
