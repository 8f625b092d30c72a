"""Facts from the queue into the store: each once, its numbers sealed, its publisher told how far it has come."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from prometheus_client import REGISTRY

from services.calls.api import canonical
from services.calls.tests.running import call_fact
from services.kernel.messaging.failures import is_of_content
from services.kernel.messaging.messages import Delivery
from services.kernel.store import Conflict

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
NUMBERS = {"from": "+33199000001", "to": "+33199000100"}

STORED = "SELECT type, version, data, metadata FROM store.events ORDER BY position"
CONFLICTS = "SELECT source, count(*) FROM store.fact_conflicts GROUP BY source"
PROGRESS = "SELECT publisher, queue, facts FROM store.ingest_progress ORDER BY publisher"
TABLES = """SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'alembic_version'"""


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("plateau_ingest_facts_total", {"result": result}) or 0


def types(calls) -> list[tuple[str, int]]:
    return [row[:2] for row in calls.connection.execute(STORED)]


def whole_database(calls) -> str:
    """Every row of every table, as text."""
    tables = [table for (table,) in calls.connection.execute(TABLES)]
    rows = [str(row) for table in tables for row in calls.rows(table)]
    assert rows
    return "\n".join(rows)


# Refused


@pytest.mark.parametrize(
    "poison",
    [
        "no object",
        None,
        {},
        {"id": "1", "source": "pbx1", "type": "call.started"},
        {"id": "1", "source": "pbx1", "type": "call.started", "call_id": "c1", "occurred_at": "yesterday"},
        {"id": "1", "source": "pbx1", "type": "call.started", "call_id": "c\x00", "occurred_at": NINE.isoformat()},
    ],
)
def test_what_is_no_canonical_fact_is_raised_as_such_and_nothing_of_its_batch_is_stored(calls, poison):
    good = canonical(call_fact("c1", "queued", NINE, queue="sales"))
    with pytest.raises(Exception) as failure:  # noqa: PT011 - whatever it is, the consumer must know whose fault it is
        calls.store_canonical([good, poison], Delivery("gateway-1", 2, 2))
    assert is_of_content(failure.value)
    assert types(calls) == []
    assert calls.connection.execute(PROGRESS).fetchall() == []


# Each once


def test_a_fact_is_stored_under_its_own_type_in_the_stream_of_its_call(calls):
    calls.store([call_fact("c1", "queued", NINE, queue="sales"), call_fact("c2", "queued", NINE, queue="sales")])
    calls.store([call_fact("c1", "abandoned", NINE, queue="sales")])
    assert types(calls) == [("call.queued", 1), ("call.queued", 1), ("call.abandoned", 2)]


def test_the_same_fact_again_is_a_duplicate_and_changes_nothing(calls):
    fact = call_fact("c1", "queued", NINE, queue="sales")
    before = counted("stored"), counted("duplicate"), counted("conflict")
    calls.store([fact, fact])
    calls.store([fact])
    assert types(calls) == [("call.queued", 1)]
    assert calls.connection.execute(CONFLICTS).fetchall() == []
    after = counted("stored"), counted("duplicate"), counted("conflict")
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 2, 0]


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_the_same_id_with_other_content_is_a_conflict_and_the_first_is_kept(calls, in_one_batch):
    first = call_fact("c1", "queued", NINE, queue="sales")
    other = {**first, "queue": "care"}
    if in_one_batch:
        calls.store([first, other, other])
    else:
        for fact in (first, other, other):
            calls.store([fact])
    assert [data["queue"] for _, _, data, _ in calls.connection.execute(STORED)] == ["sales"]
    assert calls.connection.execute(CONFLICTS).fetchall() == [("pbx1", 1)]


def test_a_record_told_again_later_with_the_same_content_is_a_duplicate(calls):
    first = call_fact("c1", "queued", NINE, queue="sales", record="r1", record_version="1")
    calls.store([first])
    calls.store([{**first, "record_version": "2"}])
    assert types(calls) == [("call.queued", 1)]
    assert calls.connection.execute(CONFLICTS).fetchall() == []


def test_a_fact_keeps_the_trace_of_the_request_that_brought_it_first(calls):
    first, second = (f"00-{digit * 32}-{digit * 16}-01" for digit in "12")
    traced, bare = call_fact("c1", "queued", NINE, queue="sales"), call_fact("c2", "queued", NINE, queue="sales")
    calls.store_canonical([canonical(each) for each in (bare, traced, traced)], traces={1: first, 2: second})
    calls.store_canonical([canonical(each) for each in (bare, traced)], traces={0: second, 1: second})
    metadata = calls.connection.execute("SELECT metadata->>'traceparent' FROM store.events ORDER BY position")
    assert metadata.fetchall() == [(None,), (first,)]


def test_the_same_id_in_another_call_or_of_another_source_is_another_fact(calls):
    fact = call_fact("c1", "queued", NINE, queue="sales")
    calls.store([fact, {**fact, "call_id": "c2"}, {**fact, "source": "pbx2"}])
    assert len(types(calls)) == 3
    assert calls.connection.execute(CONFLICTS).fetchall() == []


def test_an_equal_instant_written_differently_is_equal(calls):
    fact = call_fact("c1", "queued", NINE, queue="sales")
    for written in ("2026-11-20T09:00:00Z", "2026-11-20T10:00:00.000+01:00", "2026-11-20t09:00:00z"):
        calls.store([{**fact, "occurred_at": written}])
    calls.store([{**fact, "campaign": None, "data": None}])
    assert types(calls) == [("call.queued", 1)]
    assert calls.connection.execute(CONFLICTS).fetchall() == []


def test_agents_and_sources_have_streams_of_their_own(calls):
    at = NINE.isoformat()
    calls.store(
        [
            {"id": "1", "source": "pbx1", "type": "agent.signed_in", "agent": "a-1", "occurred_at": at},
            {"id": "1", "source": "pbx1", "type": "agent.signed_in", "agent": "a-2", "occurred_at": at},
            {"id": "1", "source": "pbx1", "type": "source.restarted", "occurred_at": at},
            call_fact("a-1", "started", NINE, id="1"),
        ]
    )
    assert [version for _, version in types(calls)] == [1, 1, 1, 1]


def test_overlapping_batches_stored_at_once_store_each_fact_once(calls):
    facts = [call_fact(f"c{n % 7}", "held", NINE + timedelta(seconds=n)) for n in range(60)]

    def store(writer: int) -> None:
        for begin in range(0, 60, 10):
            first = (begin + writer * 20) % 60
            while True:
                try:
                    calls.store((facts + facts)[first : first + 15])
                    break
                except (Conflict, psycopg.errors.DeadlockDetected):
                    continue

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(store, range(4)))
    stored = calls.connection.execute("SELECT data ->> 'id', stream_id, version FROM store.events").fetchall()
    assert sorted(fact for fact, _, _ in stored) == sorted(fact["id"] for fact in facts)
    for stream in {stream for _, stream, _ in stored}:
        versions = sorted(version for _, s, version in stored if s == stream)
        assert versions == list(range(1, len(versions) + 1))


# Personal fields


def test_numbers_are_nowhere_in_plain_text_in_any_table(calls):
    raw = {"CallerIDName": "Ada Roy", "from": "+33199000001"}
    calls.store(
        [
            call_fact("c1", "started", NINE, direction="inbound", **NUMBERS),
            call_fact("c1", "noted", NINE, {"original_type": "pbx.caller_id", "raw": raw}),
            call_fact("c1", "started", NINE, direction="inbound", **{**NUMBERS, "from": "+33199000002"}),
        ]
    )
    calls.follow()
    text = whole_database(calls)
    assert "pbx.caller_id" in text
    for personal in ("199000001", "199000100", "199000002", "Ada", "CallerIDName"):
        assert personal not in text


def test_whoever_may_is_shown_them_and_finds_the_customer_by_number(calls):
    calls.take(
        call_fact("c1", "started", NINE, direction="inbound", **NUMBERS),
        call_fact("c2", "started", NINE, direction="outbound", **{"from": "+33199000100", "to": "+33199000001"}),
        call_fact("c3", "started", NINE, direction="inbound", **{"from": "+33199000003"}),
    )
    found = calls.ask("Calls", customer="+33199000001")["items"]
    assert sorted((call["call_id"], call["caller_number"], call["called_number"]) for call in found) == [
        ("c1", "+33199000001", "+33199000100"),
        ("c2", "+33199000100", "+33199000001"),
    ]
    assert calls.ask("Calls", customer=" 33199000003")["items"][0]["call_id"] == "c3"
    assert calls.ask("Calls", customer="+33199000004")["items"] == []


def test_one_customer_has_one_key_and_a_withheld_number_makes_the_call_its_own(calls):
    calls.store([call_fact(f"c{n}", "started", NINE, direction="inbound", **NUMBERS) for n in range(3)])
    calls.store([call_fact(f"w{n}", "started", NINE, direction="inbound", to="+33199000100") for n in range(2)])
    assert calls.connection.execute("SELECT count(*) FROM keyring.keys").fetchone() == (3,)
    customers = [metadata.get("customer") for *_, metadata in calls.connection.execute(STORED)]
    assert customers[0] == customers[2] != customers[3] is None


def test_when_the_key_is_destroyed_the_figures_stay_and_the_numbers_are_gone(calls):
    calls.take(call_fact("c1", "queued", NINE, queue="sales", direction="inbound", **NUMBERS))
    calls.connection.execute("DELETE FROM keyring.keys")
    (call,) = calls.ask("Calls")["items"]
    assert (call["caller_number"], call["called_number"], len(call["visits"])) == (None, None, 1)
    (fact,) = calls.ask("FactsOfCall", id=call["id"])["items"]
    assert fact["fact"].keys().isdisjoint(NUMBERS)


# What is noted beside


def test_a_fact_stamped_more_than_five_minutes_ahead_is_kept_and_marked_as_skewed(calls):
    now = datetime.now(UTC)
    calls.store([call_fact("c1", "started", now + timedelta(minutes=4)), call_fact("c2", "started", now)])
    calls.store([call_fact("c3", "started", now + timedelta(minutes=6))])
    marks = [metadata.get("skewed") for *_, metadata in calls.connection.execute(STORED)]
    assert marks == [None, None, "ahead"]


def test_each_publisher_is_told_how_far_it_has_come_duplicates_included(calls):
    fact = call_fact("c1", "started", NINE)
    calls.store([fact], Delivery("gateway-1", 1, 1))
    calls.store([fact, fact], Delivery("gateway-1", 2, 1), Delivery("gateway-1", 3, 1), Delivery("gateway-2", 1, 1))
    calls.store([fact], Delivery("gateway-1", 1, 1))
    calls.store([fact], Delivery(None, None, 1))
    queue = "calls.ingest.0"
    assert calls.connection.execute(PROGRESS).fetchall() == [("gateway-1", queue, 3), ("gateway-2", queue, 1)]


def test_a_batch_of_nothing_but_headers_moves_the_progress(calls):
    calls.store([], Delivery("gateway-1", 5, 5))
    assert calls.connection.execute(PROGRESS).fetchall() == [("gateway-1", "calls.ingest.0", 5)]
