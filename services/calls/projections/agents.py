"""Agents: the newest word on whether each is signed in, paused, and in which state, for each queue.

"Newest" is by the order of facts, never by arrival, so that each row is the greatest of what was said, in any order.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from services.calls.domain.vocabulary import RANK
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
EVERY_QUEUE = ""


class AgentMarks(Projection):
    """Follows the facts of agents."""

    name = "agents"
    version = 1
    handles = tuple(KINDS)
    tables = """
        CREATE TABLE agent_marks (
            source text NOT NULL, agent text NOT NULL, kind text NOT NULL, queue text NOT NULL,
            occurred_at timestamptz NOT NULL, sequence bigint NOT NULL, rank integer NOT NULL, fact text NOT NULL,
            type text NOT NULL, says text, PRIMARY KEY (source, agent, kind, queue)
        );"""

    MARK = """INSERT INTO agent_marks VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (source, agent, kind, queue) DO UPDATE
        SET (occurred_at, sequence, rank, fact, type, says) = (
            excluded.occurred_at, excluded.sequence, excluded.rank, excluded.fact, excluded.type, excluded.says)
        WHERE (excluded.occurred_at, excluded.sequence, excluded.rank, excluded.fact COLLATE "C")
            > (agent_marks.occurred_at, agent_marks.sequence, agent_marks.rank, agent_marks.fact COLLATE "C")"""
    LAST = (1 << 63) - 1  # where a fact has no sequence: after those of its instant that have one

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Keeps the greatest of each kind of word."""
        db.executemany(self.MARK, [row for event in events for row in self._rows(event)])

    def _rows(self, event: StoredEvent) -> Iterator[tuple[Any, ...]]:
        fact = event.data
        data = fact.get("data", {})
        queues = data.get("queues") or [fact.get("queue", EVERY_QUEUE)]
        says = data.get("reason") or data.get("state")
        place = (event.occurred_at, fact.get("sequence", self.LAST), RANK[event.type], fact["id"])
        for queue in queues:
            yield (fact["source"], fact["agent"], KINDS[event.type], queue, *place, event.type, says)
