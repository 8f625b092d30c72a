"""Periods: the days, weeks and months of a zone, whole ones, and single spans of days.

Days are wall-clock days of the zone: one can have 23 or 25 hours. Where midnight does not come, a day begins at the
first instant that it has; where it comes twice, at the first of the two.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from services.kernel.decider import values
from services.kernel.values import Range

Every = Literal["day", "week", "month", "once"]
# Far enough for any real period, near enough for the end of the last one still to be a day.
Day = Annotated[date, Range(date(2000, 1, 1), date(2999, 12, 31))]

NEVER = datetime.max.replace(tzinfo=UTC)


@values
class Recurrence:
    """Each whole day, week (from Monday) or month, or `once` the days from the first to the last, in a zone.

    The first period is the one that holds `first_day`, the last that which holds `last_day` (none: it goes on).
    """

    every: Every
    first_day: Day | None = None
    last_day: Day | None = None
    timezone: ZoneInfo = ZoneInfo("UTC")


@dataclass(frozen=True)
class Period:
    """One of them: its first day, and its two ends, half-open."""

    first_day: date
    begin: datetime
    end: datetime

    def elapsed(self, now: datetime) -> float:
        """How much of its time is over, from 0 to 1."""
        return min(max((now - self.begin) / (self.end - self.begin), 0.0), 1.0)


def today(now: datetime, zone: ZoneInfo) -> date:
    """The day that it is in a zone."""
    return now.astimezone(zone).date()


def floor(recurrence: Recurrence, day: date) -> date:
    """The first day of the period that holds a day; of a single span always its own."""
    match recurrence.every:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "once":
            return recurrence.first_day or day


def following(recurrence: Recurrence, first: date) -> date:
    """The day after the period that begins with that day."""
    match recurrence.every:
        case "day":
            return first + timedelta(days=1)
        case "week":
            return first + timedelta(days=7)
        case "month":
            return (first + timedelta(days=31)).replace(day=1)
        case "once":
            return (recurrence.last_day or first) + timedelta(days=1)


def holding(recurrence: Recurrence, day: date) -> Period:
    """The period that holds a day, or the nearest one where none does: the first, or the last."""
    day = max(day, recurrence.first_day or day)
    first = floor(recurrence, min(day, recurrence.last_day or day))
    zone = recurrence.timezone
    return Period(first, midnight(first, zone), midnight(following(recurrence, first), zone))


def periods(recurrence: Recurrence, after: date | None, until: datetime) -> Iterator[Period]:
    """The periods that are over by an instant, behind the one that begins with a day (None: from the first on)."""
    first = floor(recurrence, recurrence.first_day or date.min) if after is None else following(recurrence, after)
    last = recurrence.last_day and floor(recurrence, recurrence.last_day)
    while last is None or first <= last:
        period = holding(recurrence, first)
        if period.end > until:
            return
        yield period
        first = following(recurrence, first)


def midnight(day: date, zone: ZoneInfo, at: time = time()) -> datetime:
    """The instant of a wall-clock time, which is midnight if not said otherwise; the first where it comes twice."""
    return datetime.combine(day, at, zone).astimezone(UTC)
