"""The service level report (MEASURES sections 1 to 3), asked as a manager asks it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest

from services.calls.tests.running import RunningCalls, call_fact
from services.kernel.values import Actor

DAY = datetime(2026, 11, 20, tzinfo=UTC)
NINE = DAY + timedelta(hours=9)
TOTAL = {"from_": DAY, "to": DAY + timedelta(days=1), "interval": "total"}

_numbers = count(1)


def answered(at: datetime, wait: float, queue: str = "sales", **end: Any) -> Iterator[dict[str, Any]]:
    """A call that waited and was answered; `end` is what its leg states, and where given, a closed wrap-up."""
    call, agent = f"c{next(_numbers)}", "a-1042"
    yield call_fact(call, "queued", at, queue=queue)
    yield call_fact(call, "answered", at + timedelta(seconds=wait), {"wait_seconds": wait}, queue=queue, agent=agent)
    if end:
        wrapup = end.pop("wrapup_seconds", None)
        over = at + timedelta(minutes=10)
        yield call_fact(call, "ended", over, {"by": "caller", **end}, agent=agent)
        if wrapup is not None:
            yield call_fact(call, "wrapup_started", over, agent=agent)
            if wrapup >= 0:
                yield call_fact(call, "wrapup_ended", over, {"wrapup_seconds": wrapup}, agent=agent)


def abandoned(at: datetime, wait: float, queue: str = "sales") -> Iterator[dict[str, Any]]:
    call = f"c{next(_numbers)}"
    yield call_fact(call, "queued", at, queue=queue)
    yield call_fact(call, "abandoned", at + timedelta(seconds=wait), {"wait_seconds": wait}, queue=queue)


def left(at: datetime, reason: str, wait: float | None = 0, queue: str = "sales") -> Iterator[dict[str, Any]]:
    """A caller who left for another reason; without a wait, turned away before entering."""
    call = f"c{next(_numbers)}"
    if wait is None:
        yield call_fact(call, "queue_left", at, {"reason": reason}, queue=queue)
    else:
        yield call_fact(call, "queued", at, queue=queue)
        data = {"reason": reason, "wait_seconds": wait}
        yield call_fact(call, "queue_left", at + timedelta(seconds=wait), data, queue=queue)


def waiting(at: datetime, queue: str = "sales") -> Iterator[dict[str, Any]]:
    yield call_fact(f"c{next(_numbers)}", "queued", at, queue=queue)


def told(calls: RunningCalls, *stories: Iterator[dict[str, Any]]) -> None:
    calls.take(*(fact for story in stories for fact in story))


def one_row(calls: RunningCalls, **asked: Any) -> dict[str, Any]:
    (row,) = calls.ask("ServiceLevelOf", **{**TOTAL, "queue": "sales", **asked})["items"]
    return row


def picked(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def starts(report: dict[str, Any]) -> list[str]:
    return [row["interval_start"] for row in report["items"]]


# Refused


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"to": DAY}, ("calls.report.range_empty", 422)),
        ({"to": DAY + timedelta(days=400, seconds=1)}, ("calls.report.range_too_long", 422)),
        ({"policy": "of nobody"}, ("calls.report.policy_unknown", 422)),
        ({"interval": "PT5M"}, ("request.invalid", 422)),
        ({"threshold_seconds": -1}, ("request.invalid", 422)),
        ({"formula": "sl8"}, ("request.invalid", 422)),
        ({"timezone": "Mars/Olympus"}, ("request.invalid", 422)),
        ({"queue": "sa\x00les"}, ("request.invalid", 422)),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(calls, asked, refusal):
    assert calls.refusal("ServiceLevelOf", **{**TOTAL, **asked}) == refusal


def test_a_range_of_400_days_is_answered(calls):
    assert calls.ask("ServiceLevelOf", **{**TOTAL, "to": DAY + timedelta(days=400)})["items"] == []


def test_who_is_limited_to_queues_sees_those_alone(calls):
    told(calls, answered(NINE, 5), answered(NINE, 5, queue="care"))
    client = Actor("client-key", queues=frozenset({"care"}))
    assert [row["queue"] for row in calls.ask("ServiceLevelOf", client, **TOTAL)["items"]] == ["care"]
    assert calls.refusal("ServiceLevelOf", client, **TOTAL, queue="sales") == ("request.not_found", 404)
    asked = {"queue": "sales", "interval_start": DAY, "interval": "P1D", "measure": "offered"}
    assert calls.refusal("Explain", client, **asked) == ("request.not_found", 404)


# The worked example of MEASURES section 2


@pytest.fixture
def worked_example(calls) -> RunningCalls:
    """A = 1000, B = 60, A≤20 = 860, B≤20 = 20, B≤5 = 10, and 40 time-outs besides."""
    told(
        calls,
        *(answered(NINE + timedelta(seconds=n), 12) for n in range(860)),
        *(answered(NINE + timedelta(seconds=n), 33.5) for n in range(140)),
        *(abandoned(NINE + timedelta(seconds=n), 4) for n in range(10)),
        *(abandoned(NINE + timedelta(seconds=n), 15) for n in range(10)),
        *(abandoned(NINE + timedelta(seconds=n), 70) for n in range(40)),
        *(left(NINE + timedelta(seconds=n), "timeout", 60) for n in range(40)),
    )
    return calls


def test_the_worked_example_comes_out_to_the_digit_under_every_formula(worked_example):
    expected = {
        "sl1": (0.8302, 880, 1060),
        "sl2": (0.86, 860, 1000),
        "sl3": (0.8113, 860, 1060),
        "sl4": (0.8269, 860, 1040),
        "sl5": (0.8208, 870, 1060),
        "sl6": (0.819, 860, 1050),
        "sl7": (0.7818, 860, 1100),
    }
    rows = {formula: one_row(worked_example, formula=formula) for formula in expected}
    shown = {
        formula: picked(row, "service_level", "service_level_numerator", "service_level_denominator")
        for formula, row in rows.items()
    }
    assert shown == expected
    counts = ("offered", "answered", "answered_within", "abandoned", "abandoned_within", "short_abandoned")
    for row in rows.values():
        assert picked(row, *counts) == (1100, 1000, 860, 60, 20, 10)
        assert picked(row, "overflowed", "left_by_reason", "in_progress") == (40, {"timeout": 40}, 0)
        assert picked(row, "answer_rate", "abandon_rate") == (0.9091, 0.0566)
        assert picked(row, "asa_seconds", "max_wait_seconds") == (15.01, 70)


def test_any_threshold_can_be_asked_for_and_is_exact(worked_example):
    within = {t: one_row(worked_example, threshold_seconds=t)["answered_within"] for t in (0, 11.999, 12, 33.499, 33.5)}
    assert within == {0: 0, 11.999: 0, 12: 860, 33.499: 860, 33.5: 1000}


def test_where_nothing_happened_there_is_no_ratio(calls):
    row = one_row(calls)
    ratios = ("service_level", "answer_rate", "abandon_rate", "asa_seconds", "max_wait_seconds", "aht_seconds")
    assert picked(row, *ratios) == (None,) * 6
    assert picked(row, "offered", "service_level_denominator") == (0, 0)


# The policy


def test_a_call_answered_at_exactly_the_threshold_is_within_lte_but_not_lt(calls):
    told(calls, answered(NINE, 20), answered(NINE, 19.999), abandoned(NINE, 20))
    within = {}
    for comparison in ("lte", "lt"):
        calls.configure_queue("sales", threshold_seconds=20, comparison=comparison)
        within[comparison] = picked(one_row(calls), "answered_within", "abandoned_within")
    assert within == {"lte": (2, 1), "lt": (1, 0)}


def test_a_threshold_below_the_short_limit_is_the_short_limit(calls):
    told(calls, answered(NINE, 1), abandoned(NINE, 2), abandoned(NINE, 4))
    calls.configure_queue("sales", threshold_seconds=3, short_abandon_seconds=5, formula="sl5")
    row = one_row(calls)
    assert picked(row, "short_abandoned", "service_level_numerator", "service_level_denominator") == (1, 2, 3)


def test_an_abandon_of_exactly_the_short_limit_is_short(calls):
    told(calls, abandoned(NINE, 5), abandoned(NINE, 5.001))
    assert one_row(calls)["short_abandoned"] == 1


def test_reasons_can_count_as_abandoned_with_their_wait_and_the_counts_stay(calls):
    told(calls, answered(NINE, 5), left(NINE, "timeout", 10), left(NINE, "key", 60), left(NINE, "callback", 1))
    plain = one_row(calls)
    assert picked(plain, "service_level", "abandon_rate", "answer_rate") == (1, 0, 0.25)
    calls.configure_queue("sales", count_as_abandoned=["timeout", "key"])
    counted = one_row(calls)
    assert picked(counted, "service_level_numerator", "service_level_denominator", "abandon_rate") == (2, 3, 0.6667)
    counts = ("offered", "answered", "abandoned", "abandoned_within", "short_abandoned", "overflowed", "left_by_reason")
    assert picked(counted, *counts) == picked(plain, *counts)


def test_excluded_reasons_are_counted_but_in_no_ratio(calls):
    told(calls, answered(NINE, 5), abandoned(NINE, 60), left(NINE, "restart", 10), left(NINE, "closed", None))
    for policy, denominator, rate in (({}, 3, 0.3333), ({"exclude": ["restart", "closed"]}, 2, 0.5)):
        calls.configure_queue("sales", formula="sl7", **policy)
        row = one_row(calls)
        assert picked(row, "offered", "overflowed", "service_level_denominator", "answer_rate") == (
            4, 2, denominator, rate,
        )  # fmt: skip
        assert row["left_by_reason"] == {"closed": 1, "restart": 1}


def test_what_a_restart_cut_off_is_in_no_ratio(calls):
    told(calls, answered(NINE, 5), waiting(NINE + timedelta(minutes=1)))
    before = one_row(calls, formula="sl7")
    assert picked(before, "in_progress", "service_level_denominator") == (1, 1)
    restarted = {"id": "r1", "source": "pbx1", "type": "source.restarted"}
    calls.take({**restarted, "occurred_at": (NINE + timedelta(minutes=2)).isoformat()})
    after = one_row(calls, formula="sl7")
    assert picked(after, "offered", "in_progress", "left_by_reason") == (2, 0, {"restart": 1})
    assert picked(after, "service_level", "answer_rate", "service_level_denominator") == (1, 1, 1)


def test_calls_still_waiting_are_offered_but_in_no_ratio(calls):
    told(calls, answered(NINE, 5), waiting(NINE), left(NINE, "full", None))
    row = one_row(calls, formula="sl7")
    assert picked(row, "offered", "in_progress", "service_level", "answer_rate") == (3, 1, 0.5, 0.5)


def test_each_visit_is_judged_by_the_policy_in_force_when_it_entered(calls):
    told(calls, answered(NINE + timedelta(minutes=1), 30), answered(NINE + timedelta(minutes=11), 30))
    calls.configure_queue("sales", name="strict", threshold_seconds=20)
    later = (NINE + timedelta(minutes=11)).isoformat()
    calls.configure_queue("sales", name="lenient", threshold_seconds=40, effective_from=later)
    report = calls.ask("ServiceLevelOf", queue="sales", from_=NINE, to=NINE + timedelta(minutes=15))
    (row,) = report["items"]
    assert picked(row, "answered", "answered_within", "service_level") == (2, 1, 0.5)
    assert [(policy["name"], policy["queue"]) for policy in report["policies"]] == [
        ("strict", "sales"),
        ("lenient", "sales"),
    ]


def test_a_policy_adopted_for_the_past_judges_the_past_anew(calls):
    told(calls, answered(NINE, 30))
    calls.configure_queue("sales", threshold_seconds=20)
    assert one_row(calls)["answered_within"] == 0
    calls.configure_queue("sales", threshold_seconds=40)
    assert one_row(calls)["answered_within"] == 1
    calls.configure_queue("sales", threshold_seconds=10, effective_from=(NINE + timedelta(seconds=1)).isoformat())
    assert one_row(calls)["answered_within"] == 1


def test_a_policy_can_be_asked_for_by_its_name(calls):
    told(calls, answered(NINE, 30))
    calls.configure_queue("sales", name="contract", threshold_seconds=40)
    calls.configure_queue("sales", name="house", threshold_seconds=20)
    assert one_row(calls)["answered_within"] == 0
    assert one_row(calls, policy="contract")["answered_within"] == 1
    assert one_row(calls, policy="contract", threshold_seconds=29)["answered_within"] == 0


def test_a_queue_without_a_policy_is_judged_by_the_default(calls):
    report = calls.ask("ServiceLevelOf", **TOTAL, queue="sales")
    policy = report["policies"][0]
    assert picked(policy, "name", "threshold_seconds", "formula", "comparison") == ("default", 20, "sl1", "lte")


# Handling


def test_handling_is_averaged_over_closed_legs_and_open_wrap_ups_are_pending(calls):
    told(
        calls,
        answered(NINE, 5, talk_seconds=200, hold_seconds=10, wrapup_seconds=30),
        answered(NINE, 5, talk_seconds=100, hold_seconds=0),
        answered(NINE, 5, talk_seconds=999, hold_seconds=0, wrapup_seconds=-1),
        answered(NINE, 5),
    )
    row = one_row(calls)
    assert picked(row, "answered", "handled", "pending") == (4, 2, 1)
    assert picked(row, "talk_seconds", "hold_seconds", "wrapup_seconds", "aht_seconds") == (300, 10, 30, 170)


def test_an_excluded_call_is_in_no_figure_until_it_is_included_again(calls):
    facts = list(answered(NINE, 5))
    calls.take(*facts, call_fact(facts[0]["call_id"], "excluded", NINE, {"reason": "a test call"}))
    assert one_row(calls)["offered"] == 0
    calls.take(call_fact(facts[0]["call_id"], "included", NINE + timedelta(hours=1), {"reason": "it was none"}))
    assert one_row(calls)["offered"] == 1


# Intervals


def test_a_visit_counts_where_it_entered_with_all_its_durations(calls):
    entered = NINE + timedelta(minutes=14, seconds=59)
    told(calls, answered(entered, 120, talk_seconds=3600, hold_seconds=0))
    report = calls.ask("ServiceLevelOf", from_=NINE, to=NINE + timedelta(hours=2))
    (row,) = report["items"]
    assert picked(row, "interval_start", "talk_seconds") == ("2026-11-20T09:00:00Z", 3600)


def test_empty_intervals_are_shown_only_where_a_queue_is_asked_for(calls):
    told(calls, answered(NINE, 5), answered(NINE + timedelta(hours=1), 5), answered(NINE, 5, queue="care"))
    hours = {"from_": NINE, "to": NINE + timedelta(hours=1, minutes=1), "interval": "PT30M"}
    everything = calls.ask("ServiceLevelOf", **hours)["items"]
    assert [(row["queue"], row["interval_start"][11:16]) for row in everything] == [
        ("care", "09:00"),
        ("sales", "09:00"),
        ("sales", "10:00"),
    ]
    sales = calls.ask("ServiceLevelOf", **hours, queue="sales")["items"]
    assert [(row["interval_start"][11:16], row["offered"]) for row in sales] == [
        ("09:00", 1),
        ("09:30", 0),
        ("10:00", 1),
    ]


def test_a_total_is_one_row_from_the_instant_asked_for_aligned_or_not(calls):
    told(calls, answered(NINE, 5), answered(NINE + timedelta(minutes=7), 5), answered(NINE + timedelta(hours=30), 5))
    begin = NINE + timedelta(minutes=3)
    row = one_row(calls, from_=begin, to=begin + timedelta(hours=30))
    assert picked(row, "interval_start", "offered") == ("2026-11-20T09:03:00Z", 2)


def test_the_end_of_a_range_is_left_out_and_its_begin_is_not(calls):
    told(calls, answered(NINE, 5), answered(NINE + timedelta(hours=1), 5))
    assert one_row(calls, from_=NINE, to=NINE + timedelta(hours=1))["offered"] == 1


def by_quarter_hours(calls: RunningCalls, begin: datetime, hours: int) -> None:
    told(calls, *(answered(begin + timedelta(minutes=15 * n), 5) for n in range(hours * 4)))


@pytest.mark.parametrize(
    ("begin", "end", "hours"),
    [
        (datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC), 23),
        (datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC), 25),
    ],
)
def test_a_day_on_which_clocks_change_has_23_or_25_hours(calls, begin, end, hours):
    calls.configure_queue("sales", timezone="Europe/Paris")
    by_quarter_hours(calls, begin - timedelta(hours=1), hours + 2)
    (day,) = calls.ask("ServiceLevelOf", queue="sales", from_=begin, to=end, interval="P1D")["items"]
    assert (day["offered"], datetime.fromisoformat(day["interval_start"])) == (hours * 4, begin)
    rows = calls.ask("ServiceLevelOf", queue="sales", from_=begin, to=end, interval="PT1H")["items"]
    assert [row["offered"] for row in rows] == [4] * hours
    assert [datetime.fromisoformat(row["interval_start"]) for row in rows] == [
        begin + timedelta(hours=n) for n in range(hours)
    ]


@pytest.mark.parametrize(
    ("zone", "changes", "hours"),
    [
        ("America/Havana", datetime(2026, 11, 1, 5, tzinfo=UTC), 25),
        ("Atlantic/Azores", datetime(2026, 10, 25, 1, tzinfo=UTC), 25),
        ("America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC), 23),
        ("Africa/Cairo", datetime(2026, 4, 23, 22, tzinfo=UTC), 23),
    ],
)
def test_a_day_begins_once_also_where_its_midnight_comes_twice_or_never(calls, zone, changes, hours):
    calls.configure_queue("sales", timezone=zone)
    begin = changes - timedelta(days=2)
    by_quarter_hours(calls, begin, 96)
    asked = {"queue": "sales", "from_": begin, "to": begin + timedelta(days=4), "interval": "P1D"}
    rows = calls.ask("ServiceLevelOf", **asked)["items"]
    begins = [datetime.fromisoformat(row["interval_start"]) for row in rows]
    lengths = [after - before for before, after in pairwise(begins)]
    assert sorted(lengths, key=lambda length: abs(length - timedelta(days=1)))[-1] == timedelta(hours=hours)
    assert lengths.count(timedelta(days=1)) == len(lengths) - 1
    assert [row["offered"] for row in rows][1:-1] == [length // timedelta(minutes=15) for length in lengths][1:]


def test_hours_of_a_zone_half_an_hour_off_begin_on_its_own_clock(calls):
    calls.configure_queue("sales", timezone="Asia/Kolkata")
    told(calls, answered(NINE, 5), answered(NINE + timedelta(minutes=29), 5), answered(NINE + timedelta(minutes=30), 5))
    asked = {"queue": "sales", "from_": NINE, "to": NINE + timedelta(hours=1), "interval": "PT1H"}
    rows = calls.ask("ServiceLevelOf", **asked)["items"]
    assert [(row["interval_start"], row["offered"]) for row in rows] == [
        ("2026-11-20T08:30:00Z", 2),
        ("2026-11-20T09:30:00Z", 1),
    ]
    day = calls.ask("ServiceLevelOf", **{**asked, "interval": "P1D"})["items"]
    assert starts({"items": day}) == ["2026-11-19T18:30:00Z"]


def test_a_zone_asked_for_wins_over_the_queues_own(calls):
    calls.configure_queue("sales", timezone="Asia/Kolkata")
    told(calls, answered(NINE, 5))
    report = calls.ask("ServiceLevelOf", **{**TOTAL, "interval": "P1D"}, timezone="Europe/Paris")
    assert (starts(report), report["timezone"]) == (["2026-11-19T23:00:00Z"], "Europe/Paris")


def test_weeks_begin_on_monday_and_months_on_the_first(calls):
    calls.configure_queue("sales", timezone="Europe/Paris")
    told(calls, answered(DAY, 5), answered(DAY + timedelta(days=10), 5), answered(DAY + timedelta(days=11), 5))
    asked = {"queue": "sales", "from_": DAY, "to": DAY + timedelta(days=12)}
    weeks = calls.ask("ServiceLevelOf", **asked, interval="P1W")["items"]
    assert [(row["interval_start"], row["offered"]) for row in weeks] == [
        ("2026-11-15T23:00:00Z", 1),
        ("2026-11-22T23:00:00Z", 0),
        ("2026-11-29T23:00:00Z", 2),
    ]
    months = calls.ask("ServiceLevelOf", **asked, interval="P1M")["items"]
    assert [(row["interval_start"], row["offered"]) for row in months] == [
        ("2026-10-31T23:00:00Z", 2),
        ("2026-11-30T23:00:00Z", 1),
    ]
