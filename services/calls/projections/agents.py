"""Agents: the newest word on whether each is signed in, paused, and in which state, for each queue.

"Newest" is by the order of facts, never by arrival, so that each row is the greatest of what was said, in any order.
Agents and queues bear inside names, and beside them those that the source gave them: a row is the greatest of what was
said under these. So a name that is mapped otherwise has the words told anew that were said under it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.calls.domain.facts import stream_id
from services.calls.domain.names import Names
from services.calls.domain.sources import SourceConfigured
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
EVERY_QUEUE = ""
CONFIGURED = event_type(SourceConfigured)


class AgentMarks(Projection):
    """Follows the facts of agents, and the names and clocks of sources."""

    name = "agents"
    version = 2
    handles = (*KINDS, CONFIGURED, *identities.CHANGES)
    tables = f"""
        CREATE TABLE agent_marks (
            source text NOT NULL, agent text NOT NULL, kind text NOT NULL, queue text NOT NULL,
            outside_agent text NOT NULL, outside_queue text NOT NULL,
            occurred_at timestamptz NOT NULL, sequence bigint NOT NULL, rank integer NOT NULL, fact text NOT NULL,
            type text NOT NULL, says text,
            PRIMARY KEY (source, outside_agent, kind, outside_queue, agent, queue)
        );
        CREATE INDEX agent_marks_of_queue ON agent_marks (source, outside_queue);
        CREATE TABLE agent_clocks (source text PRIMARY KEY, clock_offset_us bigint NOT NULL);
        {identities.CHANGES_TABLE.format("agent_identity_changes")}"""

    MARK = """INSERT INTO agent_marks VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (source, outside_agent, kind, outside_queue, agent, queue) DO UPDATE
        SET (occurred_at, sequence, rank, fact, type, says) = (
            excluded.occurred_at, excluded.sequence, excluded.rank, excluded.fact, excluded.type, excluded.says)
        WHERE (excluded.occurred_at, excluded.sequence, excluded.rank, excluded.fact COLLATE "C")
            > (agent_marks.occurred_at, agent_marks.sequence, agent_marks.rank, agent_marks.fact COLLATE "C")"""
    LAST = (1 << 63) - 1  # where a fact has no sequence: after those of its instant that have one
    CLOCK = """INSERT INTO agent_clocks VALUES (%s, %s)
        ON CONFLICT (source) DO UPDATE SET clock_offset_us = excluded.clock_offset_us"""
    AT_QUEUE = "SELECT DISTINCT outside_agent FROM agent_marks WHERE source = %s AND outside_queue = %s"
    OF_SOURCE = "SELECT DISTINCT outside_agent FROM agent_marks WHERE source = %s"
    FORGET = "DELETE FROM agent_marks WHERE source = %s AND outside_agent = %s"
    WORDS = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = ANY(%s::uuid[])
        AND type = ANY(%s)"""  # noqa: S608 - a constant

    def __init__(self) -> None:
        self._names: Mapping[str, Names] | None = None
        self._offsets: Mapping[str, int] = {}

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Keeps the greatest of each kind of word."""
        words = [event for event in events if event.type in KINDS]
        clocks = [event for event in events if event.type == CONFIGURED]
        renamed = [event for event in events if event.type in identities.CHANGES]
        for event in clocks:
            db.execute(self.CLOCK, (event.data["source"], event.data["clock_offset_seconds"] * 1_000_000))
        if renamed:
            identities.note(renamed, "agent_identity_changes", db)
        if clocks or renamed or self._names is None:
            self._names = identities.read_names(db, "agent_identity_changes")
            self._offsets = dict(db.execute("SELECT source, clock_offset_us FROM agent_clocks").fetchall())
        if clocks or renamed:
            words += self._words_anew(self._touched(clocks, renamed, db), db)
        if words:
            db.executemany(self.MARK, [row for event in words for row in self._rows(event)])

    def forget(self) -> None:
        """Drops the names and clocks, which may not be in the tables."""
        self._names = None

    def _touched(
        self, clocks: Iterable[StoredEvent], renamed: Iterable[StoredEvent], db: Cursor
    ) -> set[tuple[str, str]]:
        """The agents, by source and outside name, whose words may mean somebody else or another queue now."""
        touched: set[tuple[str, str]] = set()
        for event in clocks:
            source = event.data["source"]
            if self._names and source in self._names:
                touched |= {(source, agent) for (agent,) in db.execute(self.OF_SOURCE, (source,))}
        for event in renamed:
            system, name = event.data["system"], event.data["external_id"]
            if event.data["kind"] == "agent":
                touched.add((system, name))
            elif event.data["kind"] == "queue":
                touched |= {(system, agent) for (agent,) in db.execute(self.AT_QUEUE, (system, name))}
        return touched

    def _words_anew(self, agents: set[tuple[str, str]], db: Cursor) -> list[StoredEvent]:
        """All words of these agents, of whom nothing is kept any more."""
        db.executemany(self.FORGET, list(agents))
        streams: list[UUID] = [stream_id(source, "agent", agent) for source, agent in agents]
        return [StoredEvent(*row) for row in db.execute(self.WORDS, (uuid_array(streams), list(KINDS)))]

    def _rows(self, event: StoredEvent) -> Iterator[tuple[Any, ...]]:
        fact = event.data
        data = fact.get("data", {})
        queues = data.get("queues") or [fact.get("queue", EVERY_QUEUE)]
        says = data.get("reason") or data.get("state")
        place = (event.occurred_at, fact.get("sequence", self.LAST), RANK[event.type], fact["id"])
        source, agent, kind = fact["source"], fact["agent"], KINDS[event.type]
        names = (self._names or {}).get(source)
        at = microseconds(event.occurred_at) + self._offsets.get(source, 0) if names else 0
        inside = names.inside("agent", agent, at) if names else agent
        for queue in queues:
            meant = names.inside("queue", queue, at) if names and queue else queue
            yield (source, inside, kind, meant, agent, queue, *place, event.type, says)
