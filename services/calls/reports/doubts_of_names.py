"""Doubts about names: those that stand for nobody, each once for a call, or for an agent of whom a source tells.

A name is known if any mapping leads to it, or if a queue of that name is configured. A source is judged by the names
that somebody has stood up for: where it has names of the kind mapped, and of queues also where any is configured. There
is no register of agents and campaigns here: a source of which none is mapped has names that may all be right.
"""

from typing import LiteralString

from services.calls.reports.doubts import OF_SOURCE, within
from services.calls.reports.floor import NAMES, OFFSET
from services.calls.reports.judged_visits import QUEUES

# First which names are known to nobody, of all that ever came: few. Then where these came in the range.
UNKNOWN: LiteralString = """
    WITH unknown AS MATERIALIZED (
        SELECT name FROM ({names}) AS given(name) WHERE {any_judged}
        EXCEPT SELECT internal_id FROM identities WHERE kind = '{kind}' EXCEPT ({register})
    )
    SELECT DISTINCT ON (source, name, call) source, 'unknown_{kind}', call, at, name, NULL, '{kind}', stream,
        CASE WHEN event IS NULL THEN ARRAY[]::uuid[] ELSE ARRAY[event] END, concat_ws(' ', name, call, source), 1
    FROM (
        SELECT calls.source, name, calls.id AS call, at, calls.id AS stream, event
        FROM unknown CROSS JOIN LATERAL ({in_calls}) AS named(call, at, event) JOIN calls ON calls.id = named.call
        UNION ALL {in_marks}
    ) AS found
    WHERE {of_source} AND {judged}
    ORDER BY source, name, call, at"""
MAPPED: LiteralString = "EXISTS (SELECT FROM identities WHERE kind = '{0}')"
SOURCE_MAPPED: LiteralString = "EXISTS (SELECT FROM identities WHERE kind = '{0}' AND system = found.source)"
CONFIGURED: LiteralString = "EXISTS (SELECT FROM queues)"
NOTHING: LiteralString = "SELECT NULL WHERE false"
IN_CALLS: LiteralString = "SELECT {call}, {at}, {event} FROM {table} WHERE {kind} = name AND NOT excluded AND {range}"
# The first time in the range that a source told of an agent, or that an agent was there for a queue.
IN_MARKS: LiteralString = f"""
    SELECT heard.source, name, NULL::uuid, first.occurred_at + heard.shift, first.stream, first.event
    FROM unknown
    JOIN (SELECT agents_heard.*, {OFFSET} AS shift FROM agents_heard LEFT JOIN sources USING (source)) AS heard
        ON {{named}}
    CROSS JOIN LATERAL (
        SELECT occurred_at, stream, event FROM agent_marks AS mark
        WHERE (mark.agent, mark.source, mark.kind, mark.about) = (heard.agent, heard.source, heard.kind, heard.about)
            AND counts AND occurred_at >= %(begin)s - heard.shift AND occurred_at < %(end)s - heard.shift
        ORDER BY occurred_at LIMIT 1) AS first"""  # noqa: S608 - constants


def _in(
    table: LiteralString, kind: LiteralString, at: LiteralString, event: LiteralString, call: LiteralString = "call"
) -> LiteralString:
    return IN_CALLS.format(table=table, kind=kind, at=at, event=event, call=call, range=within(at))


AGENTS: LiteralString = UNKNOWN.format(
    kind="agent",
    names=f"SELECT agent FROM agents_heard UNION ({NAMES.format('legs')}) UNION ({NAMES.format('rings')})",  # noqa: S608 - constants
    any_judged=MAPPED.format("agent"),
    judged=SOURCE_MAPPED.format("agent"),
    register=NOTHING,
    in_calls=f"{_in('legs', 'agent', 'answered_at', 'id')} UNION ALL {_in('rings', 'agent', 'began_at', 'NULL::uuid')}",
    in_marks=IN_MARKS.format(named="heard.agent = name"),
    of_source=OF_SOURCE.format("source"),
)
QUEUES_SEEN: LiteralString = UNKNOWN.format(
    kind="queue",
    names=f"({QUEUES}) UNION SELECT about FROM agents_heard WHERE kind <> 'state' AND about <> ''",  # noqa: S608 - constants
    any_judged=f"({MAPPED.format('queue')} OR {CONFIGURED})",
    judged=f"({SOURCE_MAPPED.format('queue')} OR {CONFIGURED})",
    register="SELECT queue FROM queues",
    in_calls=_in("visits", "queue", "entered_at", "id"),
    in_marks=IN_MARKS.format(named="heard.kind <> 'state' AND heard.about = name"),
    of_source=OF_SOURCE.format("source"),
)
CAMPAIGNS: LiteralString = UNKNOWN.format(
    kind="campaign",
    names=NAMES.format("calls").replace("agent", "campaign"),
    any_judged=MAPPED.format("campaign"),
    judged=SOURCE_MAPPED.format("campaign"),
    register=NOTHING,
    in_calls=_in("calls", "campaign", "started_at", "NULL::uuid", "id"),
    in_marks="SELECT NULL, NULL, NULL::uuid, NULL::timestamptz, NULL::uuid, NULL::uuid WHERE false",
    of_source=OF_SOURCE.format("source"),
)
