"""Erasing a person: nothing of theirs can be read, and every figure stays."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.calls.domain.subjects import EraseSubject, Subject, SubjectErased, decide, evolve
from services.calls.tests.running import RunningCalls, call_fact, stream_of
from services.kernel import schemas
from services.kernel.decider import SYSTEM, Context
from services.kernel.values import Actor

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
CALLER, OTHER, CENTRE = "+33199000001", "+33199000002", "+33199000100"
KEYS = "SELECT subject FROM keyring.keys"
FIGURES = ("visits", "legs", "further_customers", "former_entries", "queues", "policies")


def told(call: str, number: str | None, at: datetime = NINE) -> list[dict[str, Any]]:
    """A call whose first fact says who calls; the others carry a text that is sealed with the key of the call."""
    numbers = {"from": number, "to": CENTRE} if number else {}
    return [
        call_fact(call, "queued", at, {"raw": f"{call} spoke of it"}, queue="sales", **numbers),
        call_fact(
            call, "answered", at + timedelta(seconds=9), {"raw": f"{call} whispered"}, queue="sales", agent="a-1"
        ),
        call_fact(call, "ended", at + timedelta(seconds=99), {"by": "caller", "talk_seconds": 90}),
    ]


def erase(calls: RunningCalls, subject: str, command_id: UUID | None = None) -> dict[str, Any]:
    message = {
        "use_case": "EraseSubject",
        "key": subject,
        "body": {},
        "command_id": str(command_id or uuid4()),
        "actor": schemas.dump(Actor("the officer")),
        "expected_version": None,
    }
    return calls.dispatcher.execute(message)


def erased(calls: RunningCalls, subject: str = CALLER) -> None:
    assert "refused" not in erase(calls, subject)
    calls.follow()


def subject_of(calls: RunningCalls, number: str) -> UUID:
    return UUID(calls.master.hash_of(number))


def report(calls: RunningCalls) -> Any:
    return calls.ask("ServiceLevelOf", from_=NINE, to=NINE + timedelta(days=1), interval="total")["items"]


def export(calls: RunningCalls, subject: str = CALLER, **asked: Any) -> dict[str, Any]:
    return calls.ask("ExportSubject", id=subject, **asked)


def shown(calls: RunningCalls, call: str) -> dict[str, Any]:
    return calls.ask("CallOf", id=stream_of(calls, call))


def texts(calls: RunningCalls, call: str) -> list[Any]:
    facts = calls.ask("FactsOfCall", id=stream_of(calls, call))["items"]
    return [fact["fact"].get("data", {}).get("raw") for fact in facts]


def keys(calls: RunningCalls) -> set[UUID]:
    return {key for (key,) in calls.connection.execute(KEYS)}


# The rule


def test_whoever_asks_for_it_is_erased_as_often_as_they_ask():
    ctx = Context(NINE, SYSTEM, uuid4(), str(UUID(int=7)))
    happened = SubjectErased(UUID(int=7).hex)
    for subject in (Subject(), evolve(Subject(), happened)):
        assert decide(subject, EraseSubject(), ctx) == happened


# Erased


@pytest.mark.parametrize("by", ["number", "id"])
def test_the_keys_of_the_person_and_of_their_calls_are_destroyed_and_nobody_elses(calls, by):
    calls.take(*told("c1", CALLER), *told("c2", OTHER), *told("c3", None))
    assert len(keys(calls)) == 5
    erased(calls, CALLER if by == "number" else str(subject_of(calls, CALLER)))
    assert keys(calls) == {subject_of(calls, OTHER), stream_of(calls, "c2"), stream_of(calls, "c3")}
    assert texts(calls, "c1") == [None, None, None]
    assert texts(calls, "c2") == ["c2 spoke of it", "c2 whispered", None]


def test_figures_stay_and_the_call_is_nobodys(calls):
    calls.take(*told("c1", CALLER), *told("c2", OTHER))
    before, tables = report(calls), {name: calls.tables()[name] for name in FIGURES}
    assert shown(calls, "c1")["caller_number"] == CALLER
    erased(calls)
    assert report(calls) == before
    assert {name: calls.tables()[name] for name in FIGURES} == tables
    assert shown(calls, "c1")["caller_number"] is None
    assert shown(calls, "c1")["visits"]
    assert shown(calls, "c2")["caller_number"] == OTHER
    assert calls.ask("Calls", customer=CALLER)["items"] == []


def test_a_rebuild_gives_the_same(calls):
    calls.take(*told("c1", CALLER), *told("c2", OTHER))
    erased(calls)
    calls.take(*told("c3", CALLER))
    calls.take(call_fact("c1", "held", NINE + timedelta(seconds=20)))
    followed = calls.tables()
    calls.rebuild()
    assert calls.tables() == followed


def test_facts_that_no_read_model_has_applied_yet_are_erased_too(calls):
    calls.store(told("c1", CALLER))
    assert "refused" not in erase(calls, CALLER)
    assert keys(calls) == set()
    calls.follow()
    assert shown(calls, "c1")["caller_number"] is None
    assert export(calls)["calls"] == []


def test_a_later_call_of_the_number_begins_anew(calls):
    calls.take(*told("c1", CALLER))
    erased(calls)
    calls.take(*told("c2", CALLER))
    assert shown(calls, "c2")["caller_number"] == CALLER
    assert [call["call_id"] for call in calls.ask("Calls", customer=CALLER)["items"]] == ["c2"]
    assert [call["call"]["call_id"] for call in export(calls)["calls"]] == ["c2"]
    assert texts(calls, "c1") == [None, None, None]


def test_somebody_whom_only_a_later_fact_of_a_call_names_is_found(calls):
    calls.take(*told("c1", CALLER), call_fact("c1", "held", NINE + timedelta(seconds=20), **{"from": OTHER}))
    assert [call["call"]["call_id"] for call in export(calls, OTHER)["calls"]] == ["c1"]
    erased(calls, OTHER)
    assert export(calls, OTHER)["calls"] == []
    assert keys(calls) == {subject_of(calls, CALLER)}
    assert shown(calls, "c1")["caller_number"] == CALLER
    calls.rebuild()
    assert export(calls, OTHER)["calls"] == []


def test_a_record_that_was_superseded_is_erased_with_the_others(calls):
    first = call_fact("c1", "queued", NINE, queue="sales", record="r", record_version="1", **{"from": OTHER})
    second = call_fact("c1", "held", NINE, record="r", record_version="2", **{"from": CALLER})
    calls.take(first, second)
    erased(calls, OTHER)
    assert keys(calls) == {subject_of(calls, CALLER)}


def test_the_same_command_again_changes_nothing_and_another_erases_what_has_come_since(calls):
    calls.take(*told("c1", CALLER))
    command = uuid4()
    first = erase(calls, CALLER, command)
    calls.take(*told("c2", CALLER))
    again = erase(calls, CALLER, command)
    assert (first["version"], first["position"]) == (again["version"], again["position"])
    calls.follow()
    assert shown(calls, "c2")["caller_number"] == CALLER
    assert erase(calls, CALLER)["version"] == 2
    calls.follow()
    assert shown(calls, "c2")["caller_number"] is None
    assert keys(calls) == set()


def test_that_it_happened_is_kept_without_the_number(calls):
    calls.take(*told("c1", CALLER))
    answer = erase(calls, CALLER)
    assert answer["id"] == str(subject_of(calls, CALLER))
    kept = "SELECT data, metadata ->> 'actor' FROM store.events WHERE type = 'subject_erased'"
    assert calls.connection.execute(kept).fetchall() == [({"subject": subject_of(calls, CALLER).hex}, "the officer")]


@pytest.mark.parametrize("name", ["nobody", "+0123", "33199000001"])
def test_what_names_nobody_is_refused(calls, name):
    assert erase(calls, name)["refused"]["code"] == "request.invalid"
    assert calls.refusal("ExportSubject", id=name) == ("request.invalid", 422)


def test_the_id_of_a_call_is_not_taken_for_a_persons(calls):
    calls.take(*told("c1", CALLER))
    call, before = str(stream_of(calls, "c1")), keys(calls)
    assert erase(calls, call)["version"] == 1
    calls.follow()
    assert keys(calls) == before
    assert shown(calls, "c1")["caller_number"] == CALLER


# Exported


def test_all_that_is_held_of_a_person_is_given_and_of_nobody_else(calls):
    calls.take(
        *told("c1", CALLER), *told("c2", OTHER), call_fact("c1", "held", NINE, {"raw": "theirs"}, **{"from": OTHER})
    )
    given = export(calls)
    assert given["subject"] == str(subject_of(calls, CALLER))
    (held,) = given["calls"]
    assert held["call"]["caller_number"] == CALLER
    facts = {fact["type"]: fact["fact"] for fact in held["facts"]}
    assert facts["call.queued"]["from"] == CALLER
    assert facts["call.queued"]["data"]["raw"] == "c1 spoke of it"
    assert facts["call.answered"]["data"]["raw"] == "c1 whispered"
    assert "from" not in facts["call.held"]


def test_an_export_comes_in_pages(calls):
    for n in range(3):
        calls.store(told(f"c{n}", CALLER, NINE + timedelta(minutes=n)))
    calls.follow()
    first = export(calls, limit=2)
    second = export(calls, limit=2, cursor=first["next"])
    assert [call["call"]["call_id"] for page in (first, second) for call in page["calls"]] == ["c0", "c1", "c2"]
    assert second["next"] is None


def test_who_may_see_some_queues_exports_the_calls_of_those(calls):
    calls.take(*told("c1", CALLER))
    assert calls.ask("ExportSubject", Actor("client", queues=frozenset({"care"})), id=CALLER)["calls"] == []
