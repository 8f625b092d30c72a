"""From a figure of the report to the visits behind it and to their facts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest

from loadtests.simulator.centre import Centre
from loadtests.simulator.disturbances import Disturbances, delivered
from services.calls.domain.service_level import Formula
from services.calls.queries import Measure
from services.calls.tests.running import RunningCalls, call_fact
from services.calls.tests.test_read_models import SMALL
from services.kernel.values import mean_seconds, ratio

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOUR = {"interval_start": NINE, "interval": "PT1H"}


@pytest.fixture
def morning(calls) -> RunningCalls:
    """A simulated hour as it is delivered."""
    facts = Centre(3, SMALL).day(date(2026, 11, 20), 9, 10).facts
    calls.take(*delivered(facts, Disturbances(jitter=5, duplicated=0.1, late=0.1, missing_ends=0.1), 3))
    return calls


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"interval": "total"}, ("calls.report.end_missing", 422)),
        ({"interval": "total", "to": NINE + timedelta(days=401)}, ("calls.report.range_too_long", 422)),
        ({"interval": "total", "to": NINE}, ("calls.report.range_empty", 422)),
        ({"measure": "occupancy"}, ("request.invalid", 422)),
        ({"report": "agents"}, ("request.invalid", 422)),
        ({"report": "agents", "measure": "handled", "agent": "a-1", "reason": "timeout"}, ("request.invalid", 422)),
        ({"cursor": "made-up"}, ("request.invalid", 422)),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(calls, asked, refusal):
    calls.take(call_fact("c1", "queued", NINE, queue="sales"))
    question = {"queue": "sales", "measure": "offered", **HOUR, **asked}
    assert calls.refusal("Explain", **question) == refusal


def together(measure: str, added: list[Decimal], row: dict[str, Any]) -> Decimal | None:
    """What the visits behind a figure come to, each with what it adds."""
    match measure:
        case "service_level" | "answer_rate" | "abandon_rate":
            return ratio(int(sum(added)), len(added))
        case "asa_seconds" | "aht_seconds":
            divisor = row["handled"] if measure == "aht_seconds" else len(added)
            return mean_seconds(int(sum(added) * 1000), divisor)
        case "max_wait_seconds":
            assert len(set(added)) < 2
            return max(added, default=None)
    return Decimal(sum(added))


@pytest.mark.parametrize("policy", [{}, {"threshold_seconds": 7.5}, {"timezone": "Asia/Kolkata"}])
def test_every_figure_of_the_report_is_explained_by_as_many_visits_as_it_says(morning, policy):
    calls = morning
    calls.configure_queue("care", threshold_seconds=12, comparison="lt", short_abandon_seconds=30)
    report = calls.ask("ServiceLevelOf", from_=NINE, to=NINE + timedelta(hours=2), **policy)
    assert len(report["items"]) >= 8
    for row in report["items"]:
        for measure in get_args(Measure):
            asked = {"queue": row["queue"], "interval_start": row["interval_start"], "measure": measure, **policy}
            explained = calls.ask("Explain", **asked)
            visits = [item["visit_id"] for item in explained["items"]]
            added = [Decimal(str(item["value"])) for item in explained["items"]]
            assert explained["value"] == row[measure], (asked, row)
            figure = None if row[measure] is None else Decimal(str(row[measure]))
            assert together(measure, added, row) == figure, (asked, row)
            assert len(set(visits)) == len(visits)
            assert [each["queue"] for each in explained["policy"]] == [row["queue"]]


@pytest.mark.parametrize("formula", get_args(Formula))
def test_both_sides_of_every_formula_are_explained(morning, formula):
    terms = {"threshold_seconds": 12, "comparison": "lt", "short_abandon_seconds": 8}
    morning.configure_queue("sales", count_as_abandoned=["overflow", "timeout"], exclude=["withdrawn"], **terms)
    whole = {"from_": NINE, "to": NINE + timedelta(hours=2), "queue": "sales", "interval": "total", "formula": formula}
    (row,) = morning.ask("ServiceLevelOf", **whole)["items"]
    assert row["counted_as_abandoned"] > 0
    asked = {name: value for name, value in whole.items() if name != "from_"}
    for measure in ("service_level_numerator", "service_level_denominator"):
        explained = morning.ask("Explain", interval_start=NINE, measure=measure, **asked)
        assert explained["value"] == row[measure] == sum(item["value"] for item in explained["items"])
    level = morning.ask("Explain", interval_start=NINE, measure="service_level", limit=500, **asked)
    assert level["value"] == row["service_level"]
    within = [item for item in level["items"] if item["value"]]
    assert (len(within), len(level["items"])) == (row["service_level_numerator"], row["service_level_denominator"])


def test_a_share_of_nothing_is_explained_by_nothing(calls):
    calls.take(call_fact("c1", "queued", NINE, queue="sales"))
    for measure in ("service_level", "answer_rate", "abandon_rate", "asa_seconds", "aht_seconds", "max_wait_seconds"):
        explained = calls.ask("Explain", queue="sales", measure=measure, **HOUR)
        assert (explained["value"], explained["items"]) == (None, []), measure


def test_behind_the_longest_wait_stand_those_who_waited_so_long(calls):
    for number, wait in enumerate((7, 30, 30, 2)):
        calls.take(
            call_fact(f"c{number}", "queued", NINE, queue="sales"),
            call_fact(f"c{number}", "abandoned", NINE + timedelta(seconds=wait), queue="sales"),
        )
    explained = calls.ask("Explain", queue="sales", measure="max_wait_seconds", **HOUR)
    assert (explained["value"], [item["value"] for item in explained["items"]]) == (30, [30, 30])


def test_a_cell_that_the_range_of_the_report_cuts_is_explained_as_it_was_counted(calls):
    for minute in (5, 25, 45):
        left = {"queue": "sales", "data": {"reason": "timeout" if minute == 25 else "full", "wait_seconds": 1}}
        calls.take(call_fact(f"c{minute}", "queue_left", NINE + timedelta(minutes=minute), **left))
    cut = {"from_": NINE + timedelta(minutes=20), "to": NINE + timedelta(minutes=40), "interval": "PT1H"}
    (row,) = calls.ask("ServiceLevelOf", queue="sales", **cut)["items"]
    asked = {"queue": "sales", "interval_start": row["interval_start"], "measure": "overflowed", **cut}
    assert (row["overflowed"], calls.ask("Explain", **asked)["value"]) == (1, 1)
    del asked["from_"]
    assert [calls.ask("Explain", reason=reason, **asked)["value"] for reason in ("timeout", "full", "key")] == [1, 1, 0]


def test_the_visits_come_page_by_page_in_the_order_in_which_they_entered(morning):
    asked = {"queue": "sales", "measure": "offered", **HOUR}
    whole = morning.ask("Explain", **asked, limit=500)
    assert whole["next"] is None
    pages, cursor = [], None
    while True:
        page = morning.ask("Explain", **asked, limit=7, cursor=cursor)
        assert page["value"] == whole["value"]
        pages += page["items"]
        if (cursor := page["next"]) is None:
            break
    assert pages == whole["items"]
    entered = {v["id"]: v["entered_at"] for c in morning.ask("Calls", limit=500)["items"] for v in c["visits"]}
    instants = [entered[item["visit_id"]] for item in pages]
    assert len(instants) > 7
    assert instants == sorted(instants)


def test_the_facts_behind_a_visit_come_in_the_order_that_counts_not_in_that_of_arrival(calls):
    calls.take(call_fact("c1", "abandoned", NINE + timedelta(seconds=9), queue="sales", id="third"))
    calls.take(call_fact("c1", "queued", NINE, queue="sales", id="second"))
    calls.take(call_fact("c1", "started", NINE, id="first"))
    (visit,) = calls.ask("Explain", queue="sales", measure="abandoned", **HOUR)["items"]
    assert [fact["id"] for fact in visit["facts"]] == ["first", "second", "third"]
    assert visit["facts"][0].keys() == {"id", "source", "type", "occurred_at", "recorded_at"}
    (call,) = calls.ask("Calls")["items"]
    assert (visit["call_id"], visit["visit_id"]) == (call["id"], call["visits"][0]["id"])


def test_nothing_behind_a_zero(calls):
    calls.take(call_fact("c1", "queued", NINE, queue="sales"))
    explained = calls.ask("Explain", queue="sales", measure="abandoned", **HOUR)
    assert (explained["value"], explained["items"], explained["next"]) == (0, [], None)
