"""Doubts about what sources said: each kind is counted, and can be followed to what it is about."""

from datetime import UTC, datetime, timedelta

import pytest

from services.calls.domain.facts import stream_id
from services.calls.tests.running import call_fact
from services.kernel.values import Actor

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
RANGE = {"from_": NINE - timedelta(hours=1), "to": NINE + timedelta(days=1)}
C1 = str(stream_id("pbx1", "call", "c1"))


def after(seconds):
    return NINE + timedelta(seconds=seconds)


def counts(calls, **asked):
    calls.follow()
    items = calls.ask("DataQualityOf", **{**RANGE, "late_after_seconds": 31_622_400, **asked})["items"]
    return {(item["source"], item["kind"]): item["count"] for item in items}


def items(calls, kind, **asked):
    return calls.ask("DoubtsOf", kind=kind, **{**RANGE, **asked})["items"]


def test_what_gives_no_reason_for_doubt_has_no_row(calls):
    calls.take(
        call_fact("c1", "queued", NINE, queue="sales"),
        call_fact("c1", "answered", after(12), queue="sales", agent="a-1"),
        call_fact("c1", "ended", after(60)),
    )
    assert counts(calls) == {}


def test_a_clock_that_went_back_is_a_negative_wait(calls):
    calls.take(
        call_fact("c1", "queued", after(10), queue="sales"),
        call_fact("c1", "answered", after(5), queue="sales", agent="a-1"),
        call_fact("c1", "ended", after(60)),
    )
    assert counts(calls) == {("pbx1", "negative_wait"): 1}
    assert [item["call_id"] for item in items(calls, "negative_wait")] == [C1]


def test_an_end_that_never_came_is_missing_until_it_comes(calls):
    calls.take(call_fact("c1", "queued", NINE, queue="sales"))
    calls.follow()
    calls.reap(datetime.now(UTC) + timedelta(days=1))
    assert counts(calls) == {("pbx1", "missing_end"): 1}
    assert [item["detail"] for item in items(calls, "missing_end")] == ["visit"]
    calls.take(call_fact("c1", "abandoned", after(30), queue="sales"))
    assert counts(calls) == {}


def test_a_repeat_with_other_content_is_a_conflict(calls):
    first = call_fact("c1", "queued", NINE, queue="sales")
    calls.take(first, {**first, "queue": "care"})
    assert counts(calls) == {("pbx1", "conflict"): 1}
    assert [(item["call_id"], item["about"]) for item in items(calls, "conflict")] == [(C1, first["id"])]


def test_names_are_unknown_only_where_a_source_has_others_mapped(calls):
    calls.take(
        call_fact("c1", "queued", NINE, queue="600"),
        call_fact("c1", "answered", after(5), queue="600", agent="101"),
        call_fact("c1", "ended", after(60)),
    )
    assert counts(calls) == {}
    calls.map("agent", "102", "ada")
    calls.map("queue", "600", "sales")
    assert counts(calls) == {("pbx1", "unknown_agent"): 1}
    assert [item["about"] for item in items(calls, "unknown_agent")] == ["101"]
    calls.map("agent", "101", "bob")
    assert counts(calls) == {}


def test_late_facts_are_counted_by_what_is_called_late(calls):
    calls.take(call_fact("c1", "queued", NINE, queue="sales"), call_fact("c1", "abandoned", after(9), queue="sales"))
    assert counts(calls, late_after_seconds=60) == {("pbx1", "late"): 2}
    assert [item["at"] for item in items(calls, "late", late_after_seconds=60)] == sorted(
        item["at"] for item in items(calls, "late", late_after_seconds=60)
    )


def test_facts_ahead_of_our_clock_are_skewed(calls):
    soon = datetime.now(UTC) + timedelta(hours=1)
    calls.take(call_fact("c1", "queued", soon, queue="sales"))
    asked = {"from_": soon - timedelta(hours=1), "to": soon + timedelta(hours=1)}
    assert counts(calls, **asked) == {("pbx1", "skewed"): 1}


def test_feeds_that_disagree_on_a_record_are_told(calls):
    one = {"record": "answered sales", "record_version": "1"}
    two = {"record": "answered sales", "record_version": "2"}
    calls.take(
        call_fact("c1", "queued", NINE, queue="sales"),
        call_fact("c1", "answered", after(5), queue="sales", agent="a-1", **one),
        {**call_fact("c1", "answered", after(5.5), queue="sales", agent="a-2", **two), "id": "other"},
    )
    assert counts(calls) == {("pbx1", "versions_differ"): 1}
    (item,) = items(calls, "versions_differ")
    assert (item["about"], item["detail"]) == ("answered sales", "sales a-1 / sales a-2")


def test_a_list_goes_on_where_a_page_ended(calls):
    calls.take(*(call_fact(f"c{n}", "queued", after(n), queue="sales") for n in range(5)))
    calls.follow()
    seen, cursor = [], None
    while True:
        asked = {**RANGE, "kind": "late", "late_after_seconds": 60, "limit": 2, "cursor": cursor}
        page = calls.ask("DoubtsOf", **{name: value for name, value in asked.items() if value is not None})
        seen += [item["at"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert len(seen) == 5
    assert seen == sorted(set(seen))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"to": RANGE["from_"]}, ("calls.report.range_empty", 422)),
        ({"to": RANGE["from_"] + timedelta(days=8)}, ("calls.report.range_too_long", 422)),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(calls, change, refusal):
    assert calls.refusal("DataQualityOf", **{**RANGE, **change}) == refusal


def test_whoever_is_limited_may_not_ask(calls):
    limited = Actor("key", queues=frozenset({"sales"}))
    for question, more in (("DataQualityOf", {}), ("DoubtsOf", {"kind": "late"})):
        assert calls.refusal(question, limited, **RANGE, **more) == ("auth.not_allowed", 403)
