"""How long a range a report takes, and where the interval ends that an explanation is of."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.calls.queries import Explain
from services.calls.reports.intervals import STEPS, following
from services.kernel.decider import Rejected

MOST_DAYS = 400


def backwards(begin: datetime | None, end: datetime | None) -> Rejected | None:
    """Why a range of a list cannot be meant, if so: it ends before it begins."""
    if begin and end and end < begin:
        return Rejected("calls.report.range_empty", "Give a `to` that is later than `from`.", 422, "/to")
    return None


def too_long(begin: datetime, end: datetime) -> Rejected | None:
    """Why a range cannot be reported on, if so."""
    if end <= begin:
        return Rejected("calls.report.range_empty", "Give a `to` that is later than `from`.", 422, "/to")
    if end - begin > timedelta(days=MOST_DAYS):
        return Rejected("calls.report.range_too_long", f"Ask for at most {MOST_DAYS} days.", 422, "/to")
    return None


def explained(asked: Explain, zones: set[ZoneInfo]) -> tuple[datetime, datetime] | Rejected:
    """The time of the interval that is explained, half-open, cut by `from` and `to` as those of the report cut it."""
    end = _end_of(asked, zones)
    if isinstance(end, Rejected):
        return end
    begin, end = max(asked.interval_start, asked.from_ or asked.interval_start), min(end, asked.to or end)
    return too_long(begin, end) or (begin, end)


def _end_of(asked: Explain, zones: set[ZoneInfo]) -> datetime | Rejected:
    """Where the interval ends."""
    if asked.interval == "total":
        missing = Rejected("calls.report.end_missing", "A total needs `to`, as the report had it.", 422, "/to")
        return asked.to or missing
    zone = asked.timezone or (zones.pop() if len(zones) == 1 else None)
    if zone is None and asked.interval not in STEPS:
        differ = "The days of its queues begin in different zones: ask report and explanation with a `timezone`."
        return Rejected("calls.report.zones_differ", differ, 422, "/timezone")
    return following(asked.interval_start, asked.interval, zone or ZoneInfo("UTC"))
