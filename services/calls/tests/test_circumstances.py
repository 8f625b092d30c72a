"""Clocks, restarts and erasures are kept in mind between batches; what is in the tables counts all the same."""

from datetime import UTC, datetime, timedelta

from services.calls.projections import read_models
from services.calls.tests.running import RunningCalls, call_fact

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
BEGAN = "SELECT started_at FROM read.calls WHERE call_id = %s"


def began(calls: RunningCalls, call_id: str) -> datetime:
    (instant,) = calls.connection.execute(BEGAN, (call_id,)).fetchone()
    return instant


def test_a_clock_that_was_set_right_stays_so_for_the_facts_of_later_batches(calls):
    calls.take(call_fact("before", "started", NINE))
    calls.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": 60})
    calls.follow()
    calls.take(call_fact("after", "started", NINE))
    assert began(calls, "before") == began(calls, "after") == NINE + timedelta(seconds=60)


def test_a_restart_ends_what_waited_before_it_in_whatever_batch_that_is_told(calls):
    calls.take(
        {
            "id": "r",
            "type": "source.restarted",
            "source": "pbx1",
            "occurred_at": (NINE + timedelta(hours=1)).isoformat(),
        }
    )
    calls.take(call_fact("c1", "queued", NINE, queue="sales"))
    assert calls.connection.execute("SELECT reason FROM read.visits").fetchall() == [("restart",)]


def test_a_restart_moves_with_the_clock_of_its_source(calls):
    restart = {"id": "r", "type": "source.restarted", "source": "pbx1"}
    calls.take(call_fact("c1", "queued", NINE, queue="sales"), {**restart, "occurred_at": NINE.isoformat()})
    calls.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": 60})
    calls.follow()
    ended = NINE + timedelta(seconds=60)
    assert calls.connection.execute("SELECT reason, ended_at FROM read.visits").fetchall() == [("restart", ended)]


def test_who_takes_over_knows_what_another_process_was_told_meanwhile(calls):
    first = calls.models
    calls.take(call_fact("before", "started", NINE))
    calls.models = read_models()
    calls.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": 60})
    calls.follow()
    calls.models = first
    calls.take(call_fact("after", "started", NINE))
    assert began(calls, "after") == NINE + timedelta(seconds=60)
