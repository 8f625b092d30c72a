"""Agents: what was said of each, fact by fact and queue by queue, as the fold over an agent's presence reads it.

Nothing is concluded here, so that no order or repetition of facts can matter: who was signed in when is folded at the
moment of asking, together with the agent's calls (`services/calls/reports/floor.py`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from services.calls.domain.presence import EVERY_QUEUE
from services.calls.domain.story import greatest_versions
from services.calls.domain.vocabulary import RANK
from services.calls.projections.names import Inside, itself
from services.kernel.database import Cursor
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent

KINDS = {
    "agent.signed_in": "sign",
    "agent.signed_out": "sign",
    "agent.paused": "pause",
    "agent.resumed": "pause",
    "agent.state_changed": "state",
}
SOURCE, AGENT, KIND, RECORD, ABOUT = 0, 1, 2, 10, 12  # places in a row


class AgentMarks(Projection):
    """Follows the facts of agents."""

    name = "agents"
    version = 2
    handles = tuple(KINDS)
    # `about` is the queue, or the name of the state. A mark `counts` unless its record has a greater version.
    tables = """
        CREATE TABLE agent_marks (
            source text NOT NULL, agent text NOT NULL, kind text NOT NULL, queue text NOT NULL,
            occurred_at timestamptz NOT NULL, sequence bigint NOT NULL, rank integer NOT NULL, fact text NOT NULL,
            stream uuid NOT NULL, event uuid NOT NULL, record text, record_version text,
            about text NOT NULL, type text NOT NULL, says text,
            counts boolean NOT NULL DEFAULT true, PRIMARY KEY (event, queue)
        );
        CREATE INDEX agent_marks_in_order ON agent_marks
            (agent, source, kind, about, occurred_at, sequence, rank, fact COLLATE "C") WHERE counts;
        CREATE INDEX agent_marks_of_record ON agent_marks (source, agent, record) WHERE record IS NOT NULL;
        CREATE TABLE agents_heard (
            agent text NOT NULL, source text NOT NULL, kind text NOT NULL, about text NOT NULL,
            PRIMARY KEY (agent, source, kind, about)
        );"""

    MARK = """INSERT INTO agent_marks VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING"""
    HEAR = "INSERT INTO agents_heard VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
    VERSIONS = """SELECT DISTINCT record_version FROM agent_marks
        WHERE source = %s AND agent = %s AND record = %s"""
    COUNT = """UPDATE agent_marks SET counts = coalesce(record_version, '') = ANY(%s)
        WHERE source = %s AND agent = %s AND record = %s AND counts <> (coalesce(record_version, '') = ANY(%s))"""
    LAST = (1 << 63) - 1  # where a fact has no sequence: after those of its instant that have one

    def __init__(self, inside: Inside = itself) -> None:
        self._inside = inside

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Keeps each mark; of a record, only those of its greatest version count."""
        rows = [row for event in events for row in self._rows(event)]
        db.executemany(self.MARK, rows)
        db.executemany(self.HEAR, sorted({(row[AGENT], row[SOURCE], row[KIND], row[ABOUT]) for row in rows}))
        records = {(row[SOURCE], row[AGENT], row[RECORD]) for row in rows if row[RECORD] is not None}
        for record in sorted(records):
            found = {version or "" for (version,) in db.execute(self.VERSIONS, record)}
            greatest = list(greatest_versions(found))
            db.execute(self.COUNT, (greatest, *record, greatest))

    def _rows(self, event: StoredEvent) -> Iterator[tuple[Any, ...]]:
        fact = event.data
        data, source, at = fact.get("data", {}), fact["source"], event.occurred_at
        agent = self._inside(source, "agent", fact["agent"], at)
        named = data.get("queues") or ([fact["queue"]] if "queue" in fact else [])
        queues = dict.fromkeys(self._inside(source, "queue", name, at) for name in named)
        kind, says = KINDS[event.type], data.get("reason") or data.get("state")
        place = (at, fact.get("sequence", self.LAST), RANK[event.type], fact["id"])
        record = (event.stream_id, event.event_id, fact.get("record"), fact.get("record_version"))
        for queue in queues or [EVERY_QUEUE]:
            about = says if kind == "state" else queue
            yield (source, agent, kind, queue, *place, *record, about, event.type, says)
