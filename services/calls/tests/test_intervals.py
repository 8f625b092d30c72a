"""Hours of queues: told of once they are over, and again whenever their figures move, with why."""

from datetime import UTC, datetime, timedelta
from random import Random

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.calls.api import api
from services.calls.domain.intervals import GRACE, FigureCorrected, IntervalFigures, first_open_hour, start_of, told
from services.calls.projections import closings, read_models
from services.calls.tests.running import call_fact
from services.calls.tests.test_read_models import LONG_AFTER, begin_anew, configure, stories
from services.calls.tests.test_read_models import owner as owner  # noqa: PLC0414 - a fixture
from services.kernel import schemas
from services.kernel.answers import encode
from services.kernel.values import Actor

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
TOLD = """SELECT type, version, data FROM store.events WHERE type IN ('interval_closed', 'figure_corrected')
    ORDER BY position"""


def answered(call, at, wait=12, **fields):
    return [
        call_fact(call, "queued", at, queue="sales", **fields),
        call_fact(call, "answered", at + timedelta(seconds=wait), queue="sales", agent="a-1", **fields),
        call_fact(call, "ended", at + timedelta(seconds=wait + 60), agent="a-1", **fields),
    ]


def soon():
    return datetime.now(UTC) + timedelta(minutes=1)


def news(calls, now=None):
    """What is told by then that was not told before."""
    before = len(calls.connection.execute(TOLD).fetchall())
    count = calls.tell_of_intervals(now or soon())
    found = calls.connection.execute(TOLD).fetchall()[before:]
    assert len(found) == count
    return found


def differences(data):
    """What a correction changed: before and after, of each figure that it names, and why."""
    return {name: (data["before"][name], data["after"][name]) for name in data["changed"]}, data["causes"]


# What is told


def test_an_hour_is_closed_once_it_and_its_grace_are_over():
    hour = int(NINE.timestamp() // 3600)
    assert first_open_hour(NINE + timedelta(hours=1) + GRACE - timedelta(seconds=1)) == hour
    assert first_open_hour(NINE + timedelta(hours=1) + GRACE) == hour + 1
    assert start_of(hour) == NINE


def test_an_hour_without_a_visit_is_not_told_of_and_one_that_has_not_moved_not_again():
    assert told("sales", 1, None, IntervalFigures(), set()) is None
    assert told("sales", 1, IntervalFigures(offered=1), IntervalFigures(offered=1), {"late_fact"}) is None


def test_what_is_stored_is_what_the_declared_schema_reads():
    made = told("sales", 1, IntervalFigures(offered=1), IntervalFigures(left_by_reason={"key": 2}), {"clock"})
    assert made.changed == ("offered", "left_by_reason")
    assert schemas.revive(FigureCorrected, orjson.loads(encode(made))) == made
    assert api.publications["figure_corrected"].revised


def test_history_is_told_when_it_is_first_seen_and_nothing_twice(calls):
    left = call_fact(
        "c3", "queue_left", NINE + timedelta(minutes=1), {"reason": "timeout", "wait_seconds": 4}, queue="sales"
    )
    calls.take(*answered("c1", NINE), *answered("c2", NINE + timedelta(hours=1)), left)
    found = news(calls)
    assert [(kind, version, data["interval_start"]) for kind, version, data in found] == [
        ("interval_closed", 1, "2026-11-20T09:00:00Z"),
        ("interval_closed", 1, "2026-11-20T10:00:00Z"),
    ]
    assert found[0][2]["figures"] == {
        "offered": 2, "answered": 1, "abandoned": 0, "overflowed": 1, "in_progress": 0,
        "left_by_reason": {"timeout": 1}, "handled": 1, "pending": 0,
        "wait_seconds": 12, "talk_seconds": 60, "hold_seconds": 0, "wrapup_seconds": 0,
    }  # fmt: skip
    calls.take(*answered("c1", NINE), call_fact("c1", "noted", NINE))
    calls.rebuild()
    assert news(calls) == []


def changes(calls):
    """What moves a closed hour: who or what did it, the figures that it moved, and why it says they did."""
    calls.take(call_fact("c2", "queued", NINE, queue="sales"))
    yield {"offered": (1, 2), "in_progress": (0, 1)}, ["late_fact"]
    calls.reap(LONG_AFTER)
    calls.follow()
    yield {"overflowed": (0, 1), "in_progress": (1, 0), "left_by_reason": ({}, {"stale": 1})}, ["inference"]
    calls.take({"type": "source.restarted", "source": "pbx1", "id": "r", "occurred_at": NINE.isoformat()})
    yield {"left_by_reason": ({"stale": 1}, {"restart": 1})}, ["restart"]
    calls.take(call_fact("c2", "excluded", NINE, {"reason": "a test"}))
    yield {"offered": (2, 1), "overflowed": (1, 0), "left_by_reason": ({"restart": 1}, {})}, ["exclusion"]
    calls.take(call_fact("c1", "noted", NINE, record="r", record_version="1"))
    calls.take(
        call_fact("c1", "wrapup_started", NINE + timedelta(seconds=72), agent="a-1", record="s", record_version="1")
    )
    calls.take(
        call_fact("c1", "wrapup_ended", NINE + timedelta(seconds=80), agent="a-1", record="s", record_version="1")
    )
    yield {"wrapup_seconds": (0, 8)}, ["correction"]
    calls.map("queue", "sales", "care")
    calls.follow()
    yield (
        {"offered": (1, 0), "answered": (1, 0), "handled": (1, 0)}
        | {"wait_seconds": (12, 0), "talk_seconds": (60, 0), "wrapup_seconds": (8, 0)},
        ["identity"],
    )


def test_whatever_moves_a_closed_hour_is_told_with_why(calls):
    calls.take(*answered("c1", NINE))
    news(calls)
    for revision, expected in enumerate(changes(calls), 2):
        first, *others = sorted(news(calls), key=lambda told: told[2]["queue"] != "sales")
        kind, version, data = first
        assert (kind, version, differences(data)) == ("figure_corrected", revision, expected)
    assert [(kind, data["queue"], data["figures"]["offered"]) for kind, _, data in others] == [
        ("interval_closed", "care", 1)
    ]
    calls.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": 3600})
    calls.follow()
    moved = {data["interval_start"]: data for _, _, data in news(calls)}
    assert moved["2026-11-20T09:00:00Z"]["causes"] == ["clock"]
    assert moved["2026-11-20T10:00:00Z"]["figures"]["offered"] == 1


def test_a_process_that_remembers_nothing_corrects_the_hour_that_a_call_has_left(calls):
    calls.take(*answered("c1", NINE, record="r", record_version="1"))
    news(calls)
    for model in calls.models:
        model.forget()
    calls.take(*answered("c1", NINE + timedelta(hours=5), record="r", record_version="2"))
    assert {(kind, data["interval_start"]) for kind, _, data in news(calls)} == {
        ("figure_corrected", "2026-11-20T09:00:00Z"),
        ("interval_closed", "2026-11-20T14:00:00Z"),
    }


def test_an_erasure_moves_no_figure(calls):
    calls.take(*[{**each, "from": "+33199000001"} for each in answered("c1", NINE)])
    news(calls)
    calls.order("EraseSubject", "+33199000001", {})
    calls.follow()
    assert news(calls) == []


def test_the_hour_of_now_is_not_marked_and_told_of_when_it_is_over(calls, monkeypatch):
    hour = int(NINE.timestamp() // 3600)
    monkeypatch.setattr(closings, "hour_of_now", lambda: hour)
    calls.connection.execute("UPDATE read.hours_closed SET next = %s", (hour,))
    calls.take(*answered("c1", NINE + timedelta(minutes=20)))
    assert calls.rows("read.interval_marks") == []
    over = NINE + timedelta(hours=1) + GRACE
    assert news(calls, over - timedelta(seconds=1)) == []
    assert [(kind, data["figures"]["offered"]) for kind, _, data in news(calls, over)] == [("interval_closed", 1)]
    assert news(calls, over + timedelta(hours=7)) == []


FIGURES = ("offered", "answered", "abandoned", "overflowed", "in_progress", "handled", "pending", "left_by_reason")
SUMS = ("talk_seconds", "hold_seconds", "wrapup_seconds")


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=stories, seed=st.integers(0, 2**32))
def test_whatever_is_told_in_whatever_order_what_was_told_last_is_what_the_report_says(calls, owner, story, seed):
    begin_anew(calls, owner)
    rng = Random(seed)
    facts, steps = story.facts(), list(story.configured)
    rng.shuffle(facts)
    for part in range(4):
        calls.take(*facts[part::4], *rng.choices(facts, k=5))
        for step in steps[part::4]:
            configure(calls, step)
        calls.follow()
        if rng.random() < 0.5:
            calls.models = read_models()
        news(calls)
    told_last = {}
    for _, _, data in calls.connection.execute(TOLD):
        told_last[data["queue"], data["interval_start"]] = data.get("after") or data["figures"]
    rows = calls.ask("ServiceLevelOf", from_=NINE - timedelta(days=2), to=NINE + timedelta(days=2), interval="PT1H")
    reported = {(row["queue"], row["interval_start"]): row for row in rows["items"]}
    assert reported
    assert reported.keys() == {hour for hour, figures in told_last.items() if figures["offered"]}
    for hour, row in reported.items():
        assert {name: told_last[hour][name] for name in (*FIGURES, *SUMS)} == {
            name: row[name] for name in (*FIGURES, *SUMS)
        }
    assert news(calls) == []


# What is listed


def test_corrections_are_listed_with_before_and_after(calls):
    calls.take(*answered("c1", NINE), *answered("c2", NINE + timedelta(hours=1)))
    news(calls)
    calls.take(*answered("late", NINE), *answered("later", NINE + timedelta(hours=1)))
    news(calls)
    calls.follow()
    found = calls.ask("Corrections", queue="sales")["items"]
    assert [(each["interval_start"], each["revision"]) for each in found] == [
        ("2026-11-20T09:00:00Z", 2),
        ("2026-11-20T10:00:00Z", 2),
    ]
    assert (found[0]["before"]["offered"], found[0]["after"]["offered"], found[0]["causes"]) == (1, 2, ["late_fact"])
    assert calls.ask("Corrections", from_=NINE + timedelta(hours=1))["items"] == found[1:]
    assert calls.ask("Corrections", to=NINE + timedelta(hours=1))["items"] == found[:1]
    assert calls.ask("Corrections", updated_since=soon())["items"] == []
    page = calls.ask("Corrections", limit=1)
    assert calls.ask("Corrections", limit=1, cursor=page["next"])["items"] == found[1:]
    assert calls.ask("Corrections", Actor("key", queues=frozenset({"care"})))["items"] == []
