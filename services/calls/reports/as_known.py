"""Figures as they were known at a past instant: the visits that everything recorded by then tells of.

The facts known then are folded as read models fold them, with the restarts, clock offsets and closings known then. The
visits that come of it stand in for those of now, so that the same SQL counts them. Policies apply by their own dates.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any
from uuid import UUID

from services.calls.api import sources as source_things
from services.calls.domain.facts import stream_id
from services.calls.domain.names import Names
from services.calls.projections.call_tables import VISIT_COLUMNS, visit_rows
from services.calls.projections.calls import CONFIGURED, CallFigures
from services.calls.projections.identities import CHANGES, names_told
from services.calls.projections.stories import OF_CALLS, RESTARTED, Story, microseconds
from services.calls.reports.judged_visits import queues_seen
from services.calls.reports.visibility import queues_open_to
from services.kernel import store
from services.kernel.copying import copy_rows
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import Rejected
from services.kernel.projections import UNAPPLIED
from services.kernel.store import COLUMNS, StoredEvent
from services.kernel.values import Actor

MOST_FACTS = 100_000  # about three seconds, which is as long as somebody who asks should wait
AT_ONCE = 500  # calls; so that neither their facts fill the memory nor their folding keeps others waiting

FORMER_QUEUES = "SELECT DISTINCT queue FROM former_entries"
SOURCES = f"""SELECT source FROM sources UNION
    SELECT data ->> 'source' FROM {UNAPPLIED} WHERE type = %(configured)s"""  # noqa: S608 - constants
OFFSETS = """SELECT DISTINCT ON (stream_id) data ->> 'source', (data ->> 'clock_offset_seconds')::bigint * 1000000
    FROM store.events WHERE stream_id = ANY(%s::uuid[]) AND type = %s AND recorded_at <= %s
    ORDER BY stream_id, version DESC"""
# The changes of names recorded by then, whether or not the read model has applied them.
NAMES = f"""SELECT system, kind, external_id, internal_id, valid_from, valid_to FROM (
        SELECT id, version, system, kind, external_id, internal_id, valid_from, valid_to FROM identity_changes
            WHERE recorded_at <= %(known_at)s
        UNION SELECT stream_id, events.version, data ->> 'system', data ->> 'kind', data ->> 'external_id',
                data ->> 'internal_id', (data ->> 'valid_from')::timestamptz, (data ->> 'valid_to')::timestamptz
            FROM {UNAPPLIED} WHERE type = ANY(%(changes)s) AND recorded_at <= %(known_at)s
    ) AS changes ORDER BY id, version"""  # noqa: S608 - constants
RESTARTS = """SELECT data ->> 'source', occurred_at FROM store.events
    WHERE stream_id = ANY(%s::uuid[]) AND type = %s AND recorded_at <= %s ORDER BY occurred_at"""

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
COUNT = """SELECT count(*) FROM (
    SELECT FROM store.events WHERE stream_id = ANY(%s::uuid[]) AND recorded_at <= %s LIMIT %s) AS known"""
FACTS = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = ANY(%s::uuid[]) AND recorded_at <= %s
    ORDER BY stream_id, version"""  # noqa: S608 - a constant
STAND_IN = "CREATE TEMPORARY TABLE visits (LIKE read.visits) ON COMMIT DROP"
# Temporary tables come first anyway. But only another path makes a prepared statement look names up anew.
LOOK_THERE = "SELECT set_config('search_path', 'pg_temp, read', true)"


@dataclass(frozen=True, slots=True)
class Past:
    """Visits to a queue (None: any that the actor may see) that entered in a half-open range, as known then."""

    queue: str | None
    begin: datetime
    end: datetime
    known_at: datetime


def recall(db: Cursor, actor: Actor, past: Past) -> Rejected | None:
    """Until the end of the transaction, lets `visits` be those of the past; or says why it cannot.

    There may be others among them, which are not complete.
    """
    if not store.has_passed(db, past.known_at):
        return Rejected("request.not_yet_known", "What is recorded by then is not certain yet: ask again later.")
    offsets, names = _offsets(db, past.known_at), _names(db, past.known_at)
    calls = _candidates(db, actor, past, offsets, names)
    (facts,) = db.execute(COUNT, (uuid_array(calls), past.known_at, MOST_FACTS + 1)).fetchone() or (0,)
    if max(facts, len(calls)) > MOST_FACTS:
        other = "a shorter range, or for one queue" if past.queue is None else "a shorter range"
        detail = f"This takes more than {MOST_FACTS} facts to find out: ask for {other}, or leave out `as_known_at`."
        return Rejected("calls.report.too_much_history", detail, 422, "/as_known_at")
    visits: list[tuple[Any, ...]] = []
    pending = iter(calls)
    while some := list(islice(pending, AT_ONCE)):
        visits += _visits(db, some, past.known_at, offsets, names)
    # Not before: from here on this is a write, and readers of events wait for it.
    db.execute(STAND_IN)
    db.execute(LOOK_THERE)
    copy_rows(db, "visits", VISIT_COLUMNS, visits)
    return None


def _offsets(db: Cursor, known_at: datetime) -> dict[str, int]:
    """The clock offset of each source that was configured by then, in microseconds."""
    names = db.execute(SOURCES, {"model": CallFigures.name, "configured": CONFIGURED})
    streams = [source_things.stream(name) for (name,) in names]
    return dict(db.execute(OFFSETS, (uuid_array(streams), CONFIGURED, known_at)).fetchall())


def _names(db: Cursor, known_at: datetime) -> Mapping[str, Names]:
    """What the names of each source meant by then."""
    asked = {"known_at": known_at, "model": CallFigures.name, "changes": list(CHANGES)}
    return names_told(db.execute(NAMES, asked))


def _candidates(
    db: Cursor, actor: Actor, past: Past, offsets: dict[str, int], names: Mapping[str, Names]
) -> list[UUID]:
    queues = set(queues_seen(db, actor, past.queue))
    if past.queue is None:
        seen = queues_open_to(db, actor)
        queues |= {name for (name,) in db.execute(FORMER_QUEUES) if seen is None or name in seen}
        queues |= seen or set()
    # Whatever the outside name of a queue means now: the call has a visit under it, or a former entry.
    queues |= set(chain.from_iterable(each.outsides("queue", queues) for each in names.values()))
    parameters = {
        "sources": list(offsets),
        "offsets": list(offsets.values()),
        "queues": list(queues),
        "begin": past.begin,
        "end": past.end,
        "known_at": past.known_at,
        "model": CallFigures.name,
        "of_calls": list(OF_CALLS),
        "limit": MOST_FACTS + 1,
    }
    return [call for (call,) in db.execute(CANDIDATES, parameters)]


def _visits(
    db: Cursor, calls: Sequence[UUID], known_at: datetime, offsets: dict[str, int], names: Mapping[str, Names]
) -> Iterable[tuple[Any, ...]]:
    """The rows of the visits of these calls."""
    stories: dict[UUID, Story] = {}
    for row in db.execute(FACTS, (uuid_array(calls), known_at)):
        event = StoredEvent(*row)
        stories.setdefault(event.stream_id, Story()).add(event, offsets, {})
    restarts = _restarts(db, {story.source for story in stories.values()}, known_at, offsets)
    return [row for id_, story in stories.items() for row in visit_rows(id_, story.told(restarts, names))]


def _restarts(db: Cursor, names: set[str], known_at: datetime, offsets: dict[str, int]) -> dict[str, list[int]]:
    restarts: dict[str, list[int]] = {}
    streams = uuid_array(stream_id(name, "source", "") for name in names)
    for source, occurred_at in db.execute(RESTARTS, (streams, RESTARTED, known_at)):
        restarts.setdefault(source, []).append(microseconds(occurred_at) + offsets.get(source, 0))
    return restarts
