"""FIELD 4.1: which facts of a call count, in which order, and what the call itself shows."""

from itertools import pairwise

import pytest

from services.calls.domain.fold import sort_key
from services.calls.tests.stories import at, fact, told


def test_facts_are_sorted_by_instant_sequence_place_in_a_calls_life_and_id():
    in_order = (
        fact("call.ended", 1, "z"),
        fact("call.ended", 2, "y", sequence=1),
        fact("call.queued", 2, "x", sequence=2, queue="sales"),
        fact("call.queued", 2, "w", queue="sales"),
        fact("call.ended", 2, "a"),
        fact("call.ended", 2, "b"),
    )
    assert all(sort_key(one) < sort_key(next_) for one, next_ in pairwise(in_order))


def test_the_same_fact_again_changes_nothing():
    entry = fact("call.queued", 0, queue="sales")
    assert (told(entry, entry), told(entry, entry).facts) == (told(entry), 1)


def corrected(version, queue, **more):
    return fact(
        "call.queued", 0, f"row-1-{version}-{queue}", queue=queue, record="row-1", record_version=version, **more
    )


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("9", "10"),
        ("1.5", "1e3"),
        (9, 10),
        (None, "1"),
        ("2026-11-21T10:00:00+02:00", "2026-11-21T09:00:00Z"),
        ("v10", "v9"),
        ("9", "a"),
        ("2026-11-21T09:00:00", "2026-11-21T10:00:00"),
        ("Infinity", "NaN"),
    ],
)
def test_of_a_record_only_the_facts_of_its_greatest_version_count(older, newer):
    call = told(corrected(older, "wrong"), corrected(newer, "right"), fact("call.noted", 5))
    assert ([v.queue for v in call.visits], call.facts) == (["right"], 3)


def test_equal_versions_of_a_record_both_count():
    call = told(corrected("2026-11-21T09:00:00Z", "a"), corrected("2026-11-21T10:00:00+01:00", "b"))
    assert len(call.visits) == 2
    assert len(told(corrected(None, "a"), corrected(None, "b")).visits) == 2


def test_records_do_not_touch_each_other():
    other = fact("call.queued", 3, queue="care", record="row-2", record_version="1")
    assert [v.queue for v in told(corrected("2", "sales"), other).visits] == ["sales", "care"]


def test_an_excluded_call_is_out_until_it_is_included_again():
    entry, out = fact("call.queued", 0, queue="sales"), fact("call.excluded", 5, data={"reason": "test"})
    assert not told(entry).excluded
    assert told(entry, out).excluded
    assert not told(entry, out, fact("call.included", 6, data={"reason": "no test"})).excluded


def test_the_last_disposition_stands():
    first = fact("call.disposition_set", 5, data={"code": "question"})
    last = fact("call.disposition_set", 6, data={"code": "order", "kind": "order", "flags": ["sale"]})
    assert told(first, last).disposition == {"code": "order", "kind": "order", "flags": ["sale"]}
    assert told(fact("call.started", 0)).disposition is None


def test_links_change_nothing_but_themselves_even_if_they_come_last():
    entry = fact("call.queued", 0, queue="sales")
    link = fact("call.noted", 9, root_call_id="root", parent_call_id="parent")
    assert (told(entry, link).root_call_id, told(entry, link).parent_call_id) == ("root", "parent")
    assert told(entry, link).visits == told(entry).visits


def test_the_first_fact_to_say_something_has_the_last_word():
    call = told(
        fact("call.started", 0),
        fact("call.queued", 1, queue="sales", direction="inbound", campaign="spring", **{"from": "+33199000001"}),
        fact("call.ended", 9, direction="internal", channel="voice", campaign="autumn", **{"from": "+33199000002"}),
    )
    assert (call.direction, call.channel, call.campaign) == ("inbound", "voice", "spring")
    assert call.numbers_event == call.visits[0].id
    assert call.started_at == at(0)


def test_the_worked_queue_log_of_formats():
    call = told(
        fact("call.queued", 0, queue="q-sales"),
        fact("call.ring_no_answer", 12, queue="q-sales", agent="a-1042", data={"ring_seconds": 10}),
        fact("call.answered", 20, queue="q-sales", agent="a-1043", data={"wait_seconds": 20, "ring_seconds": 6}),
        fact(
            "call.ended",
            140,
            queue="q-sales",
            agent="a-1043",
            data={"by": "caller", "wait_seconds": 20, "talk_seconds": 120},
        ),
    )
    assert [(v.outcome, v.wait_ms, v.agent, v.inferred) for v in call.visits] == [("answered", 20_000, "a-1043", False)]
    assert [(leg.agent, leg.ring_ms, leg.talk_ms, leg.handled) for leg in call.legs] == [
        ("a-1043", 6_000, 120_000, True)
    ]
    assert [(ring.agent, ring.result) for ring in call.rings] == [("a-1042", "missed")]
    assert (call.state, call.outcome) == ("ended", "answered")
