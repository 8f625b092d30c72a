"""What the calls service does of itself: closes the calls whose end never came."""

from datetime import datetime
from uuid import UUID, uuid5

import structlog

from services.calls.domain.reaper import CallClosedByInference
from services.kernel import schemas, store
from services.kernel.database import Connection
from services.kernel.decider import event_type
from services.kernel.following import WAKE
from services.kernel.store import Conflict, NewEvent

log = structlog.get_logger()

AT_ONCE = 500

# Stale: open, and silent for long both by the source's clock and by ours, so that a history being imported is not.
SILENCE = "make_interval(secs => coalesce(stale_after_seconds, 14400))"
STALE = f"""
    SELECT calls.id, last.facts FROM read.calls LEFT JOIN read.sources USING (source)
    CROSS JOIN LATERAL (
        SELECT count(*) AS facts, max(recorded_at) AS recorded_at,
            max(occurred_at) + coalesce(clock_offset_us, 0) * interval '1 microsecond' AS occurred_at
        FROM store.events WHERE stream_id = calls.id AND type <> %(closing)s
    ) AS last
    WHERE state <> 'ended' AND greatest(last.occurred_at, last.recorded_at) < %(now)s - {SILENCE}
    ORDER BY calls.id LIMIT %(limit)s"""  # noqa: S608 - constants


def close_stale(connection: Connection, now: datetime) -> int:
    """Closes the calls that have been silent for longer than their source allows; returns how many.

    The closing says how many facts were known: any fact that comes later undoes it (see the fold).
    """
    with connection.cursor() as db:
        stale = db.execute(
            STALE, {"now": now, "limit": AT_ONCE, "closing": event_type(CallClosedByInference)}
        ).fetchall()
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
