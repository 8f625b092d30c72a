"""Intervals of a report in a time zone, where a day can have 23 or 25 hours."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.calls.queries import Interval

STEPS: dict[str, timedelta] = {
    "PT15M": timedelta(minutes=15),
    "PT30M": timedelta(minutes=30),
    "PT1H": timedelta(hours=1),
}


def floor(instant: datetime, interval: Interval, zone: ZoneInfo) -> datetime:
    """The start, in UTC, of the interval that holds an instant. (`total` has one start, which the question gives.)"""
    local = instant.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    match interval:
        case "P1D":
            start = midnight
        case "P1W":
            start = midnight - timedelta(days=local.weekday())
        case "P1M":
            start = midnight.replace(day=1)
        case _:
            # Within a day the elapsed part is taken off the instant itself: an hour that comes twice stays two hours.
            passed = (local.replace(tzinfo=None) - datetime(2000, 1, 1)) % STEPS[interval]  # noqa: DTZ001 - local time
            return instant.astimezone(UTC) - passed
    return start.astimezone(UTC)


def following(start: datetime, interval: Interval, zone: ZoneInfo) -> datetime:
    """The start of the interval after the one that starts there."""
    if interval in STEPS:
        return start + STEPS[interval]
    local = start.astimezone(zone)
    match interval:
        case "P1D":
            after = local + timedelta(days=1)
        case "P1W":
            after = local + timedelta(days=7)
        case _:
            after = (local.replace(day=1) + timedelta(days=32)).replace(day=1)
    return after.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)


def starts(begin: datetime, end: datetime, interval: Interval, zone: ZoneInfo) -> Iterator[datetime]:
    """The starts of all intervals that the half-open range touches."""
    if interval == "total":
        yield begin
        return
    start = floor(begin, interval, zone)
    while start < end:
        yield start
        start = following(start, interval, zone)


def _sql_day(unit: str) -> str:
    """The first instant of a day, week or month; where its midnight comes twice, PostgreSQL alone takes the second."""
    local = f"date_trunc('{unit}', entered_at AT TIME ZONE zone)"
    return f"""CASE WHEN ({local} AT TIME ZONE zone - interval '1 hour') AT TIME ZONE zone = {local}
        THEN {local} AT TIME ZONE zone - interval '1 hour' ELSE {local} AT TIME ZONE zone END"""


# The same floor in SQL, on the columns `entered_at` and `zone`.
SQL_START = {
    name: f"""entered_at - (entered_at AT TIME ZONE zone
        - date_bin('{step.seconds} seconds', entered_at AT TIME ZONE zone, timestamp '2000-01-01'))"""
    for name, step in STEPS.items()
} | {
    "P1D": _sql_day("day"),
    "P1W": _sql_day("week"),
    "P1M": _sql_day("month"),
    "total": "%(from)s::timestamptz",
}
