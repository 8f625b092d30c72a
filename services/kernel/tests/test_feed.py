"""The feed of a service: all public events from any place on, none of them before its time."""

from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest

from services.kernel import store
from services.kernel.cloud_events import told_of
from services.kernel.decider import event
from services.kernel.declarations import Api
from services.kernel.feed import BEGINNING, LATEST, public_events
from services.kernel.store import NewEvent
from services.kernel.tests.horizon import until_readable

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
RUNG, HUNG = "plateau.bells.bell_rung", "plateau.bells.bell_hung"


@event("bell_rung")
class BellRung:
    """A public event."""

    number: int


@event("bell_hung")
class BellHung:
    """Another, made of an internal one, and not of each."""

    number: int


@event("bell_bought")
class BellBought:
    """An internal event."""

    number: int


def hung(bought: BellBought) -> BellHung | None:
    return BellHung(bought.number) if bought.number % 2 else None


@pytest.fixture
def bells():
    api = Api("bells")
    api.publishes(BellRung)
    api.publishes(BellHung, made_of=BellBought, by=hung)
    return api


def append(connection, kind, *numbers):
    with connection.transaction(), connection.cursor() as db:
        store.append(db, [NewEvent(uuid4(), uuid4(), kind, {"number": number}, NOON) for number in numbers], {})


def read(connection, api, after=BEGINNING, types=(), limit=100):
    until_readable(connection)
    with connection.cursor() as db:
        return public_events(db, api, {}, after=after, types=types, limit=limit)


def numbers(page):
    return [item["event"]["data"]["number"] for item in page["items"]]


def test_it_goes_on_from_any_place_and_from_behind_the_last(bells, calls_connection):
    append(calls_connection, "bell_rung", 1, 2, 3)
    append(calls_connection, "bell_polished", 4)
    append(calls_connection, "bell_bought", 5, 6, 7)
    whole = read(calls_connection, bells)
    assert numbers(whole) == [1, 2, 3, 5, 7]
    for count, item in enumerate(whole["items"], start=1):
        assert numbers(read(calls_connection, bells, item["place"])) == [1, 2, 3, 5, 7][count:]
    assert numbers(read(calls_connection, bells, limit=2)) == [1, 2]
    assert numbers(read(calls_connection, bells, read(calls_connection, bells, limit=2)["reached"])) == [3, 5, 7]
    append(calls_connection, "bell_rung", 8)
    assert numbers(read(calls_connection, bells, whole["reached"])) == [8]


def test_it_tells_what_the_relay_tells(bells, calls_connection):
    append(calls_connection, "bell_rung", 1)
    append(calls_connection, "bell_bought", 3)
    page = read(calls_connection, bells)
    rows = calls_connection.execute(f"SELECT {store.COLUMNS} FROM store.events ORDER BY position").fetchall()  # noqa: S608
    stored = [store.StoredEvent(*row) for row in rows]
    assert [item["event"] for item in page["items"]] == [told_of(bells.publications[e.type], e, {}) for e in stored]


def test_only_the_types_that_are_wanted(bells, calls_connection):
    append(calls_connection, "bell_rung", 1)
    append(calls_connection, "bell_bought", 3)
    assert numbers(read(calls_connection, bells, types=[RUNG])) == [1]
    assert numbers(read(calls_connection, bells, types=[HUNG])) == [3]
    assert numbers(read(calls_connection, bells, types=[RUNG, HUNG])) == [1, 3]


def test_what_is_still_being_written_is_never_passed_by(bells, calls_url, calls_connection):
    with psycopg.connect(calls_url) as other:
        with other.cursor() as db:
            store.append(db, [NewEvent(uuid4(), uuid4(), "bell_rung", {"number": 1}, NOON)], {})
        append(calls_connection, "bell_rung", 2)
        with calls_connection.cursor() as db:
            early = public_events(db, bells, {}, after=BEGINNING, types=(), limit=10)
            latest = public_events(db, bells, {}, after=LATEST, types=(), limit=10)
        assert early["items"] == latest["items"] == []
        other.commit()
    for place in (early["reached"], latest["reached"]):
        assert numbers(read(calls_connection, bells, place)) == [1, 2]


def test_latest_is_behind_all_that_there_is(bells, calls_connection):
    append(calls_connection, "bell_rung", 1)
    place = read(calls_connection, bells, LATEST)["reached"]
    append(calls_connection, "bell_rung", 2)
    assert numbers(read(calls_connection, bells, place)) == [2]
