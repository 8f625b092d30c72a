"""What the calls service does of itself: closes the calls whose end never came, and tells of those that are over."""

from datetime import datetime
from uuid import UUID, uuid5

import structlog

from services.calls.domain.completion import CallCompleted
from services.calls.domain.reaper import CallClosedByInference
from services.calls.projections.stories import FACTS_OF_CALLS
from services.kernel import schemas, store
from services.kernel.database import Connection
from services.kernel.decider import event_type
from services.kernel.following import WAKE
from services.kernel.projections import READ_VIEWS
from services.kernel.store import Conflict, Head, NewEvent

log = structlog.get_logger()

AT_ONCE = 500

# Stale: open, and silent for long both by the source's clock and by ours, so that a history being imported is not.
SILENCE = "make_interval(secs => coalesce(stale_after_seconds, 14400))"
STALE = f"""
    SELECT calls.id, last.facts FROM read.calls LEFT JOIN read.sources USING (source)
    CROSS JOIN LATERAL (
        SELECT count(*) AS facts, max(recorded_at) AS recorded_at,
            max(occurred_at) + coalesce(clock_offset_us, 0) * interval '1 microsecond' AS occurred_at
        FROM store.events WHERE stream_id = calls.id AND type = ANY(%(facts)s)
    ) AS last
    WHERE state <> 'ended' AND greatest(last.occurred_at, last.recorded_at) < %(now)s - {SILENCE}
    ORDER BY calls.id LIMIT %(limit)s"""  # noqa: S608 - constants


def close_stale(connection: Connection, now: datetime) -> int:
    """Closes the calls that have been silent for longer than their source allows; returns how many.

    The closing says how many facts were known: any fact that comes later undoes it (see the fold).
    """
    with connection.cursor() as db:
        stale = db.execute(STALE, {"now": now, "limit": AT_ONCE, "facts": list(FACTS_OF_CALLS)}).fetchall()
    return sum(_close(connection, call, facts, now) for call, facts in stale)


def _close(connection: Connection, call: UUID, facts: int, now: datetime) -> bool:
    closed = CallClosedByInference(known_facts=facts)
    event_id = uuid5(call, f"closed after {facts} facts")
    closing = NewEvent(call, event_id, event_type(closed), schemas.dump(closed), now)
    try:
        with connection.transaction(), connection.cursor() as db:
            store.append(db, [closing], store.heads(db, [call]))
    except Conflict:
        # A fact came first, or another process closed it: the next round sees what there is.
        return False
    connection.execute(WAKE)
    log.info("call closed by inference", call=str(call), reason="stale")
    return True


# Not there: the read model is being built for the first time. Not granted: another process is at it.
READY = """SELECT to_regclass('read.completions') IS NOT NULL
    AND pg_try_advisory_xact_lock(hashtext('completions'))"""
MARKS = "SELECT max(mark) FROM (SELECT mark FROM read.completions ORDER BY mark LIMIT %s) AS oldest"
# The newest of each call, beside what was told of it last.
DUE = """
    SELECT due.stream, due.ended_at, due.body, told.version, told.transaction_id, due.body::jsonb = told.data
    FROM (
        SELECT DISTINCT ON (stream) stream, ended_at, body FROM read.completions WHERE mark <= %s
        ORDER BY stream, mark DESC
    ) AS due
    LEFT JOIN LATERAL (
        SELECT version, transaction_id::text::bigint AS transaction_id, data FROM store.events
        WHERE stream_id = due.stream ORDER BY version DESC LIMIT 1
    ) AS told ON true"""
SEEN_TO = "DELETE FROM read.completions WHERE mark <= %s"  # one process at a time writes them, in their order


def tell_of_completed(connection: Connection, _now: datetime) -> int:
    """Appends a revision of `call_completed` for each call that is over and was not told of so; returns how many.

    What was told last is compared, so that nothing is told twice, whatever was repeated or rebuilt.
    """
    told = 0
    while (count := _tell_of_next(connection)) is not None:
        told += count
    return told


def _tell_of_next(connection: Connection) -> int | None:
    with connection.transaction(), connection.cursor() as db:
        db.execute(READ_VIEWS)
        if db.execute(READY).fetchone() != (True,):
            return None
        (last,) = db.execute(MARKS, (AT_ONCE,)).fetchone() or (None,)
        if last is None:
            return None
        heads: dict[UUID, Head] = {}
        revisions = []
        for stream, ended_at, body, version, transaction_id, equal in db.execute(DUE, (last,)):
            if equal:
                continue
            if version is not None:
                heads[stream] = Head(version, transaction_id)
            event_id = uuid5(stream, f"revision {(version or 0) + 1}")
            revisions.append(NewEvent(stream, event_id, event_type(CallCompleted), body, ended_at))
        if revisions:
            store.append(db, revisions, heads)
        db.execute(SEEN_TO, (last,))
        return len(revisions)
