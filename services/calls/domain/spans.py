"""Spans of time, half-open, as sets: joined, cut out of one another, and cut to a range."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Span = tuple[datetime, datetime]


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same time in as few spans as can be, in order; empty ones are left out."""
    result: list[Span] = []
    for begin, end in sorted(spans):
        if begin >= end:
            continue
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((begin, end))
    return result


def without(spans: Iterable[Span], gone: Iterable[Span]) -> list[Span]:
    """The time of the first that is not in the others; both are joined first."""
    left = joined(spans)
    for begin, end in joined(gone):
        left = [
            part
            for since, until in left
            for part in ((since, min(until, begin)), (max(since, end), until))
            if part[0] < part[1]
        ]
    return left


def within(spans: Iterable[Span], begin: datetime, end: datetime) -> list[Span]:
    """What of the spans lies in a range."""
    return [(max(since, begin), min(until, end)) for since, until in spans if since < end and until > begin]


def instant(day: date, clock: time, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """When the clocks of a zone show that time of that day, in UTC: where they show it twice, first or `last`.

    Where they never show it, the instant at which they jump over it.
    """
    wall = datetime.combine(day, clock)
    shown = wall.replace(tzinfo=zone, fold=last).astimezone(UTC)
    if shown.astimezone(zone).replace(tzinfo=None) == wall:
        return shown
    before, after = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    return (after + timedelta(seconds=0.5)).replace(microsecond=0)
