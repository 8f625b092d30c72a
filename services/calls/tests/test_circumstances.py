"""Clocks, restarts and erasures are kept in mind between batches; what is in the tables counts all the same."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from services.calls.projections import calls as projection
from services.calls.projections import read_models
from services.calls.projections.calls import CallFigures
from services.calls.tests.running import RunningCalls, call_fact
from services.kernel.projections import lags

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


def test_what_bears_on_many_calls_is_folded_some_at_a_time_and_again_where_it_was_interrupted(calls, monkeypatch):
    monkeypatch.setattr(projection, "AT_ONCE", 2)
    facts = [call_fact(f"c{n}", "queued", NINE, queue="600") for n in range(5)]
    calls.take(*facts)
    fold = CallFigures._fold
    portions = []

    def interrupted(self, told, *more):
        portions.append(len(told))
        if len(portions) == 2:
            raise ConnectionError("the process is gone")
        fold(self, told, *more)

    calls.map("queue", "600", "sales")
    monkeypatch.setattr(CallFigures, "_fold", interrupted)
    with pytest.raises(ConnectionError):
        calls.follow()
    assert queues_shown(calls) == {"600": 3, "sales": 2}
    with calls.connection.cursor() as db:
        assert lags(db, calls.models)["calls"] == 1
    calls.models = read_models()
    calls.follow()
    assert (queues_shown(calls), portions[2:]) == ({"sales": 5}, [2, 2, 1])


def test_settings_of_a_source_that_move_no_clock_fold_nothing_anew(calls, monkeypatch):
    calls.take(call_fact("c1", "started", NINE))
    calls.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": 60})
    calls.follow()
    monkeypatch.setattr(CallFigures, "_fold", None)
    calls.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": 60, "stale_after_seconds": 600})
    calls.follow()
    assert began(calls, "c1") == NINE + timedelta(seconds=60)


def queues_shown(calls: RunningCalls) -> Counter[str]:
    return Counter(queue for (queue,) in calls.connection.execute("SELECT queue FROM read.visits"))
