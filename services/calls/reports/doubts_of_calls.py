"""Doubts about how calls went, as the fold noted them: found by when it happened, of calls that count."""

from typing import LiteralString

from services.calls.reports.doubts import OF_SOURCE, within

OF_CALL: LiteralString = OF_SOURCE.format("calls.source")
# A visit that a restart ended was entered by a fact. One that a fact ended for this reason may be implied by that.
UNENDED_VISITS: LiteralString = f"""
    SELECT calls.source, 'missing_end', visits.call, visits.entered_at, visits.id::text,
        CASE visits.reason WHEN 'stale' THEN 'visit' ELSE 'visit, ended by a restart' END, 'visit', visits.call,
        ARRAY[visits.id], visits.id || ' visit', 1
    FROM visits JOIN calls ON calls.id = visits.call
    WHERE visits.inferred AND visits.reason IN ('stale', 'restart') AND NOT visits.excluded
        AND {within("visits.entered_at")} AND {OF_CALL}
        AND (visits.reason = 'stale' OR EXISTS (SELECT FROM store.events
            WHERE stream_id = visits.call AND event_id = visits.id AND type = 'call.queued'))"""  # noqa: S608 - constants
UNENDED_LEGS: LiteralString = f"""
    SELECT calls.source, 'missing_end', legs.call, legs.answered_at, legs.id::text, 'leg', 'leg', legs.call,
        ARRAY[legs.id], legs.id || ' leg', 1
    FROM legs JOIN calls ON calls.id = legs.call
    WHERE legs.inferred AND NOT legs.excluded AND {within("legs.answered_at")} AND {OF_CALL}"""  # noqa: S608 - constants
NOTES: LiteralString = f"""
    SELECT source, note, id, started_at, id::text, CASE note WHEN 'missing_end' THEN 'call' END, 'call', id,
        NULL::uuid[], id || ' call', 1
    FROM calls CROSS JOIN LATERAL unnest(string_to_array(notes, ' ')) AS note
    WHERE notes <> '' AND note <> 'negative_duration' AND NOT excluded AND {within("started_at")}
        AND {OF_CALL}"""  # noqa: S608 - constants
# Which facts of a call that is noted so state it, and in which field.
STATED_BELOW_ZERO: LiteralString = f"""
    SELECT source, 'negative_duration', id, started_at, event.data ->> 'id',
        concat_ws(' ', stated ->> 'key', stated ->> 'value'), 'fact', id, ARRAY[event_id],
        concat_ws(' ', event_id, stated ->> 'key'), 1
    FROM calls JOIN store.events AS event ON stream_id = id
    CROSS JOIN LATERAL jsonb_path_query(event.data -> 'data', '$.keyvalue() ? (@.value < 0)', '{{}}', true) AS stated
    WHERE notes <> '' AND 'negative_duration' = ANY(string_to_array(notes, ' ')) AND NOT excluded
        AND {within("started_at")} AND {OF_CALL}"""  # noqa: S608 - constants
CONTRADICTIONS: LiteralString = f"""
    SELECT calls.source, 'versions_differ', calls.id, calls.started_at, contradictions.about, contradictions.detail,
        contradictions.thing, calls.id, contradictions.events, calls.id || ' ' || contradictions.number, 1
    FROM contradictions JOIN calls ON calls.id = contradictions.call
    WHERE NOT contradictions.excluded AND {within("contradictions.started_at")} AND {OF_CALL}"""  # noqa: S608 - constants
