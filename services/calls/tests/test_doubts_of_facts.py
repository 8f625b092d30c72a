"""Doubts about how facts came, of calls, agents and sources: late, ahead of the clock, again, again and different."""

from datetime import UTC, datetime, timedelta

from services.calls.domain.facts import stream_id
from services.calls.tests.doubting import C1, NINE, NOW, RANGE, after, agent_fact, counts, doubts, restart
from services.calls.tests.running import call_fact
from services.kernel.messaging.messages import Delivery

LATE = {"late_after_seconds": 60}


def configure(calls, offset, source="pbx1"):
    calls.configure("ConfigureSource", source, {"clock_offset_seconds": offset})
    calls.follow()


def test_late_facts_are_counted_by_what_is_called_late(calls):
    queued = call_fact("c1", "queued", NINE, queue="sales")
    calls.take(queued, call_fact("c1", "abandoned", after(9), queue="sales"))
    assert counts(calls) == {}
    assert counts(calls, **LATE) == {("pbx1", "late"): 2}
    item = doubts(calls, "late", **LATE)[0]
    assert (item["call_id"], item["thing"], item["count"]) == (C1, "fact", 1)
    (fact,) = item["facts"]
    assert (fact["id"], fact["source"]) == (item["about"], "pbx1")
    assert item["at"] == fact["recorded_at"]


def test_what_came_now_is_found_now_however_far_away_it_happened(calls):
    long_ago, far_ahead = datetime(1999, 12, 31, tzinfo=UTC), NOW + timedelta(days=4000)
    calls.take(
        call_fact("c1", "queued", long_ago, queue="sales"),
        call_fact("c2", "queued", far_ahead, queue="sales"),
        call_fact("c3", "noted", far_ahead, {"original_type": "x"}),
    )
    assert counts(calls, from_=NOW - timedelta(hours=1), **LATE) == {("pbx1", "late"): 1, ("pbx1", "skewed"): 2}
    around = {"from_": far_ahead - timedelta(days=1), "to": far_ahead + timedelta(days=1)}
    assert counts(calls, **around) == {}


def test_facts_of_agents_and_sources_are_looked_at_too(calls):
    soon = NOW + timedelta(hours=1)
    signed_in = agent_fact("a-1", "signed_in", NINE)
    calls.take(
        signed_in,
        {**signed_in, "data": {"queues": ["sales"]}},
        agent_fact("a-1", "paused", soon),
        restart(NINE),
        restart(soon),
    )
    expected = {("pbx1", "late"): 2, ("pbx1", "skewed"): 2, ("pbx1", "conflict"): 1}
    assert {key: n for key, n in counts(calls, **LATE).items() if key[1] != "missing_sign_out"} == expected
    assert [(item["call_id"], item["about"]) for item in doubts(calls, "conflict")] == [(None, signed_in["id"])]


def test_a_corrected_clock_ends_what_was_skewed(calls):
    calls.take(call_fact("c1", "queued", datetime.now(UTC) + timedelta(hours=1), queue="sales"))
    assert counts(calls) == {("pbx1", "skewed"): 1}
    assert [item["detail"] for item in doubts(calls, "skewed")] == ["3600 s ahead"]
    configure(calls, -3600)
    assert counts(calls) == {}
    assert doubts(calls, "skewed") == []


def test_a_corrected_clock_ends_what_was_late(calls):
    calls.take(call_fact("c1", "queued", datetime.now(UTC) - timedelta(hours=1), queue="sales"))
    assert counts(calls, **LATE) == {("pbx1", "late"): 1}
    configure(calls, 3600)
    assert counts(calls, **LATE) == {}


def test_a_clock_that_is_corrected_too_far_shows(calls):
    calls.take(call_fact("c1", "queued", datetime.now(UTC), queue="sales"))
    configure(calls, 3600)
    assert counts(calls) == {("pbx1", "skewed"): 1}
    configure(calls, -3600)
    assert counts(calls, **LATE) == {("pbx1", "late"): 1}


def test_the_clock_of_one_source_says_nothing_of_another(calls):
    now = datetime.now(UTC)
    calls.take(
        call_fact("c1", "queued", now, queue="sales"), call_fact("c2", "queued", now, queue="sales", source="pbx2")
    )
    configure(calls, -86400, "pbx2")
    assert counts(calls, **LATE) == {("pbx2", "late"): 1}
    assert counts(calls, source="pbx1", **LATE) == {}


def test_a_repeat_with_other_content_is_a_conflict(calls):
    first = call_fact("c1", "queued", NINE, queue="sales")
    calls.take(first, {**first, "queue": "care"})
    assert counts(calls) == {("pbx1", "conflict"): 1}
    (item,) = doubts(calls, "conflict")
    assert (item["call_id"], item["about"], item["detail"]) == (C1, first["id"], "call.queued")
    assert [fact["id"] for fact in item["facts"]] == [first["id"]]


def test_repeats_with_the_same_content_are_counted_by_source_and_hour(calls):
    first = call_fact("c1", "queued", NINE, queue="sales")
    other = call_fact("c1", "queued", NINE, queue="sales", source="pbx2")
    calls.take(first, first, other)
    calls.take(first, other, {**first, "queue": "care"})
    calls.take(first)
    assert counts(calls) == {("pbx1", "duplicate"): 3, ("pbx2", "duplicate"): 1, ("pbx1", "conflict"): 1}
    found = doubts(calls, "duplicate")
    assert sum(item["count"] for item in found) == 4
    assert {(item["thing"], item["about"], item["call_id"]) for item in found} == {
        ("source", "pbx1", None),
        ("source", "pbx2", None),
    }
    assert all(item["at"].endswith(":00:00Z") for item in found)


def test_what_the_queue_delivers_again_nobody_repeated(calls):
    fact = call_fact("c1", "queued", NINE, queue="sales")
    calls.store([fact], Delivery("gateway", 1, 1))
    calls.store([fact], Delivery("gateway", 1, 1))
    assert counts(calls) == {}
    calls.store([fact], Delivery("gateway", 2, 1))
    assert counts(calls) == {("pbx1", "duplicate"): 1}


def test_the_id_of_an_agents_fact_is_no_call(calls):
    calls.take(agent_fact("a-1", "signed_out", NINE))
    (item,) = doubts(calls, "late", **LATE)
    assert (item["call_id"], [fact["type"] for fact in item["facts"]]) == (None, ["agent.signed_out"])
    assert RANGE["from_"] < datetime.fromisoformat(item["at"])
    assert item["call_id"] != str(stream_id("pbx1", "agent", "a-1"))
