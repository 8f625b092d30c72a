"""The service level report as it was known at a past instant: what the report of that instant said."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.calls.reports import then
from services.calls.tests.running import RunningCalls, call_fact
from services.calls.tests.test_read_models import LONG_AFTER, begin_anew, configure, stories
from services.calls.tests.test_read_models import owner as owner  # noqa: PLC0414 - a fixture
from services.kernel.database import connect
from services.kernel.values import Actor

DAY = datetime(2026, 11, 20, tzinfo=UTC)
NINE = DAY + timedelta(hours=9)
WHOLE = {"from_": DAY, "to": DAY + timedelta(days=1), "interval": "PT15M"}
PARTS = 6
RESTART = {"type": "source.restarted", "source": "pbx1", "id": "restart"}


def now(calls: RunningCalls) -> datetime:
    (instant,) = calls.connection.execute("SELECT clock_timestamp()").fetchone() or ()
    return instant


def passed(calls: RunningCalls, instant: datetime) -> None:
    """Waits until what was recorded at or before an instant is certain."""
    while "refused" in calls.query("ServiceLevelOf", **WHOLE, as_known_at=instant):
        time.sleep(0.05)


def report(calls: RunningCalls, **asked: Any) -> Any:
    return calls.ask("ServiceLevelOf", **{**WHOLE, "queue": "sales", **asked})["items"]


def said(calls: RunningCalls, **asked: Any) -> tuple[datetime, Any]:
    """An instant, and what the report says then."""
    return now(calls), report(calls, **asked)


def answered(call: str, at: datetime, wait: int = 12, **fields: Any) -> list[dict[str, Any]]:
    return [
        call_fact(call, "queued", at, queue="sales", **fields),
        call_fact(call, "answered", at + timedelta(seconds=wait), queue="sales", agent="a-1", **fields),
        call_fact(call, "ended", at + timedelta(seconds=wait + 60), {"talk_seconds": 60}, agent="a-1", **fields),
    ]


# Refused


@pytest.mark.parametrize("ahead", [1, 86400])
def test_an_instant_that_has_not_passed_is_refused(calls, ahead):
    asked = {**WHOLE, "as_known_at": now(calls) + timedelta(seconds=ahead)}
    assert calls.refusal("ServiceLevelOf", **asked) == ("request.not_yet_known", 409)


def test_an_instant_is_not_known_while_an_older_write_is_open(calls, calls_url):
    calls.take(*answered("c1", NINE))
    with connect(calls_url, "a writer that takes its time") as writer, writer.transaction():
        writer.execute("SELECT")
        instant = now(calls)
        with pytest.raises(TimeoutError):
            wait_for(calls, instant, seconds=1.5)
    wait_for(calls, instant, seconds=5)


def wait_for(calls: RunningCalls, instant: datetime, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while "refused" in calls.query("ServiceLevelOf", **WHOLE, as_known_at=instant):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def test_what_would_take_too_many_facts_is_refused(calls, monkeypatch):
    calls.take(*answered("c1", NINE), *answered("c2", NINE))
    instant = now(calls)
    passed(calls, instant)
    monkeypatch.setattr(then, "MOST_FACTS", 6)
    assert report(calls, as_known_at=instant) == report(calls)
    for most in (5, 1):
        monkeypatch.setattr(then, "MOST_FACTS", most)
        asked = {**WHOLE, "as_known_at": instant}
        assert calls.refusal("ServiceLevelOf", **asked) == ("calls.report.too_much_history", 422)


def test_who_may_not_see_a_queue_may_not_see_its_past(calls):
    calls.take(*answered("c1", NINE))
    instant = now(calls)
    passed(calls, instant)
    client = Actor("client-key", queues=frozenset({"care"}))
    asked = {**WHOLE, "as_known_at": instant}
    assert calls.refusal("ServiceLevelOf", client, **asked, queue="sales") == ("request.not_found", 404)
    assert calls.ask("ServiceLevelOf", client, **asked)["items"] == []


# Known then


def changes(calls: RunningCalls) -> Iterator[str]:
    """A day with one change after the other, each of which moves figures of the past."""
    calls.take(*answered("c1", NINE), *answered("c2", NINE + timedelta(minutes=20), record="r", record_version="1"))
    yield "two calls"
    calls.take(call_fact("c3", "queued", NINE + timedelta(minutes=1), queue="sales"))
    yield "a call that waits"
    calls.take(call_fact("c3", "abandoned", NINE + timedelta(minutes=3), queue="sales"))
    yield "a late end"
    calls.take(call_fact("c1", "excluded", NINE + timedelta(days=9), {"reason": "a test"}))
    yield "an exclusion"
    calls.take(*answered("c2", NINE + timedelta(hours=5), wait=30, record="r", record_version="2"))
    yield "a correction that moves a call to another hour"
    calls.take(*answered("c2", NINE + timedelta(days=3), record="r", record_version="3"))
    yield "a correction that moves it out of the range"
    calls.take(call_fact("c4", "queued", NINE + timedelta(minutes=40), queue="sales"))
    yield "another that waits"
    calls.take({**RESTART, "occurred_at": (NINE + timedelta(minutes=50)).isoformat()})
    yield "a restart that ends it"
    calls.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": 5 * 3600})
    calls.follow()
    yield "a clock set right"
    calls.take(call_fact("c5", "queued", NINE + timedelta(minutes=52), queue="sales"))
    yield "one more that waits"
    calls.reap(LONG_AFTER)
    calls.follow()
    yield "closed by inference"
    calls.take(call_fact("c5", "answered", NINE + timedelta(minutes=53), queue="sales", agent="a-1"))
    yield "which a fact undoes"
    calls.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": -9 * 3600})
    calls.follow()
    yield "a clock set wrong"


def test_it_is_what_the_report_said_then(calls):
    told = [(name, *said(calls)) for name in changes(calls)]
    assert all(one != other for (*_, one), (*_, other) in pairwise(told))
    passed(calls, told[-1][1])
    for name, instant, figures in told:
        assert report(calls, as_known_at=instant) == figures, name
    calls.rebuild()
    for name, instant, figures in told:
        assert report(calls, as_known_at=instant) == figures, name


def test_a_connection_that_has_prepared_the_report_of_now_answers_for_the_past_and_again_for_now(calls):
    calls.take(*answered("c1", NINE))
    instant, then = said(calls)
    calls.take(*answered("c2", NINE))
    passed(calls, instant)
    for _ in range(8):
        assert report(calls) != then
    for _ in range(8):
        assert report(calls, as_known_at=instant) == then
        assert report(calls) != then


def test_of_an_instant_between_two_records_the_first_is_known(calls):
    calls.take(*answered("c1", NINE))
    calls.take(*answered("c2", NINE))
    recorded = [at for (at,) in calls.connection.execute("SELECT DISTINCT recorded_at FROM store.events ORDER BY 1")]
    passed(calls, recorded[1])
    offered = [
        sum(row["offered"] for row in report(calls, as_known_at=instant))
        for instant in (recorded[0] - timedelta(microseconds=1), recorded[0], recorded[1])
    ]
    assert offered == [0, 1, 2]


@pytest.mark.parametrize(
    ("begin", "end", "offered"),
    [
        (NINE, NINE + timedelta(microseconds=1), 1),
        (NINE - timedelta(hours=1), NINE, 0),
        (NINE + timedelta(microseconds=1), NINE + timedelta(hours=1), 0),
    ],
)
def test_the_range_is_half_open(calls, begin, end, offered):
    calls.take(*answered("c1", NINE))
    instant = now(calls)
    calls.take(call_fact("c1", "excluded", NINE, {"reason": "a test"}))
    passed(calls, instant)
    asked = {"from_": begin, "to": end, "interval": "total", "as_known_at": instant}
    (row,) = report(calls, **asked)
    assert row["offered"] == offered


def test_facts_that_no_read_model_has_applied_yet_are_known(calls):
    calls.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": 3600})
    calls.store(answered("c1", NINE))
    instant = now(calls)
    passed(calls, instant)
    rows = [row for row in report(calls, as_known_at=instant) if row["offered"]]
    assert [row["interval_start"] for row in rows] == ["2026-11-20T10:00:00Z"]
    calls.follow()
    assert [row for row in report(calls) if row["offered"]] == rows


def test_policies_apply_by_their_own_dates(calls):
    calls.take(*answered("c1", NINE, wait=12))
    instant = now(calls)
    calls.configure_queue("sales", threshold_seconds=10)
    passed(calls, instant)
    assert report(calls, as_known_at=instant, interval="total")[0]["answered_within"] == 0


def test_an_explanation_shows_the_facts_known_then(calls):
    calls.take(*answered("c1", NINE)[:2])
    instant = now(calls)
    calls.take(*answered("c1", NINE)[2:], call_fact("c1", "excluded", NINE, {"reason": "a test"}))
    passed(calls, instant)
    asked = {"queue": "sales", "interval_start": NINE, "interval": "PT15M", "measure": "answered"}
    known = calls.ask("Explain", **asked, as_known_at=instant)
    assert known["value"] == 1
    assert [fact["type"] for fact in known["items"][0]["facts"]] == ["call.queued", "call.answered"]
    assert calls.ask("Explain", **asked)["value"] == 0


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=stories, seed=st.integers(0, 2**32))
def test_whatever_was_told_in_whatever_order_the_past_is_what_it_was(calls, owner, story, seed):
    begin_anew(calls, owner)
    rng = Random(seed)
    facts, configured, told = story.facts(), list(story.configured), []
    rng.shuffle(facts)
    ranges = [
        {"from_": NINE + timedelta(minutes=rng.randint(-90, 90)), "interval": "total", "queue": queue}
        for queue in ("sales", "care", None)
    ]
    asked = [{**each, "to": each["from_"] + timedelta(minutes=rng.randint(1, 90))} for each in ranges]
    for part in range(PARTS):
        calls.take(*facts[part::PARTS])
        if configured and rng.random() < 0.3:
            configure(calls, configured.pop())
            calls.follow()
        if story.reaped and rng.random() < 0.2:
            calls.reap(LONG_AFTER)
            calls.follow()
        told += [(each, *said(calls, **each)) for each in asked]
    for each, instant, figures in told:
        passed(calls, instant)
        assert report(calls, **each, as_known_at=instant) == figures
