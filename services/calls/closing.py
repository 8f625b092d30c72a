"""Tells of the hours of queues that are over, and again whenever their figures move afterwards."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid5

from services.calls.domain.intervals import (
    FigureCorrected,
    IntervalClosed,
    IntervalFigures,
    QueueHour,
    first_open_hour,
    interval_stream,
    told,
)
from services.calls.reports.judged_visits import QUEUES
from services.kernel import schemas, store
from services.kernel.answers import encode
from services.kernel.database import Connection, Cursor, uuid_array
from services.kernel.decider import changed, event_type
from services.kernel.projections import READ_VIEWS
from services.kernel.store import Head, NewEvent
from services.kernel.values import seconds

AT_ONCE = 2_000  # marks
SETTLED = timedelta(seconds=2)  # what comes late comes in numbers: one correction for all of it

# Not there: the read model is being built for the first time. Not granted: another process is at it.
READY: LiteralString = """SELECT to_regclass('read.interval_marks') IS NOT NULL
    AND pg_try_advisory_xact_lock(hashtext('interval marks'))"""
CLOSED = "SELECT next FROM hours_closed"
CLOSE = "UPDATE hours_closed SET next = %s"
# Every queue that somebody entered in these hours.
ENTERED = f"""INSERT INTO interval_marks (queue, hour, causes, marked_at)
    SELECT queues.queue, hour, '', '-infinity' FROM ({QUEUES}) AS queues
    CROSS JOIN generate_series(%(begin)s::int, %(end)s::int - 1) AS hour
    WHERE EXISTS (SELECT FROM visits WHERE visits.queue = queues.queue AND NOT excluded
        AND entered_at >= to_timestamp(hour::bigint * 3600) AND entered_at < to_timestamp((hour::bigint + 1) * 3600))
    """  # noqa: S608 - constants
MARKS = """SELECT mark, queue, hour, causes FROM interval_marks
    WHERE marked_at <= %s AND hour < %s ORDER BY mark LIMIT %s"""
SEEN_TO = "DELETE FROM interval_marks WHERE mark = ANY(%s)"
TOLD = """SELECT wanted.stream_id, last.version, last.transaction_id::text::bigint, last.type, last.data
    FROM unnest(%s::uuid[]) AS wanted(stream_id)
    CROSS JOIN LATERAL (SELECT version, transaction_id, type, data FROM store.events
        WHERE events.stream_id = wanted.stream_id ORDER BY version DESC LIMIT 1) AS last"""
FIGURES = """
    SELECT wanted.queue, wanted.hour, outcome, reason, count(*), coalesce(sum(wait_ms), 0)::bigint,
        sum(handled)::int, sum(pending)::int, sum(talk_ms)::bigint, sum(hold_ms)::bigint, sum(wrapup_ms)::bigint
    FROM unnest(%s::text[], %s::int[]) AS wanted(queue, hour)
    JOIN visits ON visits.queue = wanted.queue AND NOT excluded
        AND entered_at >= to_timestamp(wanted.hour::bigint * 3600)
        AND entered_at < to_timestamp((wanted.hour::bigint + 1) * 3600)
    GROUP BY wanted.queue, wanted.hour, outcome, reason"""


def tell_of_intervals(connection: Connection, now: datetime) -> int:
    """Appends `interval_closed` for each hour of a queue that is over, `figure_corrected` where one has moved since.

    What was told last is compared, so that nothing is told twice, whatever was repeated or rebuilt. Returns how many.
    """
    _close_hours(connection, first_open_hour(now))
    count = 0
    while (more := _tell_of_next(connection, now)) is not None:
        count += more
    return count


def _ready(db: Cursor) -> bool:
    db.execute(READ_VIEWS)
    return db.execute(READY).fetchone() == (True,)


def _close_hours(connection: Connection, until: int) -> None:
    """Marks whatever was entered in the hours that are over now."""
    with connection.transaction(), connection.cursor() as db:
        if not _ready(db):
            return
        (begin,) = db.execute(CLOSED).fetchone() or (until,)
        if begin < until:
            db.execute(ENTERED, {"begin": begin, "end": until})
            db.execute(CLOSE, (until,))


def _tell_of_next(connection: Connection, now: datetime) -> int | None:
    with connection.transaction(), connection.cursor() as db:
        if not _ready(db):
            return None
        marks = db.execute(MARKS, (now - SETTLED, first_open_hour(now), AT_ONCE)).fetchall()
        if not marks:
            return None
        causes: dict[QueueHour, set[str]] = {}
        for _, queue, hour, why in marks:
            causes.setdefault((queue, hour), set()).update(why.split())
        new, heads = _changes(db, causes, now)
        if new:
            store.append(db, new, heads)
        db.execute(SEEN_TO, ([mark for mark, *_ in marks],))
        return len(new)


def _changes(
    db: Cursor, causes: Mapping[QueueHour, set[str]], now: datetime
) -> tuple[list[NewEvent], dict[UUID, Head]]:
    """What is to be told of these hours, and the heads of their streams."""
    streams = {each: interval_stream(*each) for each in causes}
    last = {stream: rest for stream, *rest in db.execute(TOLD, (uuid_array(streams.values()),))}
    figures = _figures(db, list(causes))
    new, heads = [], {}
    for each, stream in streams.items():
        version, transaction_id, type_, data = last.get(stream, (0, 0, "", {}))
        before = _figures_told(type_, data) if version else None
        change = told(*each, before, figures.get(each, IntervalFigures()), causes[each])
        if change is not None:
            heads[stream] = Head(version, transaction_id)
            event_id = uuid5(stream, f"revision {version + 1}")
            new.append(NewEvent(stream, event_id, event_type(change), encode(change), now))
    return new, heads


def _figures_told(type_: str, data: dict[str, Any]) -> IntervalFigures:
    if type_ == event_type(IntervalClosed):
        closed: IntervalClosed = schemas.revive(IntervalClosed, data)
        return closed.figures
    corrected: FigureCorrected = schemas.revive(FigureCorrected, data)
    return corrected.after


def _figures(db: Cursor, hours: Sequence[QueueHour]) -> dict[QueueHour, IntervalFigures]:
    """What the visits come to that entered in these hours of queues."""
    sums: dict[QueueHour, dict[str, int]] = {}
    reasons: dict[QueueHour, dict[str, int]] = {}
    asked = ([queue for queue, _ in hours], [hour for _, hour in hours])
    for queue, hour, outcome, reason, count, wait, handled, pending, *durations in db.execute(FIGURES, asked):
        row = sums.setdefault((queue, hour), dict.fromkeys((*COUNTED, *SUMMED), 0))
        why = reasons.setdefault((queue, hour), {})
        row["offered"] += count
        row[outcome] += count
        if outcome == "answered":
            row["wait_seconds"] += wait
        if reason is not None:
            why[reason] = why.get(reason, 0) + count
        for name, more in zip(LEGS, (handled, pending, *durations), strict=True):
            row[name] += more
    return {
        each: changed(
            IntervalFigures(left_by_reason=dict(sorted(reasons[each].items()))),
            **{name: seconds(value) if name in SUMMED else value for name, value in row.items()},
        )
        for each, row in sums.items()
    }


COUNTED = ("offered", "answered", "abandoned", "overflowed", "in_progress", "handled", "pending")
SUMMED = ("wait_seconds", "talk_seconds", "hold_seconds", "wrapup_seconds")
LEGS = ("handled", "pending", "talk_seconds", "hold_seconds", "wrapup_seconds")
