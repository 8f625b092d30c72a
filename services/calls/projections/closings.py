"""Hours of queues that are over and may have moved, until the policy behind the projection has seen to it.

The hour of now is not marked: the policy comes to it by itself once it is over. So live traffic marks next to nothing.
"""

import time
from collections.abc import Iterable, Mapping
from uuid import UUID

from services.calls.domain.fold import Call
from services.calls.domain.intervals import GRACE, HOUR, Cause, QueueHour
from services.calls.domain.reaper import CallClosedByInference
from services.kernel.copying import copy_rows
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import event_type
from services.kernel.store import StoredEvent

# `hours_closed` has the first hour that the policy has yet to come to: at first the one before that in which the
# generation began, so that clocks need not agree to the second.
TABLES = """
CREATE TABLE interval_marks (
    mark bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL, hour integer NOT NULL, causes text NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE hours_closed AS SELECT floor(extract(epoch FROM now()) / 3600)::integer - 1 AS next;
"""
VISITED = """SELECT call, queue, floor(extract(epoch FROM entered_at) / 3600)::integer FROM visits
    WHERE call = ANY(%s::uuid[])"""

CLOSING = event_type(CallClosedByInference)
Marks = dict[QueueHour, set[str]]


def hours_of(call: Call) -> frozenset[QueueHour]:
    """Where the visits of a call count."""
    return frozenset([(visit.queue, visit.entered_at // HOUR) for visit in call.visits])


def hours_before(calls: Iterable[UUID], db: Cursor) -> Mapping[UUID, frozenset[QueueHour]]:
    """Where the visits of calls count that are in the tables now."""
    found: dict[UUID, set[QueueHour]] = {}
    for call, queue, hour in db.execute(VISITED, (uuid_array(calls),)):
        found.setdefault(call, set()).add((queue, hour))
    return {call: frozenset(hours) for call, hours in found.items()}


def hour_of_now() -> int:
    """The hour since 1970 that runs now."""
    return int(time.time() // 3600)


def causes_told(events: Iterable[StoredEvent]) -> set[Cause]:
    """Why figures of a past hour move with these events of a call."""
    causes: set[Cause] = set()
    for event in events:
        if event.type == CLOSING:
            causes.add("inference")
        elif event.type in ("call.excluded", "call.included"):
            causes.add("exclusion")
        elif "record_version" in event.data:
            causes.add("correction")
        else:
            causes.add("late_fact" if event.recorded_at - event.occurred_at > GRACE else "open_call")
    return causes


def mark(marks: Marks, db: Cursor) -> None:
    """Keeps which hours of which queues may have moved, and why."""
    rows = [(queue, hour, " ".join(sorted(causes))) for (queue, hour), causes in marks.items()]
    copy_rows(db, "interval_marks", ("queue", "hour", "causes"), rows)
