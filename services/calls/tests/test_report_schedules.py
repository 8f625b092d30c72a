"""Report schedules: what may be scheduled, when it is due by the clock of its zone, and that it is told of once."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.calls.domain.report_schedules import Cadence, last_due
from services.calls.report_policies import tell_of_due_reports
from services.kernel.values import Actor

PARIS = ZoneInfo("Europe/Paris")
MANAGER = Actor("manager", scopes=frozenset({"reports:read"}))
CLIENT = Actor("acme-key", client="acme", scopes=frozenset({"reports:read"}))
KEY = str(UUID(int=1))
DAILY = {"name": "Yesterday", "report": "service-level", "cadence": {"every": "day", "timezone": "Europe/Paris"}}
TOLD = "SELECT data FROM store.events WHERE type = 'report_due' ORDER BY transaction_id, position"


def here(text):
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("cadence", "now", "at", "begin", "end"),
    [
        (Cadence("day", timezone=PARIS), "11-18T07:00", "11-18T07:00", "11-17", "11-18"),
        (Cadence("day", timezone=PARIS), "11-18T06:59", "11-17T07:00", "11-16", "11-17"),
        (Cadence("week", weekday="tue", timezone=PARIS), "11-16T12:00", "11-10T07:00", "11-02", "11-09"),
        (Cadence("month", day_of_month=3, timezone=PARIS), "11-18T12:00", "11-03T07:00", "10-01", "11-01"),
        (Cadence("day", "02:30", timezone=PARIS), "03-29T12:00", "03-29T03:30", "03-28", "03-29"),
        (Cadence("day", "02:30", timezone=PARIS), "10-25T12:00", "10-25T02:30", "10-24", "10-25"),
    ],
)
def test_a_cadence_is_due_by_the_clock_for_the_period_that_is_over(cadence, now, at, begin, end):
    due = last_due(cadence, here(f"2026-{now}"))
    assert due.at == here(f"2026-{at}")
    assert (due.begin, due.end) == (here(f"2026-{begin}T00:00"), here(f"2026-{end}T00:00"))


@given(
    at=st.sampled_from(["00:00", "02:00", "02:30", "03:00", "07:00", "23:59"]),
    zone=st.sampled_from(["Europe/Paris", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe"]),
    begin=st.dates(date(2024, 1, 1), date(2026, 1, 1)),
)
def test_each_day_is_due_exactly_once_whatever_the_clocks_do(at, zone, begin):
    cadence, start = (
        Cadence("day", at, timezone=ZoneInfo(zone)),
        datetime(begin.year, begin.month, begin.day, tzinfo=UTC),
    )
    quarters = [start + timedelta(minutes=15 * n) for n in range(4 * 24 * 10)]
    seen = [last_due(cadence, now) for now in quarters]
    days = list(dict.fromkeys(due.day for due in seen))
    assert {after - before for before, after in pairwise(days)} == {timedelta(days=1)}
    assert len({due.at for due in seen}) == len(days)
    assert all(due.at <= now for due, now in zip(seen, quarters, strict=True))


@pytest.mark.parametrize(
    ("unfit", "pointer"),
    [
        ({"report": "weather"}, "/report"),
        ({"parameters": {"colour": "blue"}}, "/parameters/colour"),
        ({"parameters": {"interval": "PT7M"}}, "/parameters/interval"),
        ({"parameters": {"from": "2026-11-01T00:00:00Z"}}, "/parameters/from"),
        ({"client": "globex"}, "/client"),
    ],
)
def test_what_could_never_be_sent_is_refused_with_the_place(calls, unfit, pointer):
    refused = calls.execute("SetReportSchedule", KEY, {**DAILY, **unfit}, by=CLIENT)["refused"]
    assert (refused["status"], [fault["pointer"] for fault in refused["errors"]]) == (422, [pointer])


def test_who_may_not_see_a_report_does_not_schedule_it(calls):
    refused = calls.execute("SetReportSchedule", KEY, DAILY, by=Actor("tool"))["refused"]
    assert refused["code"] == "calls.report_schedule.report_unknown"


def test_a_due_time_is_told_of_once_and_after_a_stop_the_last_one_alone(calls):
    calls.order("SetReportSchedule", KEY, {**DAILY, "emails": ["a@example.org"]}, by=CLIENT)
    calls.follow()
    today = datetime.now(PARIS).replace(hour=7, minute=0, second=0, microsecond=0)

    def tell(**later):
        told = tell_of_due_reports(calls.connection, today + timedelta(**later))
        calls.follow()
        return told

    assert tell(days=-3) == 0  # it was not set yet
    assert [tell(days=2), tell(days=2, minutes=1), tell(days=5, hours=9), tell(days=4)] == [1, 0, 1, 0]
    calls.order("PauseReportSchedule", KEY, {})
    assert tell(days=6) == 1  # the read model has yet to hear of it
    assert tell(days=8) == 0
    told = [data for (data,) in calls.connection.execute(TOLD)]
    assert [set(data) for data in told] == [{"schedule", "report", "format", "due_at", "from", "to", "file"}] * 3
    assert [data["file"] for data in told] == [f"/v1/report-schedules/{KEY}/files/{data['due_at']}" for data in told]
    ends = [datetime.fromisoformat(data["to"]).astimezone(PARIS) for data in told]
    midnight = today.replace(hour=0)
    assert ends == [midnight + timedelta(days=days) for days in (2, 5, 6)]


def test_a_file_shows_what_its_owner_sees_and_others_do_not_see_the_schedule(calls):
    calls.order("SetReportSchedule", KEY, {**DAILY, "emails": ["a@example.org"]}, by=CLIENT)
    limited = Actor("tool", queues=frozenset({"sales"}), scopes=frozenset({"reports:read"}))
    calls.order("SetReportSchedule", str(UUID(int=2)), {**DAILY, "parameters": {"queue": "sales"}}, by=limited)
    calls.order("SetReportSchedule", str(UUID(int=3)), {**DAILY, "client": "globex"}, by=MANAGER)
    calls.follow()

    def seen(actor):
        return [UUID(each["id"]).int for each in calls.ask("ReportSchedules", actor)["items"]]

    assert [seen(actor) for actor in (MANAGER, CLIENT, limited, Actor("x", client="initech"))] == [
        [1, 2, 3],
        [1],
        [2],
        [],
    ]
    assert calls.query("ReportScheduleOf", limited, key=KEY)["refused"]["status"] == 404
    assert calls.query("ReportScheduleOf", Actor("x", client="initech"), key=KEY)["refused"]["status"] == 404
    assert calls.execute("ReviseReportSchedule", KEY, DAILY, by=limited)["refused"]["status"] == 404
    due_at = datetime.now(PARIS).replace(hour=7, minute=0, second=0, microsecond=0) + timedelta(days=1)
    tell_of_due_reports(calls.connection, due_at)
    asked = [{"schedule": str(UUID(int=number)), "due_at": due_at.isoformat()} for number in (1, 2, 3)]
    sent = [calls.ask("ScheduledReportOf", **each) for each in asked]
    assert [(each["client"], each["queues"]) for each in sent] == [("acme", None), (None, ["sales"]), ("globex", None)]
    assert (sent[0]["use_case"], sent[0]["emails"]) == ("ServiceLevelOf", ["a@example.org"])
    assert sent[1]["parameters"]["queue"] == "sales"
    assert "emails" not in calls.ask("ReportSchedules")["items"][0]


def test_a_file_is_of_what_was_scheduled_when_it_was_due_and_goes_to_whom_the_schedule_names_now(calls):
    calls.order("SetReportSchedule", KEY, {**DAILY, "client": "acme", "emails": ["a@example.org"]}, by=MANAGER)
    calls.follow()
    due_at = datetime.now(PARIS).replace(hour=7, minute=0, second=0, microsecond=0) + timedelta(days=1)
    asked = {"schedule": KEY, "due_at": due_at.isoformat()}
    assert calls.query("ScheduledReportOf", **asked)["refused"]["status"] == 404, "it is not due yet"
    tell_of_due_reports(calls.connection, due_at)
    other = {**DAILY, "client": "globex", "report": "dispositions", "emails": ["b@example.org"]}
    calls.order("ReviseReportSchedule", KEY, other, by=MANAGER, expected_version=1)
    sent = calls.ask("ScheduledReportOf", **asked)
    assert (sent["client"], sent["use_case"], sent["emails"]) == ("acme", "ServiceLevelOf", ["b@example.org"])
    midnight = due_at.replace(hour=0).astimezone(UTC)
    assert datetime.fromisoformat(sent["parameters"]["to"]) == midnight
    calls.order("PauseReportSchedule", KEY, {})
    assert calls.ask("ScheduledReportOf", **asked)["emails"] == []
