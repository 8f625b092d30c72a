"""Doubts about how calls went: ends that nobody told, times below zero, and versions that contradict each other."""

from datetime import UTC, datetime, timedelta

from services.calls.tests.doubting import C1, NINE, after, counts, doubts, restart
from services.calls.tests.running import call_fact


def test_a_clock_that_went_back_is_a_negative_wait_and_the_facts_of_the_call_are_told(calls):
    facts = [
        call_fact("c1", "answered", after(5), queue="sales", agent="a-1"),
        call_fact("c1", "queued", after(10), queue="sales"),
        call_fact("c1", "ended", after(60)),
    ]
    calls.take(*facts)
    assert counts(calls) == {("pbx1", "negative_wait"): 1}
    (item,) = doubts(calls, "negative_wait")
    assert (item["call_id"], item["thing"], item["about"]) == (C1, "call", C1)
    assert [fact["id"] for fact in item["facts"]] == [fact["id"] for fact in facts]


def test_durations_that_facts_state_below_zero_are_told_with_the_fact_and_the_field(calls):
    set_back = call_fact("c1", "ended", after(60), {"wait_seconds": -3, "talk_seconds": -1.5, "by": "caller"})
    calls.take(
        call_fact("c1", "queued", NINE, queue="sales"),
        call_fact("c1", "answered", after(5), {"wait_seconds": 5}, queue="sales", agent="a-1"),
        set_back,
    )
    assert counts(calls) == {("pbx1", "negative_duration"): 2}
    items = doubts(calls, "negative_duration")
    assert [item["detail"] for item in items] == ["talk_seconds -1.5", "wait_seconds -3"]
    for item in items:
        assert (item["call_id"], item["thing"], item["about"]) == (C1, "fact", set_back["id"])
        assert [fact["id"] for fact in item["facts"]] == [set_back["id"]]
    calls.take(call_fact("c1", "excluded", after(90), {"reason": "test"}))
    assert counts(calls) == {}


def test_an_end_that_never_came_is_missing_until_it_comes(calls):
    queued = call_fact("c1", "queued", NINE, queue="sales")
    calls.take(queued)
    calls.reap(datetime.now(UTC) + timedelta(days=1))
    assert counts(calls) == {("pbx1", "missing_end"): 1}
    (item,) = doubts(calls, "missing_end")
    assert (item["thing"], item["detail"], [fact["id"] for fact in item["facts"]]) == ("visit", "visit", [queued["id"]])
    calls.take(call_fact("c1", "abandoned", after(30), queue="sales"))
    assert counts(calls) == {}


def test_a_leg_that_never_ended_misses_its_end_once(calls):
    calls.take(call_fact("c1", "answered", NINE, agent="a-1"))
    calls.reap(datetime.now(UTC) + timedelta(days=1))
    assert counts(calls) == {("pbx1", "missing_end"): 1}
    assert [item["thing"] for item in doubts(calls, "missing_end")] == ["leg"]


def test_a_visit_that_a_restart_ended_misses_its_end(calls):
    calls.take(call_fact("c1", "queued", NINE, queue="sales"), restart(after(60)))
    assert counts(calls) == {("pbx1", "missing_end"): 1}
    assert [item["detail"] for item in doubts(calls, "missing_end")] == ["visit, ended by a restart"]


def test_a_restart_that_a_fact_tells_of_is_the_end(calls):
    calls.take(
        call_fact("c1", "queued", NINE, queue="sales"),
        call_fact("c1", "queue_left", after(9), {"reason": "restart"}, queue="sales"),
        call_fact("c2", "queue_left", after(9), {"reason": "restart", "wait_seconds": 3}, queue="sales"),
    )
    assert counts(calls) == {}


def test_a_call_that_was_closed_with_nothing_open_misses_its_end(calls):
    calls.take(
        call_fact("c1", "started", NINE),
        call_fact("c1", "ring_no_answer", after(9), agent="a-1"),
    )
    calls.reap(datetime.now(UTC) + timedelta(days=1))
    assert counts(calls) == {("pbx1", "missing_end"): 1}
    assert [(item["thing"], item["about"]) for item in doubts(calls, "missing_end")] == [("call", C1)]
    calls.take(call_fact("c1", "ended", after(30)))
    assert counts(calls) == {}


def test_a_call_that_is_excluded_is_doubted_no_more(calls):
    calls.take(
        call_fact("c1", "answered", after(5), queue="sales", agent="a-1"),
        call_fact("c1", "queued", after(10), queue="sales"),
    )
    assert counts(calls) == {("pbx1", "negative_wait"): 1}
    calls.take(call_fact("c1", "excluded", after(60), {"reason": "test"}))
    assert counts(calls) == {}


def test_feeds_that_disagree_on_a_record_are_told_with_the_facts_of_both(calls):
    one = {"record": "answered sales", "record_version": "1"}
    two = {"record": "answered sales", "record_version": "2"}
    calls.take(
        call_fact("c1", "queued", NINE, queue="sales"),
        call_fact("c1", "answered", after(5), id="one", queue="sales", agent="a-1", **one),
        call_fact("c1", "answered", after(5.5), id="other", queue="sales", agent="a-2", **two),
    )
    assert counts(calls) == {("pbx1", "versions_differ"): 1}
    (item,) = doubts(calls, "versions_differ")
    assert (item["thing"], item["about"]) == ("record", "answered sales")
    assert item["detail"] == "answered sales a-1 / answered sales a-2"
    assert [fact["id"] for fact in item["facts"]] == ["one", "other"]


def test_feeds_that_disagree_on_whether_a_call_was_answered_are_told(calls):
    calls.take(
        call_fact("c1", "queued", NINE, queue="sales"),
        call_fact("c1", "abandoned", after(5), queue="sales", record="left sales", record_version="1"),
        call_fact("c1", "answered", after(5), queue="sales", agent="a-1", record="answered a-1", record_version="2"),
    )
    assert counts(calls) == {("pbx1", "versions_differ"): 1}
    (item,) = doubts(calls, "versions_differ")
    assert (item["thing"], item["about"]) == ("queue", "sales")
    assert item["detail"] == "unanswered sales / answered sales a-1"


def test_names_that_mean_one_agent_are_no_disagreement(calls):
    calls.take(
        call_fact("c1", "queued", NINE, queue="sales"),
        call_fact("c1", "answered", after(5), id="1", queue="sales", agent="SIP/101", record="r", record_version="1"),
        call_fact("c1", "answered", after(5), id="2", queue="sales", agent="Ada", record="r", record_version="2"),
    )
    assert counts(calls) == {("pbx1", "versions_differ"): 1}
    calls.map("agent", "SIP/101", "a-1")
    calls.map("agent", "Ada", "a-1")
    assert counts(calls) == {}
