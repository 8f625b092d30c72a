"""Doubts about single facts and how they came: their stamps and their repeats, of calls, agents and sources alike.

They are found by when they were recorded. The stamps of every fact of the range are looked at; an index of pages by
`recorded_at` leads to those that hold them.
"""

from typing import LiteralString

from services.calls.reports.doubts import OF_SOURCE, within
from services.calls.reports.floor import OFFSET

CALL: LiteralString = "CASE WHEN starts_with(type, 'call.') THEN stream_id END"
SECONDS: LiteralString = "round(extract(epoch FROM {0}))::text"
AHEAD: LiteralString = "interval '5 minutes'"  # as ingest has it
# `after` is how long after it happened a fact came, by the corrected clock of its source. So that none is opened that
# cannot be doubtful, they are chosen first by the furthest that any clock is corrected.
STAMPS: LiteralString = f"""
    SELECT source, CASE WHEN after > %(late)s THEN 'late' ELSE 'skewed' END, {CALL}, recorded_at, id,
        CASE WHEN after > %(late)s THEN {SECONDS.format("after")} || ' s'
            ELSE {SECONDS.format("-after")} || ' s ahead' END,
        'fact', stream_id, ARRAY[event_id], event_id::text, 1
    FROM (
        SELECT stream_id, event_id, type, recorded_at, data ->> 'source' AS source, data ->> 'id' AS id,
            recorded_at - occurred_at - {OFFSET} AS after
        FROM store.events LEFT JOIN sources ON sources.source = data ->> 'source'
        WHERE {within("recorded_at")} AND metadata ? 'digest' AND {OF_SOURCE.format("data ->> 'source'")} AND (
            recorded_at - occurred_at > %(late)s + (SELECT least(min({OFFSET}), interval '0') FROM sources)
            OR occurred_at - recorded_at > {AHEAD} - (SELECT greatest(max({OFFSET}), interval '0') FROM sources))
    ) AS fact WHERE after > %(late)s OR after < -{AHEAD}"""  # noqa: S608 - constants
CONFLICTS: LiteralString = f"""
    SELECT conflict.source, 'conflict', {CALL}, conflict.recorded_at, data ->> 'id', type, 'fact', stream_id,
        ARRAY[event_id], event_id || ' ' || conflict.digest, 1
    FROM store.fact_conflicts AS conflict JOIN store.events USING (stream_id, event_id)
    WHERE {within("conflict.recorded_at")} AND {OF_SOURCE.format("conflict.source")}"""  # noqa: S608 - constants
REPEATS: LiteralString = f"""
    SELECT source, 'duplicate', NULL::uuid, hour, source, NULL, 'source', NULL::uuid, NULL::uuid[], source,
        sum(facts)::bigint
    FROM store.fact_repeats WHERE {within("hour")} AND {OF_SOURCE.format("source")}
    GROUP BY source, hour"""  # noqa: S608 - constants
