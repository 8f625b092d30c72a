"""Figures as they were known at a past instant: the visits that everything recorded by then tells of.

The visits that come of the facts known then stand in for those of now, so that the same SQL counts them. Policies apply
by their own dates.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.calls.projections.calls import CallFigures
from services.calls.projections.stories import OF_CALLS
from services.calls.reports.judged_visits import queues_seen
from services.calls.reports.then import Then, stand_in
from services.calls.reports.visibility import queues_open_to
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import UNAPPLIED
from services.kernel.values import Actor

FORMER_QUEUES = "SELECT DISTINCT queue FROM former_entries"
# Every call that can have had a visit to the queues in the range by what was known then: it has one now in the same
# hour, or its former entries name that hour, or the read model has yet to apply a fact of it. Entries lie elsewhere by
# as much as the offset of a clock is another one now.
CANDIDATES = f"""
    WITH moved AS (
        SELECT coalesce(clock_offset_us, 0) - coalesce(formerly.offset_us, 0) AS shift FROM sources
        FULL JOIN unnest(%(sources)s::text[], %(offsets)s::bigint[]) AS formerly(source, offset_us) USING (source)
    ), span AS (
        SELECT date_trunc('hour', %(begin)s::timestamptz + least(0, min(shift)) * interval '1 microsecond') AS begins,
            date_trunc('hour', %(end)s::timestamptz + greatest(0, max(shift)) * interval '1 microsecond')
                + interval '1 hour' AS ends
        FROM moved
    )
    SELECT call FROM visits, span WHERE queue = ANY(%(queues)s) AND NOT excluded
        AND entered_at >= begins AND entered_at < ends
    UNION SELECT call FROM former_entries, span WHERE queue = ANY(%(queues)s)
        AND hour >= extract(epoch FROM begins) / 3600 AND hour < extract(epoch FROM ends) / 3600
    UNION SELECT stream_id FROM {UNAPPLIED} WHERE recorded_at <= %(known_at)s AND type = ANY(%(of_calls)s)
    LIMIT %(limit)s"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Past:
    """Visits to a queue (None: any that the actor may see) that entered in a half-open range, as known then.

    `of_campaigns`: the campaigns of their calls are asked for too.
    """

    queue: str | None
    begin: datetime
    end: datetime
    known_at: datetime
    of_campaigns: bool = False


def recall(db: Cursor, actor: Actor, past: Past) -> Rejected | None:
    """Until the end of the transaction, lets `visits` (and `calls`) be those of the past; or says why it cannot.

    There may be others among them, which are not complete.
    """
    then = Then.of(db, past.known_at)
    if isinstance(then, Rejected):
        return then
    calls = _candidates(db, actor, past, then)
    narrower = "a shorter range, or for one queue" if past.queue is None else "a shorter range"
    if refused := then.too_many(db, calls, narrower):
        return refused
    stand_in(db, then.folded(db, calls, ["visits", "calls"] if past.of_campaigns else ["visits"]))
    return None


def _candidates(db: Cursor, actor: Actor, past: Past, then: Then) -> list[UUID]:
    queues = set(queues_seen(db, actor, past.queue))
    if past.queue is None:
        seen = queues_open_to(db, actor)
        queues |= {name for (name,) in db.execute(FORMER_QUEUES) if seen is None or name in seen}
        queues |= seen or set()
    # Whatever the outside name of a queue means now: the call has a visit under it, or a former entry.
    parameters = {
        "sources": list(then.offsets),
        "offsets": list(then.offsets.values()),
        "queues": list(then.outsides("queue", queues)),
        "begin": past.begin,
        "end": past.end,
        "known_at": past.known_at,
        "model": CallFigures.name,
        "of_calls": list(OF_CALLS),
        "limit": then.most_facts + 1,
    }
    return [call for (call,) in db.execute(CANDIDATES, parameters)]
