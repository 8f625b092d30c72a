"""Agents: what was said of each, fact by fact and queue by queue, as the fold over an agent's presence reads it.

Nothing is concluded here, so that no order or repetition of facts can matter: who was signed in when is folded at the
moment of asking, together with the agent's calls (`services/calls/reports/floor.py`). Agents and queues bear inside
names; a name that is mapped otherwise has the facts read anew that were said under it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.calls.domain.facts import stream_id
from services.calls.domain.names import Names
from services.calls.domain.presence import EVERY_QUEUE
from services.calls.domain.sources import SourceConfigured
from services.calls.domain.story import greatest_versions
from services.calls.domain.vocabulary import RANK
from services.calls.projections import identities
from services.calls.projections.stories import microseconds
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import event_type
from services.kernel.projections import Projection
from services.kernel.store import COLUMNS, StoredEvent

KINDS = {
    "agent.signed_in": "sign",
    "agent.signed_out": "sign",
    "agent.paused": "pause",
    "agent.resumed": "pause",
    "agent.state_changed": "state",
}
CONFIGURED = event_type(SourceConfigured)
LAST = (1 << 63) - 1  # where a fact has no sequence: after those of its instant that have one
AT_ONCE = 2_000  # facts that are read anew in one transaction, or all of one agent
SOURCE, AGENT, KIND, STREAM, RECORD, VERSION, ABOUT = 0, 1, 2, 8, 10, 11, 12  # places in a row


class AgentMarks(Projection):
    """Follows the facts of agents, the clocks of their sources, and what outside names stand for."""

    name = "agents"
    version = 5
    handles = (*KINDS, CONFIGURED, *identities.CHANGES)
    # `about` is the queue, or the name of the state. A mark `counts` unless its record has a greater version. One fact
    # may name a queue by several outside names: whichever of them is mapped otherwise, the mark must be found.
    tables = f"""
        CREATE TABLE agent_marks (
            source text NOT NULL, agent text NOT NULL, kind text NOT NULL, queue text NOT NULL,
            occurred_at timestamptz NOT NULL, sequence bigint NOT NULL, rank integer NOT NULL, fact text NOT NULL,
            stream uuid NOT NULL, event uuid NOT NULL, record text, record_version text,
            about text NOT NULL, type text NOT NULL, says text, outside_queues text[],
            counts boolean NOT NULL DEFAULT true, PRIMARY KEY (event, queue)
        );
        CREATE INDEX agent_marks_in_order ON agent_marks
            (agent, source, kind, about, occurred_at, sequence, rank, fact COLLATE "C") WHERE counts;
        CREATE INDEX agent_marks_of_stream ON agent_marks (stream, kind, outside_queues, type, occurred_at);
        CREATE INDEX agent_marks_of_record ON agent_marks (stream, record) WHERE record IS NOT NULL;
        CREATE INDEX agent_marks_of_queue ON agent_marks USING gin (outside_queues);
        CREATE TABLE agents_heard (
            agent text NOT NULL, source text NOT NULL, kind text NOT NULL, about text NOT NULL,
            PRIMARY KEY (agent, source, kind, about)
        );
        CREATE TABLE agent_clocks (source text PRIMARY KEY, clock_offset_us bigint NOT NULL);
        {identities.CHANGES_TABLE.format("agent_identity_changes")}"""

    MARK = """INSERT INTO agent_marks VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING"""
    HEAR = "INSERT INTO agents_heard VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
    VERSIONS = "SELECT DISTINCT record_version FROM agent_marks WHERE stream = %s AND record = %s"
    COUNT = """UPDATE agent_marks SET counts = coalesce(record_version, '') = ANY(%s)
        WHERE stream = %s AND record = %s AND counts <> (coalesce(record_version, '') = ANY(%s))"""
    CLOCK = """INSERT INTO agent_clocks VALUES (%s, %s)
        ON CONFLICT (source) DO UPDATE SET clock_offset_us = excluded.clock_offset_us"""
    CLOCKS = "SELECT source, clock_offset_us FROM agent_clocks"
    AT_QUEUE = "SELECT DISTINCT stream FROM agent_marks WHERE source = %s AND outside_queues @> ARRAY[%s::text]"
    HEARD_OF = "SELECT DISTINCT stream FROM agent_marks WHERE stream = ANY(%s::uuid[])"
    OF_SOURCE = "SELECT DISTINCT stream FROM agent_marks WHERE source = %s"
    FORGET = """WITH gone AS (
            DELETE FROM agent_marks WHERE stream = %(stream)s RETURNING agent, source)
        DELETE FROM agents_heard AS heard WHERE (agent, source) IN (SELECT agent, source FROM gone) AND NOT EXISTS (
            SELECT FROM agent_marks AS mark WHERE mark.stream <> %(stream)s AND mark.agent = heard.agent
                AND mark.source = heard.source AND mark.kind = heard.kind AND mark.about = heard.about)"""
    SAID = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = %s
        AND type = ANY(%s)"""  # noqa: S608 - a constant

    def __init__(self) -> None:
        self._names: Mapping[str, Names] | None = None
        self._offsets: Mapping[str, int] = {}

    def beforehand(self, events: Sequence[StoredEvent], db: Cursor) -> Iterator[None] | None:
        """Keeps clocks and names, and reads anew what was said by agents whom they concern, one after the other."""
        clocks = [event for event in events if event.type == CONFIGURED]
        renamed = [event for event in events if event.type in identities.CHANGES]
        return self._read_anew(clocks, renamed, db) if clocks or renamed else None

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Keeps each mark; of a record, only those of its greatest version count."""
        if self._names is None:
            self._learn(db)
        self._mark((event for event in events if event.type in KINDS), db)

    def _read_anew(self, clocks: Sequence[StoredEvent], renamed: Sequence[StoredEvent], db: Cursor) -> Iterator[None]:
        for event in clocks:
            db.execute(self.CLOCK, (event.data["source"], event.data["clock_offset_seconds"] * 1_000_000))
        identities.note(renamed, "agent_identity_changes", db)
        touched = self._touched(clocks, renamed, self._learn(db), db)
        yield
        read = 0
        for stream in sorted(touched):
            db.execute(self.FORGET, {"stream": stream})
            said = [StoredEvent(*row) for row in db.execute(self.SAID, (stream, list(KINDS)))]
            self._mark(said, db)
            read += len(said)
            if read >= AT_ONCE:
                read = 0
                yield

    def _learn(self, db: Cursor) -> Mapping[str, Names]:
        self._names = identities.read_names(db, "agent_identity_changes")
        self._offsets = dict(db.execute(self.CLOCKS).fetchall())
        return self._names

    def forget(self) -> None:
        """Drops the names and clocks, which may not be in the tables."""
        self._names = None

    def _mark(self, said: Iterable[StoredEvent], db: Cursor) -> None:
        rows = [row for event in said for row in mark_rows(event, self._names or {}, self._offsets)]
        db.executemany(self.MARK, rows)
        db.executemany(self.HEAR, sorted({(row[AGENT], row[SOURCE], row[KIND], row[ABOUT]) for row in rows}))
        records = {(row[STREAM], row[RECORD]) for row in rows if row[RECORD] is not None}
        for record in sorted(records):
            found = {version or "" for (version,) in db.execute(self.VERSIONS, record)}
            greatest = list(greatest_versions(found))
            db.execute(self.COUNT, (greatest, *record, greatest))

    def _touched(
        self, clocks: Iterable[StoredEvent], renamed: Iterable[StoredEvent], names: Mapping[str, Names], db: Cursor
    ) -> set[UUID]:
        """The streams of the agents of whom something may mean somebody else or another queue now."""
        touched: set[UUID] = set()
        agents = set()
        for event in clocks:
            source = event.data["source"]
            if source in names:
                touched |= {stream for (stream,) in db.execute(self.OF_SOURCE, (source,))}
        for event in renamed:
            system, name = event.data["system"], event.data["external_id"]
            if event.data["kind"] == "agent":
                agents.add(stream_id(system, "agent", name))
            elif event.data["kind"] == "queue":
                touched |= {stream for (stream,) in db.execute(self.AT_QUEUE, (system, name))}
        return touched | {stream for (stream,) in db.execute(self.HEARD_OF, (uuid_array(agents),))}


def mark_rows(event: StoredEvent, names: Mapping[str, Names], offsets: Mapping[str, int]) -> Iterator[tuple[Any, ...]]:
    """The marks that a fact makes, one for each queue, with what names mean and how clocks go (in microseconds)."""
    fact = event.data
    data, source, at = fact.get("data", {}), fact["source"], event.occurred_at
    meant = names.get(source)
    corrected = microseconds(at) + offsets.get(source, 0) if meant else 0
    agent = meant.inside("agent", fact["agent"], corrected) if meant else fact["agent"]
    told = data.get("queues") or ([fact["queue"]] if "queue" in fact else [])
    queues: dict[str, list[str]] = {}
    for queue in told:
        queues.setdefault(meant.inside("queue", queue, corrected) if meant else queue, []).append(queue)
    kind, says = KINDS[event.type], data.get("reason") or data.get("state")
    place = (at, fact.get("sequence", LAST), RANK[event.type], fact["id"])
    record = (event.stream_id, event.event_id, fact.get("record"), fact.get("record_version"))
    for queue, outside in (queues or {EVERY_QUEUE: []}).items():
        about = says if kind == "state" else queue
        yield (source, agent, kind, queue, *place, *record, about, event.type, says, outside)
