"""What came of calls: one final disposition, refusals that stay, and the counts of many."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from typing import Any, get_args
from uuid import uuid4

import pytest

from services.calls.domain import dispositions
from services.calls.domain.dispositions import (
    CorrectDisposition,
    Disposed,
    DispositionCorrected,
    DispositionSet,
    SetDisposition,
)
from services.calls.queries.dispositions import Group
from services.calls.reports import then
from services.calls.tests.running import RunningCalls, call_fact, stream_of
from services.calls.tests.stories import fact, told
from services.calls.tests.test_as_known import now, passed
from services.kernel.decider import Context, Rejected
from services.kernel.values import Actor

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
RANGE = {"from_": NINE - timedelta(hours=1), "to": NINE + timedelta(days=1)}
CTX = Context(NINE, Actor("anna"), uuid4(), "call")
CALL, DISPOSED = Disposed(is_call=True), Disposed(is_call=True, disposed=True)


def said(seconds: float, code: str = "done", **terms: Any):
    return fact("call.disposition_set", seconds, f"{code}@{seconds}", {"code": code, **terms})


# Decided


@pytest.mark.parametrize(
    ("call", "order", "code"),
    [
        (Disposed(), SetDisposition("done"), "request.not_found"),
        (Disposed(), CorrectDisposition("done", reason="a slip"), "request.not_found"),
        (DISPOSED, SetDisposition("done"), "calls.disposition.set_already"),
        (CALL, CorrectDisposition("done", reason="a slip"), "calls.disposition.none_to_correct"),
    ],
)
def test_what_is_refused(call, order, code):
    refused = dispositions.decide(call, order, CTX)
    assert isinstance(refused, Rejected)
    assert refused.code == code


def test_the_first_is_set_and_the_next_a_correction_with_its_reason():
    assert dispositions.decide(CALL, SetDisposition("done", flags=("sale",)), CTX) == DispositionSet(
        "done", flags=("sale",)
    )
    corrected = dispositions.decide(DISPOSED, CorrectDisposition("order", kind="order", reason="a slip"), CTX)
    assert corrected == DispositionCorrected("order", kind="order", reason="a slip")


# Folded


def test_the_latest_stands_whether_a_fact_told_it_or_somebody_decided():
    started = fact("call.started", 0)
    decided = said(20, "decided")
    assert told(started, said(10), decided=[decided]).disposition == {"code": "decided"}
    assert told(started, said(10), said(30, "later"), decided=[decided]).disposition == {"code": "later"}
    assert told(started, decided=[decided]).disposition == {"code": "decided"}
    assert told(started).disposition is None


def test_a_refusal_stays_in_any_order_of_what_was_said():
    facts = [said(10, "not again", flags=["dnc"]), said(20, "order", flags=["sale"]), said(30, "chat")]
    for order in permutations(facts):
        assert told(*order).disposition == {"code": "chat", "flags": ["dnc"]}
    assert told(*facts, decided=[said(40, "fine", flags=["sale"])]).disposition == {
        "code": "fine",
        "flags": ["sale", "dnc"],
    }


def test_a_refusal_stays_though_its_record_was_corrected():
    old = fact("call.disposition_set", 1, "1", {"code": "no", "flags": ["refusal"]}, record="r", record_version="1")
    new = fact("call.disposition_set", 1, "2", {"code": "yes"}, record="r", record_version="2")
    empty = fact("call.noted", 1, "3", record="r", record_version="3")
    assert told(old, new).disposition == {"code": "yes", "flags": ["refusal"]}
    assert told(old, new, empty).disposition == {"code": "no", "flags": ["refusal"]}


def test_no_field_about_the_emotions_of_agents_is_taken(calls):
    calls.take(call_fact("c1", "started", NINE))
    answer = calls.execute("SetDisposition", str(stream_of(calls, "c1")), {"code": "x", "agent_emotion": "bored"})
    assert answer["refused"]["code"] == "request.invalid"


# Set and corrected on a call


def decide(calls: RunningCalls, use_case: str, call_id: str, by: Actor | None = None, **body: Any) -> dict[str, Any]:
    key = str(stream_of(calls, call_id))
    answer = calls.execute(use_case, key, body, by) if by else calls.execute(use_case, key, body)
    calls.follow()
    return answer


def test_a_decision_becomes_part_of_the_calls_story_and_survives_a_rebuild_and_late_facts(calls):
    calls.take(call_fact("c1", "answered", NINE, queue="sales", agent="a-1", **{"from": "+33199000001"}))
    assert "refused" not in decide(calls, "SetDisposition", "c1", code="order", kind="order", flags=["dnc"])
    assert decide(calls, "SetDisposition", "c1", code="order")["refused"]["status"] == 409
    corrected = {"code": "complaint", "kind": "complaint", "topics": ["delivery"], "sentiment": "negative"}
    decide(calls, "CorrectDisposition", "c1", **corrected, reason="Mr Blanc was angry")
    calls.take(
        call_fact("c1", "disposition_set", NINE, {"code": "early"}), call_fact("c1", "ended", NINE + timedelta(hours=1))
    )
    (call,) = calls.ask("Calls")["items"]
    assert call["disposition"] == {**corrected, "flags": ["dnc"]}
    assert (call["state"], call["legs"][0]["talk_seconds"]) == ("ended", 3600)
    shown = calls.ask("DispositionOf", id=call["id"])
    assert shown["disposition"] == call["disposition"]
    assert [(each["told"], each["terms"]["code"], each["reason"]) for each in shown["told"]] == [
        ("fact", "early", None),
        ("set", "order", None),
        ("corrected", "complaint", "Mr Blanc was angry"),
    ]
    assert "Blanc" not in str(calls.connection.execute("SELECT data, metadata FROM store.events").fetchall())
    before = calls.tables()
    calls.rebuild()
    assert calls.tables() == before
    exported = calls.ask("ExportSubject", id="+33199000001")
    assert exported["calls"][0]["dispositions"][2]["reason"] == "Mr Blanc was angry"
    assert "refused" not in calls.execute("EraseSubject", "+33199000001", {})
    calls.follow()
    erased = calls.ask("DispositionOf", id=call["id"])
    assert (erased["disposition"], erased["told"][2]["reason"]) == (call["disposition"], None)


def test_a_decision_does_not_open_a_call_that_the_reaper_closed(calls):
    calls.take(call_fact("c1", "queued", NINE, queue="sales"))
    later = datetime.now(UTC) + timedelta(days=1)
    assert calls.reap(later) == 1
    decide(calls, "SetDisposition", "c1", code="lost")
    (call,) = calls.ask("Calls")["items"]
    assert (call["state"], call["disposition"]) == ("ended", {"code": "lost"})
    assert calls.reap(later + timedelta(days=1)) == 0


def test_nobody_decides_on_what_is_no_call_or_not_theirs(calls):
    calls.take(call_fact("c1", "answered", NINE, queue="sales", agent="a-1"))
    sign_in = {"id": "1", "source": "pbx1", "type": "agent.signed_in", "agent": "a-1", "occurred_at": NINE.isoformat()}
    calls.take(sign_in)
    (agent_stream,) = calls.connection.execute(
        "SELECT stream_id FROM store.events WHERE type = 'agent.signed_in'"
    ).fetchone()
    for nothing in (agent_stream, uuid4()):
        refused = calls.execute("SetDisposition", str(nothing), {"code": "x"})["refused"]
        assert (refused["code"], refused["status"]) == ("request.not_found", 404)
    theirs = Actor("bea", "person", roles=frozenset({"agent"}), agent="a-2")
    others = Actor("key", queues=frozenset({"care"}))
    for actor in (theirs, others):
        assert decide(calls, "SetDisposition", "c1", actor, code="x")["refused"]["code"] == "request.not_found"
    own = Actor("anna", "person", roles=frozenset({"agent"}), agent="a-1")
    assert "refused" not in decide(calls, "SetDisposition", "c1", own, code="x")


# Counted


@pytest.fixture
def a_day(calls) -> RunningCalls:
    """Two orders and a complaint in sales, one of them transferred to care; two calls of which nobody said anything."""
    told = {
        "c1": {"code": "order", "kind": "order", "topics": ["phone", "price"], "sentiment": "positive"},
        "c2": {"code": "order", "kind": "order", "topics": ["phone"], "resolved": "yes", "flags": ["sale"]},
        "c3": {"code": "broken", "kind": "complaint", "topics": ["phone"], "sentiment": "negative", "resolved": "no"},
        "c4": None,
        "c5": None,
        "c6": {"code": "test"},
    }
    for n, (call, data) in enumerate(told.items()):
        begun = NINE + timedelta(minutes=n)
        calls.store([call_fact(call, "queued", begun, queue="sales", campaign="winter" if n < 2 else None)])
        if call != "c5":
            calls.store([call_fact(call, "answered", begun, queue="sales", agent="a-1")])
        if data:
            calls.store([call_fact(call, "disposition_set", begun + timedelta(minutes=9), data)])
    calls.take(
        call_fact("c3", "queued", NINE + timedelta(hours=1), queue="care"),
        call_fact("c6", "excluded", NINE + timedelta(hours=1), {"reason": "a test"}),
    )
    return calls


def counted(calls: RunningCalls, actor: Actor | None = None, **asked: Any) -> list[dict[str, Any]]:
    parameters = {**RANGE, **asked}
    return (calls.ask("DispositionsOf", actor, **parameters) if actor else calls.ask("DispositionsOf", **parameters))[
        "items"
    ]


def test_every_call_counts_once_with_its_final_disposition(a_day):
    (row,) = counted(a_day)
    assert (row["calls"], row["disposed"], row["without"], row["handled_without"]) == (5, 3, 2, 1)
    assert (row["codes"], row["kinds"]) == ({"broken": 1, "order": 2}, {"complaint": 1, "order": 2})
    assert row["topics"] == {
        "phone": {"calls": 3, "positive": 1, "negative": 1, "mixed": 0, "unstated": 1},
        "price": {"calls": 1, "positive": 1, "negative": 0, "mixed": 0, "unstated": 0},
    }
    assert (row["sentiments"], row["flags"]) == ({"negative": 1, "positive": 1}, {"sale": 1})
    assert row["resolved"] == {"no": 1, "yes": 1}
    (empty,) = counted(a_day, from_=NINE + timedelta(hours=2))
    assert (empty["calls"], empty["codes"], empty["topics"]) == (0, {}, {})


def test_a_call_counts_in_each_queue_that_it_visited(a_day):
    assert [(row["queue"], row["calls"]) for row in counted(a_day, group_by="queue")] == [("care", 1), ("sales", 5)]
    a_day.configure("ConfigureQueue", "care", {"client": "acme"})
    a_day.follow()
    by_client = [(row["client"], row["calls"]) for row in counted(a_day, group_by="client")]
    assert by_client == [("acme", 1), (None, 5)]
    assert [(row["campaign"], row["calls"]) for row in counted(a_day, group_by="campaign")] == [
        ("winter", 2),
        (None, 3),
    ]
    acme = Actor("key", client="acme")
    assert [(row["queue"], row["codes"]) for row in counted(a_day, acme, group_by="queue")] == [("care", {"broken": 1})]
    assert [row["calls"] for row in counted(a_day, Actor("key", client="nobody"))] == [0]


def test_the_calls_behind_a_count_are_those_that_the_list_leaves(a_day):
    def listed(**asked: Any) -> list[str]:
        return [call["call_id"] for call in a_day.ask("Calls", **RANGE, **asked)["items"] if not call["excluded"]]

    assert listed(disposition="order") == ["c1", "c2"]
    assert listed(topic="phone", sentiment="negative") == ["c3"]
    assert listed(kind="order", flag="sale") == ["c2"]
    assert listed(resolved="no", queue="care") == ["c3"]


def test_a_range_that_is_empty_is_refused(calls):
    assert calls.refusal("DispositionsOf", from_=NINE, to=NINE) == ("calls.report.range_empty", 422)


def test_the_counts_are_shown_as_they_were_known(a_day):
    def said(call: str, days: int = 0, **fields: Any) -> dict[str, Any]:
        return call_fact(call, "disposition_set", NINE + timedelta(days=days), {"code": call}, **fields)

    shown = []
    for change in (
        said("late"),
        said("moved", record="r", record_version="1"),
        said("moved", 5, record="r", record_version="2"),
        call_fact("late", "excluded", NINE, {"reason": "a test"}),
        call_fact("c5", "answered", NINE + timedelta(hours=2), queue="sales", agent="a-1"),
    ):
        shown.append((now(a_day), [counted(a_day, group_by=group) for group in (None, *get_args(Group))]))
        a_day.take(change)
    passed(a_day, now(a_day))
    assert all(one != other for (_, one), (_, other) in pairwise(shown))
    for instant, counts in shown:
        known = [counted(a_day, group_by=group, as_known_at=instant) for group in (None, *get_args(Group))]
        assert known == counts
    ahead = {**RANGE, "as_known_at": now(a_day) + timedelta(minutes=1)}
    assert a_day.refusal("DispositionsOf", **ahead) == ("request.not_yet_known", 409)


def test_more_calls_than_can_be_read_in_time_are_refused(a_day, monkeypatch):
    instant = now(a_day)
    passed(a_day, instant)
    for most in (5, 2):  # facts, and even calls
        monkeypatch.setattr(then, "MOST_FACTS", most)
        asked = {**RANGE, "as_known_at": instant}
        assert a_day.refusal("DispositionsOf", **asked) == ("calls.report.too_much_history", 422)
