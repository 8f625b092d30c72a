"""Calls as they are listed: by every filter, page by page, and to each what they may see."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.calls.tests.running import RunningCalls, call_fact
from services.kernel.values import Actor

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)


LOST = {
    "code": "lost",
    "kind": "complaint",
    "topics": ["delivery", "price"],
    "sentiment": "negative",
    "flags": ["dnc"],
    "resolved": "no",
}


def minute(n: float) -> datetime:
    return NINE + timedelta(minutes=n)


@pytest.fixture
def four_calls(calls) -> RunningCalls:
    """Answered in sales, abandoned in care, an outbound one, one that waits; a minute apart."""
    calls.take(
        call_fact("c1", "queued", minute(1), queue="sales", direction="inbound", campaign="winter"),
        call_fact("c1", "answered", minute(1), {"wait_seconds": 0}, queue="sales", agent="a-1"),
        call_fact("c2", "queued", minute(2), queue="care", direction="inbound", **{"from": "+33199000002"}),
        call_fact("c2", "abandoned", minute(2.5), queue="care"),
        call_fact("c3", "answered", minute(3), agent="a-2", direction="outbound"),
        call_fact("c4", "queued", minute(4), queue="sales", source="pbx2", **{"from": "+33199000004"}),
    )
    calls.take(call_fact("c2", "disposition_set", minute(3), LOST))
    calls.configure("AdoptCalendar", "never", {"effective_from": "2000-01-01T00:00:00Z"})
    calls.configure("ConfigureQueue", "care", {"client": "acme", "calendar": "never"})
    calls.follow()
    return calls


def listed(calls: RunningCalls, actor: Actor | None = None, **filters) -> list[str]:
    page = calls.ask("Calls", actor, **filters) if actor else calls.ask("Calls", **filters)
    return [call["call_id"] for call in page["items"]]


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": 501},
        {"outcome": "lost"},
        {"direction": "up"},
        {"from_": "yesterday"},
        {"cursor": "made-up"},
        {"agent": ""},
        {"queue": "\x00"},
        {"color": "red"},
        {"min_wait_seconds": -1},
        {"external_id": "pbx1"},
        {"kind": "praise"},
        {"repeat_of": "no-id"},
        {"days": 91},
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(calls, asked):
    assert calls.refusal("Calls", **asked) == ("request.invalid", 422)


def test_a_cursor_leads_on_in_its_own_list_only(four_calls):
    first = four_calls.ask("Calls", limit=1, from_=minute(1))
    assert listed(four_calls, limit=2, from_=minute(1), cursor=first["next"]) == ["c2", "c3"]
    for other in ({"queue": "sales"}, {"from_": minute(2)}, {}):
        filters = {"limit": 1, "cursor": first["next"], **other}
        assert four_calls.refusal("Calls", **filters) == ("request.invalid", 422)


def test_a_range_that_ends_before_it_begins_is_refused(calls):
    for listing in ("Calls", "Corrections"):
        assert calls.refusal(listing, from_=minute(2), to=minute(1)) == ("calls.report.range_empty", 422)
        assert calls.ask(listing, from_=minute(2), to=minute(2))["items"] == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["c1", "c2", "c3", "c4"]),
        ({"source": "pbx2"}, ["c4"]),
        ({"call_id": "c3"}, ["c3"]),
        ({"queue": "sales"}, ["c1", "c4"]),
        ({"agent": "a-2"}, ["c3"]),
        ({"direction": "inbound"}, ["c1", "c2"]),
        ({"outcome": "abandoned"}, ["c2"]),
        ({"outcome": "in_progress"}, ["c4"]),
        ({"outcome": "answered"}, ["c1", "c3"]),
        ({"from_": minute(2), "to": minute(4)}, ["c2", "c3"]),
        ({"campaign": "winter"}, ["c1"]),
        ({"customer": "+33199000002"}, ["c2"]),
        ({"queue": "sales", "outcome": "answered"}, ["c1"]),
        ({"queue": "care", "outcome": "answered"}, []),
        ({"external_id": "pbx1:c2"}, ["c2"]),
        ({"external_id": "pbx1:c4"}, []),
        ({"source": "pbx2", "call_id": "c4"}, ["c4"]),
        ({"source": "pbx1", "call_id": "c4"}, []),
        ({"min_wait_seconds": 30}, ["c2"]),
        ({"min_wait_seconds": 30.001}, []),
        ({"min_wait_seconds": 0, "queue": "sales"}, ["c1"]),
        ({"client": "acme"}, ["c2"]),
        ({"disposition": "lost"}, ["c2"]),
        ({"kind": "complaint"}, ["c2"]),
        ({"topic": "price"}, ["c2"]),
        ({"sentiment": "negative"}, ["c2"]),
        ({"flag": "dnc"}, ["c2"]),
        ({"resolved": "no"}, ["c2"]),
        ({"resolved": "yes"}, []),
        ({"from_": minute(0), "to": minute(9), "out_of_hours": "true"}, ["c2"]),
        ({"from_": minute(0), "to": minute(9), "out_of_hours": "false"}, ["c1", "c3", "c4"]),
        ({"from_": minute(0), "to": minute(9), "out_of_hours": "true", "queue": "sales"}, []),
    ],
)
def test_each_filter_leaves_what_it_names(four_calls, filters, expected):
    assert listed(four_calls, **filters) == expected


def test_a_source_and_a_call_id_may_hold_colons(calls):
    calls.take(call_fact("a:b", "started", NINE, source="sip:pbx"), call_fact("b", "started", NINE, source="sip:pbx:a"))
    assert sorted(listed(calls, external_id="sip:pbx:a:b")) == ["a:b", "b"]
    assert listed(calls, external_id="sip:pbx:b") == []


def test_calls_out_of_hours_are_found_within_a_range(calls):
    assert calls.refusal("Calls", out_of_hours="true") == ("calls.list.range_missing", 422)
    asked = {"out_of_hours": "true", "from_": NINE, "to": NINE + timedelta(days=401)}
    assert calls.refusal("Calls", **asked) == ("calls.report.range_too_long", 422)


def test_a_call_shows_its_visits_legs_and_numbers(four_calls):
    one, two, *_ = four_calls.ask("Calls")["items"]
    (visit,), (leg,) = one["visits"], one["legs"]
    assert (visit["queue"], visit["outcome"], visit["wait_seconds"], visit["agent"]) == ("sales", "answered", 0, "a-1")
    assert (leg["agent"], leg["visit_id"], leg["answered_at"]) == ("a-1", visit["id"], "2026-11-20T09:01:00Z")
    assert (two["caller_number"], two["visits"][0]["wait_seconds"]) == ("+33199000002", 30)
    assert four_calls.ask("CallOf", id=two["id"]) == two


def test_pages_hold_each_call_once_though_older_calls_come_in_meanwhile(four_calls):
    first = four_calls.ask("Calls", limit=2)
    four_calls.take(call_fact("older", "started", minute(0)), call_fact("newer", "started", minute(5)))
    second = four_calls.ask("Calls", limit=2, cursor=first["next"])
    third = four_calls.ask("Calls", limit=2, cursor=second["next"])
    pages = [[call["call_id"] for call in page["items"]] for page in (first, second, third)]
    assert pages == [["c1", "c2"], ["c3", "c4"], ["newer"]]
    assert third["next"] is None


def test_calls_of_one_instant_are_each_on_one_page(calls):
    calls.take(*(call_fact(f"c{n}", "started", NINE) for n in range(7)))
    seen, cursor = [], None
    while True:
        page = calls.ask("Calls", limit=2, cursor=cursor)
        seen += [call["call_id"] for call in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert sorted(seen) == [f"c{n}" for n in range(7)]


def test_facts_are_shown_as_they_were_sent_in_the_order_that_counts_page_by_page(calls):
    raw = {"original_type": "pbx.note", "raw": {"x": 1}}
    numbers = {"from": "+33199000001", "to": "+33199000100"}
    calls.take(call_fact("c1", "noted", minute(2), raw, id="second"), call_fact("c1", "ended", minute(3), id="third"))
    calls.take(call_fact("c1", "started", minute(1), id="first", **numbers))
    (call,) = calls.ask("Calls")["items"]
    first = calls.ask("FactsOfCall", id=call["id"], limit=2)
    rest = calls.ask("FactsOfCall", id=call["id"], limit=2, cursor=first["next"])
    assert [fact["id"] for fact in first["items"] + rest["items"]] == ["first", "second", "third"]
    assert rest["next"] is None
    started, noted = (fact["fact"] for fact in first["items"])
    assert numbers.items() <= started.items()
    assert started["occurred_at"] == first["items"][0]["occurred_at"]
    assert noted["data"] == raw
    assert "sealed" not in started.keys() | noted.keys()


def test_what_does_not_exist_is_not_found(calls):
    assert calls.refusal("CallOf", id=uuid4()) == ("request.not_found", 404)
    assert calls.refusal("FactsOfCall", id=uuid4()) == ("request.not_found", 404)
    assert calls.refusal("CallOf", id="no-id") == ("request.invalid", 422)


@pytest.mark.parametrize(
    ("actor", "seen"),
    [
        (Actor("anna", "person", roles=frozenset({"agent"}), agent="a-1"), ["c1"]),
        (Actor("nobody", "person", roles=frozenset({"agent"})), []),
        (Actor("client-key", queues=frozenset({"care"})), ["c2"]),
        (Actor("closed-key", queues=frozenset()), []),
        (Actor("lead", "person", roles=frozenset({"agent", "supervisor"}), agent="a-1"), ["c1", "c2", "c3", "c4"]),
    ],
)
def test_each_sees_what_they_may_in_the_list_and_one_by_one(four_calls, actor, seen):
    assert listed(four_calls, actor) == seen
    for call in four_calls.ask("Calls")["items"]:
        for use_case in ("CallOf", "FactsOfCall"):
            answer = four_calls.query(use_case, actor, id=call["id"])
            assert ("refused" not in answer) == (call["call_id"] in seen)
