"""`call_completed`: one revision whenever what is known of a call that is over has changed, and none otherwise."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from services.calls.api import api
from services.calls.domain.completion import CallCompleted, completed
from services.calls.policies import AT_ONCE
from services.calls.projections import completions
from services.calls.tests.running import call_fact, stream_of
from services.calls.tests.stories import STREAM, fact, told
from services.kernel import schemas
from services.kernel.answers import encode

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
REVISIONS = """SELECT version, data, occurred_at FROM store.events
    WHERE type = 'call_completed' ORDER BY stream_id, version"""


def at(seconds: float) -> datetime:
    return NINE + timedelta(seconds=seconds)


def answered(call_id: str) -> list[dict]:
    return [
        call_fact(call_id, "queued", at(0), queue="sales", direction="inbound", campaign="spring"),
        call_fact(call_id, "answered", at(12), queue="sales", agent="a-1042"),
        call_fact(call_id, "ended", at(72.5), queue="sales", agent="a-1042"),
    ]


def revisions(calls) -> list[tuple]:
    return calls.connection.execute(REVISIONS).fetchall()


# What is told


def test_nothing_is_told_of_a_call_that_is_not_over():
    queued, taken = fact("call.queued", 0, queue="sales"), fact("call.answered", 5, queue="sales", agent="a-1042")
    ended = fact("call.ended", 9, queue="sales", agent="a-1042")
    wrapping = fact("call.wrapup_started", 9, queue="sales", agent="a-1042")
    assert completed(STREAM, "pbx1", told(queued)) is None
    assert completed(STREAM, "pbx1", told(queued, taken)) is None
    assert completed(STREAM, "pbx1", told(queued, taken, ended, wrapping)) is None


def test_it_tells_of_queues_agents_and_seconds_and_of_nobody(calls):
    calls.take(*[{**each, "from": "+33199000001", "to": "+33199000100"} for each in answered("c1")])
    assert calls.tell() == 1
    ((version, data, occurred_at),) = revisions(calls)
    assert (version, occurred_at) == (1, at(72.5))
    assert data == {
        "call": str(stream_of(calls, "c1")),
        "source": "pbx1",
        "queues": ["sales"],
        "direction": "inbound",
        "campaign": "spring",
        "outcome": "answered",
        "excluded": False,
        "started_at": "2026-11-20T09:00:00Z",
        "ended_at": "2026-11-20T09:01:12.500000Z",
        "telephony_seconds": 72.5,
        "wait_seconds": 12,
        "talk_seconds": 60.5,
        "hold_seconds": 0,
        "wrapup_seconds": 0,
        "legs": [{"agent": "a-1042", "queue": "sales", "talk_seconds": 60.5, "hold_seconds": 0, "wrapup_seconds": 0}],
    }


def test_what_is_stored_is_what_the_declared_schema_reads():
    told_of = completed(
        STREAM, "pbx1", told(fact("call.queued", 0, queue="sales"), fact("call.abandoned", 5.25, queue="sales"))
    )
    assert schemas.revive(CallCompleted, orjson.loads(encode(told_of))) == told_of
    assert api.publications["call_completed"].revised


# When it is told


@pytest.mark.parametrize("at_once", [True, False])
def test_each_late_fact_that_changes_a_figure_makes_one_revision(calls, at_once):
    calls.take(*answered("c1"))
    told_of = calls.tell()
    for seconds in (73, 75):
        kind = "wrapup_started" if seconds == 73 else "wrapup_ended"
        calls.take(call_fact("c1", kind, at(seconds), queue="sales", agent="a-1042"))
        if not at_once:
            told_of += calls.tell()
    told_of += calls.tell()
    assert told_of == 2
    assert [(version, data["wrapup_seconds"]) for version, data, _ in revisions(calls)] == [(1, 0), (2, 2)]


def test_a_fact_that_changes_no_figure_and_a_second_look_make_none(calls):
    calls.take(*answered("c1"))
    assert calls.tell() == 1
    calls.take(call_fact("c1", "noted", at(20)))
    calls.take(*answered("c1"))
    assert [calls.tell(), calls.tell()] == [0, 0]
    assert len(revisions(calls)) == 1


def test_a_call_that_becomes_excluded_is_told_of_as_such_and_again_when_it_is_included(calls):
    calls.take(*answered("c1"))
    calls.tell()
    calls.take(call_fact("c1", "excluded", at(100), {"reason": "test"}))
    calls.tell()
    calls.take(call_fact("c1", "included", at(101), {"reason": "no test"}))
    calls.tell()
    assert [(version, data["excluded"]) for version, data, _ in revisions(calls)] == [(1, False), (2, True), (3, False)]
    assert revisions(calls)[0][1] == revisions(calls)[2][1]


def test_a_rebuild_tells_nothing_again_and_misses_nothing(calls):
    calls.take(*answered("c1"), *answered("c2"))
    calls.tell()
    calls.take(*answered("c3"))  # not told of yet
    calls.take(call_fact("c1", "excluded", at(100), {"reason": "test"}))
    calls.rebuild()
    assert calls.tell() == 2
    assert sorted(version for version, *_ in revisions(calls)) == [1, 1, 1, 2]
    calls.rebuild()
    assert calls.tell() == 0
    assert calls.rows("read.completions") == []


def test_what_is_not_committed_is_told_again_as_the_same(calls, monkeypatch):
    calls.take(*answered("c1"))
    monkeypatch.setattr("services.calls.policies.SEEN_TO", "SELECT 1 / 0 WHERE %s > 0")
    with pytest.raises(Exception, match="division by zero"):
        calls.tell()
    assert revisions(calls) == []
    monkeypatch.undo()
    assert calls.tell() == 1


def test_more_calls_than_one_transaction_takes_are_all_told_of(calls):
    count = AT_ONCE + 5
    calls.take(*[call_fact(f"c{n}", kind, at(n), queue="sales") for n in range(count) for kind in ("queued", "ended")])
    assert calls.tell() == count
    assert len(revisions(calls)) == count


def test_it_waits_for_a_read_model_that_is_not_there_yet(calls):
    calls.take(*answered("c1"))
    calls.connection.execute("DROP VIEW read.completions")
    assert calls.tell() == 0


def test_each_call_has_a_stream_of_its_own_for_it(calls):
    calls.take(*answered("c1"))
    calls.tell()
    call = stream_of(calls, "c1")
    versions = "SELECT array_agg(version ORDER BY version) FROM store.events WHERE stream_id = %s"
    assert calls.connection.execute(versions, (call,)).fetchone() == ([1, 2, 3],)
    assert calls.connection.execute(versions, (completions.stream_of(call),)).fetchone() == ([1],)
