"""Calls out of hours, told apart by the calendar in force when they entered; clients and campaigns as groups."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.calls.tests.running import RunningCalls, call_fact
from services.calls.tests.test_as_known import now, passed
from services.kernel.values import Actor

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
WEEK = {"from_": MONDAY, "to": MONDAY + timedelta(days=7), "interval": "total"}
SPAN = [{"opens": "09:00", "closes": "18:00"}]
WORKDAYS = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), SPAN)
EVER = "2000-01-01T00:00:00Z"


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


def adopt(calls: RunningCalls, calendar: str = "public", **terms: Any) -> None:
    calls.configure("AdoptCalendar", calendar, {"effective_from": EVER, "weekly": WORKDAYS, **terms})
    calls.follow()


def use(calls: RunningCalls, queue: str, **settings: Any) -> None:
    calls.configure("ConfigureQueue", queue, settings)
    calls.follow()


def waited(calls: RunningCalls, entered: datetime, queue: str = "sales", wait: float = 5, **fields: Any) -> None:
    """A call that was answered."""
    call = f"{queue} {entered}"
    calls.take(
        call_fact(call, "queued", entered, queue=queue, **fields),
        call_fact(call, "answered", entered, {"wait_seconds": wait}, queue=queue, agent="a-1"),
    )


def figures(calls: RunningCalls, **asked: Any) -> tuple[int, int]:
    """How many visits there were, and how many of them out of hours."""
    (row,) = calls.ask("ServiceLevelOf", **{**WEEK, "queue": "sales", **asked})["items"]
    return row["offered"], row["out_of_hours"]


# Calendars and queues


def test_a_calendar_that_nobody_made_is_refused(calls):
    refused = calls.execute("ConfigureQueue", "sales", {"calendar": "public"})["refused"]
    assert (refused["code"], refused["status"]) == ("calls.queue.calendar_unknown", 422)
    assert [error["pointer"] for error in refused["errors"]] == ["/calendar"]
    adopt(calls)
    use(calls, "sales", calendar="public")
    assert calls.ask("Calendars")["items"][0]["calendar"] == "public"


def test_what_is_wrong_with_a_calendar_is_pointed_at(calls):
    wrong = {"weekly": {"monday": [{"opens": "9:00", "closes": "25:00"}], "someday": []}, "timezone": "Mars/Olympus"}
    refused = calls.execute("AdoptCalendar", "public", wrong)["refused"]
    pointers = {error["pointer"] for error in refused["errors"]}
    assert pointers == {"/weekly/monday/0/opens", "/weekly/monday/0/closes", "/weekly/someday", "/timezone"}


def test_the_opening_spans_of_a_range(calls):
    asked = {"calendar": "public", "from_": at(4, 12), "to": at(7, 10)}
    assert calls.refusal("HoursOf", **asked) == ("request.not_found", 404)
    adopt(calls)
    shown = calls.ask("HoursOf", **asked)
    assert [(span["opens_at"], span["closes_at"]) for span in shown["items"]] == [
        ("2026-11-20T12:00:00Z", "2026-11-20T18:00:00Z"),
        ("2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z"),
    ]
    assert shown["next_opening"] == "2026-11-23T10:00:00Z"
    assert calls.refusal("HoursOf", **{**asked, "to": at(0, 0)}) == ("calls.report.range_empty", 422)


# The report


@pytest.fixture
def a_week(calls) -> RunningCalls:
    """Two calls in opening hours, at their edges; three out of them."""
    for entered in (at(0, 9), at(4, 17, 59), at(0, 8, 59), at(4, 18), at(6, 12)):
        waited(calls, entered)
    return calls


def test_without_a_calendar_no_call_is_out_of_hours(a_week):
    assert figures(a_week) == (5, 0)
    assert figures(a_week, hours="open") == (5, 0)
    assert figures(a_week, hours="closed") == (0, 0)


def test_calls_out_of_hours_are_told_apart_and_each_side_can_be_asked_for(a_week):
    adopt(a_week)
    use(a_week, "sales", calendar="public")
    assert figures(a_week) == (5, 3)
    assert figures(a_week, hours="open") == (2, 0)
    assert figures(a_week, hours="closed") == (3, 3)
    by_hour = a_week.ask("ServiceLevelOf", **{**WEEK, "interval": "PT1H"})["items"]
    assert {row["interval_start"]: row["out_of_hours"] for row in by_hour if row["out_of_hours"]} == {
        "2026-11-16T08:00:00Z": 1,
        "2026-11-20T18:00:00Z": 1,
        "2026-11-22T12:00:00Z": 1,
    }


def test_a_version_in_the_past_corrects_the_past_at_once_and_only_from_its_date(a_week):
    adopt(a_week)
    use(a_week, "sales", calendar="public")
    longer = {day: [{"opens": "08:00", "closes": "20:00"}] for day in WORKDAYS}
    adopt(a_week, weekly=longer, effective_from=at(1, 0).isoformat())
    assert figures(a_week) == (5, 2)
    adopt(a_week, weekly=longer, effective_from=at(0, 0).isoformat())
    assert figures(a_week) == (5, 1)


def test_the_zone_of_the_calendar_decides_not_that_of_the_report(a_week):
    adopt(a_week, timezone="Europe/Paris")
    use(a_week, "sales", calendar="public")
    assert figures(a_week, timezone="America/New_York") == (5, 3)
    assert figures(a_week, hours="open", from_=at(0, 8), to=at(0, 9)) == (1, 0)


def test_explaining_what_was_out_of_hours_lists_those_calls(a_week):
    adopt(a_week)
    use(a_week, "sales", calendar="public")
    asked = {"queue": "sales", "interval_start": MONDAY, "interval": "total", "to": WEEK["to"]}
    explained = a_week.ask("Explain", **asked, measure="out_of_hours")
    assert (explained["value"], len(explained["items"])) == (3, 3)
    assert a_week.ask("Explain", **asked, measure="answered", hours="open")["value"] == 2


def test_hours_are_judged_as_well_where_it_is_asked_what_was_known(a_week):
    adopt(a_week)
    use(a_week, "sales", calendar="public")
    a_week.follow()
    (known_at,) = a_week.connection.execute("SELECT max(recorded_at) FROM store.events").fetchone()
    assert figures(a_week, as_known_at=known_at, hours="closed") == (3, 3)


# Groups


def grouped(calls: RunningCalls, group_by: str, *names: str, **asked: Any) -> list[tuple[Any, ...]]:
    rows = calls.ask("ServiceLevelOf", **{**WEEK, "group_by": group_by, **asked})["items"]
    return [tuple(row[name] for name in (group_by, *names)) for row in rows]


def test_a_client_is_the_sum_of_its_queues_each_judged_by_its_own_policy(calls):
    strict = {"effective_from": EVER, "threshold_seconds": 4}
    use(calls, "sales", client="acme")
    use(calls, "care", client="acme", service_level=strict)
    use(calls, "other", client="zenith")
    for n in range(3):
        waited(calls, at(n, 9), "sales", campaign="winter")
        waited(calls, at(n, 9), "other")
    waited(calls, at(0, 9), "care", campaign="winter")
    waited(calls, at(0, 9), "nobody's")
    counts = ("offered", "answered_within", "service_level", "queue")
    assert grouped(calls, "client", *counts) == [
        ("acme", 4, 3, 0.75, None),
        ("zenith", 3, 3, 1, None),
        (None, 1, 1, 1, None),
    ]
    assert grouped(calls, "campaign", "offered") == [("winter", 4), (None, 4)]
    assert grouped(calls, "client", "offered", queue="care") == [("acme", 1)]
    instant = now(calls)
    waited(calls, at(4, 9), "other", campaign="winter")
    passed(calls, instant)
    assert grouped(calls, "campaign", "offered", as_known_at=instant) == [("winter", 4), (None, 4)]
    assert grouped(calls, "queue", "client")[0] == ("care", None)


def test_a_figure_of_a_client_or_a_campaign_is_explained(calls):
    use(calls, "sales", client="acme", timezone="Europe/Paris")
    use(calls, "care", client="acme")
    waited(calls, at(0, 9), "sales", campaign="winter")
    waited(calls, at(1, 9), "care", campaign="winter")
    waited(calls, at(1, 9), "other", campaign="winter")
    asked = {"interval_start": MONDAY, "interval": "total", "to": WEEK["to"], "measure": "answered"}
    values = [calls.ask("Explain", **asked, **named) for named in ({"client": "acme"}, {"campaign": "winter"})]
    assert [(each["value"], len(each["items"])) for each in values] == [(2, 2), (3, 3)]
    assert calls.ask("Explain", **asked, campaign="winter", queue="care")["value"] == 1
    assert calls.ask("Explain", Actor("key", client="acme"), **asked, campaign="winter")["value"] == 2
    assert calls.refusal("Explain", **asked) == ("calls.report.nothing_named", 422)
    assert calls.refusal("Explain", **asked, client="nobody") == ("request.not_found", 404)
    day = {**asked, "interval": "P1D", "client": "acme"}
    assert calls.refusal("Explain", **day) == ("calls.report.zones_differ", 422)
    assert calls.ask("Explain", **day, timezone="UTC")["value"] == 1
    instant = now(calls)
    waited(calls, at(4, 9), "other", campaign="winter")
    passed(calls, instant)
    known = calls.ask("Explain", **asked, campaign="winter", as_known_at=instant)
    assert (known["value"], len(known["items"])) == (3, 3)


# What a client may see


def test_a_client_sees_nothing_of_agents_unless_its_settings_say_so(calls):
    use(calls, "sales", client="acme")
    adopt(calls)
    acme = Actor("key", client="acme")
    waited(calls, at(0, 9), "sales")
    waited(calls, at(0, 9), "care")
    calls.take(call_fact(f"sales {at(0, 9)}", "transferred", at(0, 9, 5), {"to_agent": "a-2", "to_queue": "care"}))

    def seen() -> str:
        (call,) = calls.ask("Calls", acme)["items"]
        return str([call, calls.ask("CallOf", acme, id=call["id"]), calls.ask("FactsOfCall", acme, id=call["id"])])

    assert not {"a-1", "a-2", "care"} & {name for name in ("a-1", "a-2", "care") if f"'{name}'" in seen()}
    assert calls.refusal("Calls", acme, agent="a-1") == ("calls.agents_hidden", 403)
    assert calls.refusal("HoursOf", acme, calendar="public", from_=at(0, 0), to=at(1, 0)) == ("request.not_found", 404)
    calls.configure("ConfigureClient", "acme", {"name": "Acme", "sees_agents": True})
    calls.follow()
    assert "'a-1'" in seen()
    assert "'a-2'" in seen()
    assert "'care'" not in seen()
