from itertools import groupby

import pytest

from loadtests.after_check import Ledger, check, told_by
from loadtests.fresh_calls import FreshCalls
from services.calls.domain.facts import canonical

SOURCE = "loadtest"


def by_call(facts):
    return groupby(sorted(facts, key=lambda fact: fact["call_id"]), key=lambda fact: fact["call_id"])


def view(call, facts):
    """A call as the API shows it."""
    outcome, visits, legs = told_by(facts)
    return {
        "id": call,
        "call_id": call,
        "outcome": outcome,
        "visits": [
            {"queue": queue, "outcome": of, "wait_seconds": None if wait is None else wait / 1000}
            for queue, of, wait in visits
        ],
        "legs": [
            {"agent": agent, "talk_seconds": None if talk is None else talk / 1000} for agent, talk in legs
        ],
    }  # fmt: skip


class Plateau:
    """The two lists of the API that the check asks for, a few items a page."""

    def __init__(self, facts):
        shown = [{"id": fact["id"], "occurred_at": fact["occurred_at"], "fact": canonical(fact)} for fact in facts]
        grouped = by_call([{**item, "call_id": item["fact"]["call_id"]} for item in shown])
        self.facts = {call: list(items) for call, items in grouped}
        self.views = {call: view(call, items) for call, items in self.facts.items()}

    def get(self, path, asked):
        if path == "/v1/calls":
            assert asked["source"] == SOURCE
            items = list(self.views.values())
        else:
            items = self.facts[path.split("/")[3]]
        start = int(asked.get("cursor", 0))
        more = start + 7 < len(items)
        return {"items": items[start : start + 7], "next": str(start + 7) if more else None}


@pytest.fixture
def facts():
    return FreshCalls(SOURCE).take(400)


@pytest.fixture
def ledger(facts):
    ledger = Ledger()
    ledger.send(facts)
    ledger.accept(facts)
    return ledger


def test_all_is_well_where_everything_is_stored_and_shown(facts, ledger):
    verdict = check(ledger, SOURCE, Plateau(facts).get)
    assert (verdict.accepted, verdict.stored, verdict.projected) == (400, 400, 400)
    assert verdict.complaints == []


def test_one_lost_fact_is_named(facts, ledger):
    lost = facts.pop(200)
    verdict = check(ledger, SOURCE, Plateau(facts).get)
    (complaint,) = verdict.complaints
    assert complaint == f"{lost['call_id']}: accepted and not stored: {lost['id']}"
    assert verdict.stored == 399


def test_a_lost_call_is_named(facts, ledger):
    plateau = Plateau(facts)
    lost = facts[0]["call_id"]
    del plateau.views[lost]
    (complaint,) = check(ledger, SOURCE, plateau.get).complaints
    assert complaint.startswith(f"{lost}: accepted and not stored")


def test_a_fact_stored_twice_is_named(facts, ledger):
    plateau = Plateau(facts)
    twice = facts[0]
    plateau.facts[twice["call_id"]].append(plateau.facts[twice["call_id"]][0])
    (complaint,) = check(ledger, SOURCE, plateau.get).complaints
    assert "stored more than once" in complaint


def test_a_call_whose_figures_lag_behind_its_facts_is_named(facts, ledger):
    plateau = Plateau(facts)
    call = next(call for call, shown in plateau.views.items() if shown["legs"])
    plateau.views[call]["legs"].pop()
    verdict = check(ledger, SOURCE, plateau.get)
    assert verdict.complaints == [f"{call}: its visits and legs are not those that its facts tell"]
    assert verdict.projected == 400 - len(plateau.facts[call])


def test_an_unanswered_fact_may_be_stored_or_not_but_a_refused_one_may_not(facts):
    ledger = Ledger()
    ledger.send(facts)
    ledger.accept(facts[2:])
    assert check(ledger, SOURCE, Plateau(facts).get).complaints == []
    assert check(ledger, SOURCE, Plateau(facts[2:]).get).complaints == []
    ledger.refuse(facts[:1])
    (complaint,) = check(ledger, SOURCE, Plateau(facts).get).complaints
    assert complaint.endswith(f"stored though refused or never sent: {facts[0]['id']}")


def test_a_call_that_nobody_sent_is_named(facts, ledger):
    stranger = {**facts[0], "call_id": "stranger"}
    (complaint,) = check(ledger, SOURCE, Plateau([*facts, stranger]).get).complaints
    assert complaint == "stranger is shown and was never sent"


def test_no_fact_is_given_twice():
    calls = FreshCalls(SOURCE)
    facts = calls.take(50_000)
    assert len({(fact["call_id"], fact["id"]) for fact in facts}) == 50_000
