"""What was said of agents near a range, as it was known at a past instant."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.calls.domain.facts import stream_id
from services.calls.domain.identities import FIRST, LAST
from services.calls.domain.presence import Mark
from services.calls.domain.story import greatest_versions
from services.calls.projections.agents import (
    ABOUT,
    AGENT,
    KIND,
    KINDS,
    RECORD,
    SOURCE,
    STREAM,
    VERSION,
    AgentMarks,
    mark_rows,
)
from services.calls.projections.stories import microseconds
from services.calls.reports.floor import ORDER, Agent, Said, instant
from services.calls.reports.then import Row, Then
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import Rejected
from services.kernel.projections import UNAPPLIED
from services.kernel.store import COLUMNS, StoredEvent

NARROWER = "a shorter range, for one team or one agent"
LATELY = f"FROM {UNAPPLIED} WHERE recorded_at <= %(known_at)s AND type = ANY(%(kinds)s)"
SOURCES = f"SELECT source FROM agents_heard UNION SELECT data ->> 'source' {LATELY}"  # noqa: S608 - constants
_OF_PART = """SELECT stream, event FROM agent_marks AS mark
    WHERE (mark.stream, mark.kind, mark.outside_queues) = (part.stream, part.kind, part.outside_queues)
        AND mark.type = part.type AND coalesce(part.state, mark.about) = mark.about AND record IS NULL
        AND EXISTS (SELECT FROM store.events WHERE stream_id = stream AND event_id = event
            AND recorded_at <= %(known_at)s)"""
# Of each name that a source gave, by kind, queues and type: the marks within the range; the newest before and the first
# behind each edge, which are its bounds and wherever a name came to mean another; and all that have other versions. So
# whatever was meant and whichever version counted then, nothing is missing.
NEAR = f"""
    WITH edges AS (
        SELECT * FROM unnest(%(sources)s::text[], %(edges)s::timestamptz[]) AS edges(source, at)
    ), bounds AS (
        SELECT * FROM unnest(%(of)s::text[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
            AS bounds(source, begins, ends)
    ), parts AS (
        SELECT DISTINCT source, stream, kind, outside_queues, type, CASE kind WHEN 'state' THEN about END AS state
        FROM agent_marks WHERE %(streams)s::uuid[] IS NULL OR stream = ANY(%(streams)s)
    )
    SELECT near.stream, near.event FROM parts AS part JOIN edges USING (source) CROSS JOIN LATERAL (
        ({_OF_PART} AND occurred_at < edges.at ORDER BY {ORDER.format("DESC")} LIMIT 1)
        UNION ALL ({_OF_PART} AND occurred_at >= edges.at ORDER BY {ORDER.format("")} LIMIT 1)) AS near
    UNION SELECT stream, event FROM parts JOIN bounds USING (source)
        JOIN agent_marks USING (source, stream, kind, outside_queues, type)
        WHERE occurred_at >= begins AND occurred_at < ends
    UNION SELECT stream, event FROM agent_marks
        WHERE record IS NOT NULL AND (%(streams)s::uuid[] IS NULL OR stream = ANY(%(streams)s))
    UNION SELECT stream_id, event_id {LATELY} LIMIT %(limit)s"""  # noqa: S608 - constants
TOLD = f"""SELECT {COLUMNS} FROM store.events
    JOIN unnest(%s::uuid[], %s::uuid[]) AS wanted(stream_id, event_id) USING (stream_id, event_id)
    WHERE recorded_at <= %s"""  # noqa: S608 - a constant


@dataclass(frozen=True)
class Marks:
    """The marks as `agent_marks` has them: all that were known then, and those of them that counted."""

    told: Sequence[Row]
    counting: Sequence[Row]

    def rows(self) -> dict[str, list[Row]]:
        """What they put into the tables of marks."""
        heard = {(row[AGENT], row[SOURCE], row[KIND], row[ABOUT]) for row in self.told}
        return {"agent_marks": [(*row[:-1], True) for row in self.counting], "agents_heard": sorted(heard)}

    def present_since(self, then: Then, begin: datetime) -> dict[str, datetime]:
        """Since when those were signed in, as far as was told, who were so when the range began."""
        agents: dict[str, Agent] = {}
        for source, agent, kind, _, at, *place, stream, event, _, _, about, type_, says, _ in self.counting:
            offset, _, reasons = then.settings.get(source, (0, 0, {}))
            activity = reasons.get(about) if kind == "state" else reasons.get(says, says)
            mark = Mark(microseconds(at) + offset, *place, kind, about, type_, activity)
            agents.setdefault(agent, Agent(agent)).said.append(Said(source, mark, stream, event))
        since = {name: agent.present_since(begin) for name, agent in agents.items()}
        return {name: at for name, at in since.items() if at is not None}


def marks_then(db: Cursor, then: Then, only: Sequence[str] | None, begin: datetime, end: datetime) -> Marks | Rejected:
    """Those that bear on a range, of some agents by their names (None: of all)."""
    lately = {"model": AgentMarks.name, "known_at": then.known_at, "kinds": list(KINDS)}
    sources = [source for (source,) in db.execute(SOURCES, lately)]
    shifts = {source: timedelta(microseconds=then.offsets.get(source, 0)) for source in sources}
    edges = [(source, at - shifts[source]) for source in sources for at in (begin, end, *_turns(then, source))]
    asked = {
        **lately,
        "streams": None if only is None else _streams(then, sources, only),
        "sources": [source for source, _ in edges],
        "edges": [at for _, at in edges],
        "of": sources,
        "begins": [begin - shifts[source] for source in sources],
        "ends": [end - shifts[source] for source in sources],
        "limit": then.most_facts + 1,
    }
    near = db.execute(NEAR, asked).fetchall()
    if len(near) > then.most_facts:
        return then.too_much(NARROWER)
    streams, events = zip(*near, strict=True) if near else ((), ())
    known = db.execute(TOLD, (uuid_array(streams), uuid_array(events), then.known_at))
    told = [row for event in known for row in mark_rows(StoredEvent(*event), then.names, then.offsets)]
    return Marks(told, _counting(told))


def _streams(then: Then, sources: Iterable[str], agents: Sequence[str]) -> str:
    names = then.outsides("agent", agents)
    return uuid_array(stream_id(source, "agent", name) for source in sources for name in names)


def _turns(then: Then, source: str) -> Iterator[datetime]:
    """When names of a source came to mean another."""
    names = then.names.get(source)
    for at in names.turns() if names else ():
        if microseconds(FIRST) < at < microseconds(LAST):
            yield instant(at)


def _counting(told: Sequence[Row]) -> list[Row]:
    """Of each record, the marks of its greatest version alone."""
    versions: dict[tuple[UUID, str], set[str]] = {}
    for row in told:
        if row[RECORD] is not None:
            versions.setdefault((row[STREAM], row[RECORD]), set()).add(row[VERSION] or "")
    greatest = {record: greatest_versions(found) for record, found in versions.items()}
    return [row for row in told if row[RECORD] is None or (row[VERSION] or "") in greatest[row[STREAM], row[RECORD]]]
