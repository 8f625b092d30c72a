"""The worked service-level example of the published literature, sent as facts and read as reports, to the digit."""

from itertools import chain, repeat

import pytest

from tests.caller import SERVICE_LEVEL
from tests.facts import NINE, abandoned, answered, every, timed_out

ANSWERED = [*repeat(20, 430), *repeat(3, 430), *repeat(21, 140)]
ABANDONED = [*repeat(5, 10), *repeat(20, 10), *repeat(95, 40)]
SERVICE_LEVELS = {
    "sl1": (880, 1060, "0.8302"),
    "sl2": (860, 1000, "0.86"),
    "sl3": (860, 1060, "0.8113"),
    "sl4": (860, 1040, "0.8269"),
    "sl5": (870, 1060, "0.8208"),
    "sl6": (860, 1050, "0.819"),
}


@pytest.fixture(scope="module")
def example(administrator):
    """The queue of the example: 1000 answered, 860 of them within 20 s; 60 abandoned, 20 within 20 s, 10 within 5 s."""
    instants = every(2)
    calls = [answered("worked-example", wait, next(instants)) for wait in ANSWERED]
    calls += [abandoned("worked-example", wait, next(instants)) for wait in ABANDONED]
    administrator.send(*chain(*calls))
    return "worked-example"


def test_counts_are_those_of_the_example(administrator, example):
    row = administrator.figures(example)
    assert {name: row[name] for name in ("offered", "answered", "answered_within", "in_progress", "overflowed")} == {
        "offered": 1060,
        "answered": 1000,
        "answered_within": 860,
        "in_progress": 0,
        "overflowed": 0,
    }
    assert {name: row[name] for name in ("abandoned", "abandoned_within", "short_abandoned")} == {
        "abandoned": 60,
        "abandoned_within": 20,
        "short_abandoned": 10,
    }


@pytest.mark.parametrize(("formula", "expected"), SERVICE_LEVELS.items())
def test_each_formula_gives_its_published_service_level(administrator, example, formula, expected):
    row = administrator.figures(example, formula=formula, threshold_seconds=20)
    shown = row["service_level_numerator"], row["service_level_denominator"], str(row["service_level"])
    assert shown == expected


def test_a_call_answered_at_the_threshold_is_within_it_and_just_below_it_is_not(administrator, example):
    assert administrator.figures(example, threshold_seconds=19.999)["answered_within"] == 430
    assert administrator.figures(example, threshold_seconds=21)["answered_within"] == 1000


def test_behind_the_calls_answered_in_time_are_exactly_860_visits_with_their_facts(administrator, example):
    asked = {"queue": example, "interval_start": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
    pages = list(administrator.pages("/v1/reports/explain", **asked, interval="total", measure="answered_within"))
    visits = [visit for page in pages for visit in page["items"]]
    assert {page["value"] for page in pages} == {860}
    assert len(pages) == 9
    assert len({visit["visit_id"] for visit in visits}) == len(visits) == 860
    kinds = ["call.queued", "call.answered", "call.ended"]
    assert all([fact["type"] for fact in visit["facts"]] == kinds for visit in visits)


def test_intervals_add_up_to_the_total(administrator, example):
    asked = {"queue": example, "from": NINE.isoformat(), "to": "2026-03-17T10:00:00Z", "interval": "PT15M"}
    rows = administrator.get(SERVICE_LEVEL, **asked)["items"]
    assert [row["interval_start"] for row in rows] == [f"2026-03-17T09:{minute:02}:00Z" for minute in (0, 15, 30, 45)]
    assert [row["offered"] for row in rows] == [450, 450, 160, 0]
    assert rows[-1]["service_level"] is None


def test_with_forty_timeouts_besides_what_hides_nothing_is_7818(administrator):
    queue, instants = "worked-example-with-timeouts", every(2)
    calls = [answered(queue, wait, next(instants)) for wait in ANSWERED]
    calls += [abandoned(queue, wait, next(instants)) for wait in ABANDONED]
    calls += [timed_out(queue, 60, next(instants)) for _ in range(40)]
    administrator.send(*chain(*calls))
    row = administrator.figures(queue, formula="sl7", threshold_seconds=20)
    assert (row["offered"], row["overflowed"], row["left_by_reason"]) == (1100, 40, {"timeout": 40})
    assert (row["service_level_numerator"], row["service_level_denominator"]) == (860, 1100)
    assert str(row["service_level"]) == "0.7818"
    assert str(row["answer_rate"]) == "0.9091"
    assert administrator.figures(queue, formula="sl2")["service_level"] == 0.86
