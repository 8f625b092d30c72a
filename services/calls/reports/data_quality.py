"""Data quality: doubts about what sources said, found when they are asked for, so that a correction ends them at once.

All of it is read off the calls that began in the time asked about: a week of a busy centre is some 300 000 facts, each
of which is looked at for lateness, skew and versions.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from services.calls.queries import DataQualityOf, DataQualityReport, DoubtCount, DoubtItem, DoubtList, DoubtsOf
from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import answers
from services.kernel.values import Actor

MOST = timedelta(days=7)

# Each finds (source, call, at, about, detail) among the `chosen` calls.
OF_NOTES: LiteralString = """
    SELECT source, id, started_at, id::text, NULL FROM chosen WHERE {kind} = ANY(string_to_array(notes, ' '))"""
OF_NAMES: LiteralString = """
    SELECT DISTINCT ON (chosen.source, named.name, chosen.id) chosen.source, chosen.id, named.at, named.name, NULL
    FROM chosen JOIN LATERAL ({named}) AS named(name, at) ON named.name IS NOT NULL
    WHERE EXISTS (SELECT FROM identities WHERE system = chosen.source AND kind = '{kind}')
        AND NOT EXISTS (SELECT FROM identities WHERE kind = '{kind}' AND internal_id = named.name)"""
FACTS: LiteralString = "chosen JOIN store.events AS event ON event.stream_id = chosen.id AND event.data ? 'id'"
DOUBTS: dict[str, str] = {
    "missing_end": """
    SELECT chosen.source, chosen.id, visits.entered_at, visits.id::text, 'visit'
    FROM chosen JOIN visits ON visits.call = chosen.id WHERE visits.reason = 'stale'
    UNION ALL SELECT chosen.source, chosen.id, legs.answered_at, legs.id::text, 'leg'
    FROM chosen JOIN legs ON legs.call = chosen.id WHERE legs.inferred""",
    "conflict": """
    SELECT chosen.source, chosen.id, conflict.recorded_at, event.data ->> 'id', event.type
    FROM chosen JOIN store.fact_conflicts AS conflict ON conflict.stream_id = chosen.id
        JOIN store.events AS event ON event.stream_id = conflict.stream_id AND event.event_id = conflict.event_id""",
    "skewed": f"""
    SELECT chosen.source, chosen.id, event.occurred_at, event.data ->> 'id', event.metadata ->> 'skewed'
    FROM {FACTS} WHERE event.metadata ? 'skewed'""",  # noqa: S608 - constants
    "late": f"""
    SELECT chosen.source, chosen.id, event.occurred_at, event.data ->> 'id',
        round(extract(epoch FROM event.recorded_at - event.occurred_at))::text || ' s'
    FROM {FACTS} WHERE event.recorded_at - event.occurred_at > %(late)s""",  # noqa: S608 - constants
    "versions_differ": f"""
    SELECT source, id, min(occurred_at), record, string_agg(DISTINCT concat_ws(' ', queue, agent), ' / ') FROM (
        SELECT chosen.source, chosen.id, event.occurred_at, event.data ->> 'record' AS record,
            event.data ->> 'record_version' AS version, event.type, event.data ->> 'queue' AS queue,
            event.data ->> 'agent' AS agent, (event.data #>> '{{data,wait_seconds}}')::numeric AS wait,
            (event.data #>> '{{data,talk_seconds}}')::numeric AS talk
        FROM {FACTS} WHERE event.data ? 'record') AS versions
    GROUP BY source, id, record, type HAVING count(DISTINCT version) > 1 AND (
        count(DISTINCT queue) > 1 OR count(DISTINCT agent) > 1 OR max(wait) - min(wait) > 1
        OR max(talk) - min(talk) > 1)""",  # noqa: S608 - constants
    "unknown_agent": OF_NAMES.format(
        named="SELECT agent, answered_at FROM legs WHERE legs.call = chosen.id", kind="agent"
    ),
    "unknown_queue": OF_NAMES.format(
        named="SELECT queue, entered_at FROM visits WHERE visits.call = chosen.id", kind="queue"
    ),
}
DOUBTS |= {
    note: OF_NOTES.format(kind=f"'{note}'")
    for note in ("negative_wait", "negative_talk", "negative_wrapup", "end_without_leg")
}
CHOSEN = """WITH chosen AS MATERIALIZED (SELECT id, source, started_at, notes FROM calls
    WHERE started_at >= %(begin)s AND started_at < %(end)s AND (%(source)s::text IS NULL OR source = %(source)s))"""
FOUND = " FROM ({found}) AS doubt(source, call, at, about, detail)"
COUNTED = "SELECT source, '{kind}', count(*), max(at)" + FOUND + " GROUP BY 1"
COUNTS = f"{CHOSEN} " + " UNION ALL ".join(COUNTED.format(kind=kind, found=found) for kind, found in DOUBTS.items())
AFTER = "(at, call, about) > (%(after_at)s, %(after_call)s, %(after_about)s) ORDER BY at, call, about LIMIT %(limit)s"
PAGE = f"{CHOSEN} SELECT *{FOUND} WHERE {AFTER}"
PAGES = {kind: PAGE.format(found=found) for kind, found in DOUBTS.items()}
BEGINNING = (datetime.min.replace(tzinfo=UTC), UUID(int=0), "")


class DataQuality:
    """Answers with doubts."""

    @answers(DataQualityOf)
    def counts(self, asked: DataQualityOf, db: Cursor, actor: Actor) -> DataQualityReport | Rejected:
        """How many of each kind, by source."""
        if refused := _refused(asked, actor):
            return refused
        rows = db.execute(COUNTS, _wanted(asked)).fetchall()
        return DataQualityReport(tuple(DoubtCount(*row) for row in sorted(rows)), datetime.now(UTC))

    @answers(DoubtsOf)
    def doubts(self, asked: DoubtsOf, db: Cursor, actor: Actor) -> DoubtList | Rejected:
        """A page of one kind, in the order in which they happened."""
        if refused := _refused(asked, actor):
            return refused
        now = datetime.now(UTC)
        after = decode(asked.cursor, now, datetime.fromisoformat, UUID, str) if asked.cursor else BEGINNING
        place = dict(zip(("after_at", "after_call", "after_about"), after, strict=True))
        found = db.execute(PAGES[asked.kind], {**_wanted(asked), **place, "limit": asked.limit + 1}).fetchall()
        items = tuple(DoubtItem(*row) for row in found[: asked.limit])
        more = len(found) > asked.limit
        last = items[-1] if more else None
        return DoubtList(items, encode(now, last.at.isoformat(), str(last.call_id), last.about) if last else None)


def _wanted(asked: DataQualityOf | DoubtsOf) -> dict[str, Any]:
    late = timedelta(seconds=asked.late_after_seconds)
    return {"begin": asked.from_, "end": asked.to, "source": asked.source, "late": late}


def _refused(asked: DataQualityOf | DoubtsOf, actor: Actor) -> Rejected | None:
    if actor.is_limited:
        return Rejected("auth.not_allowed", "This is of all queues and sources, and you are limited to some.", 403)
    if asked.to <= asked.from_:
        return Rejected("calls.report.range_empty", "Give a `to` that is later than `from`.", 422, "/to")
    if asked.to - asked.from_ > MOST:
        return Rejected("calls.report.range_too_long", f"Ask for at most {MOST.days} days.", 422, "/to")
    return None
