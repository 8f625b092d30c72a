"""A call's visits to queues."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

VisitOutcome = Literal["answered", "abandoned", "overflowed", "in_progress"]
Reason = Literal[
    "timeout", "no_agents", "key", "full", "closed", "overflow", "callback", "withdrawn", "restart", "stale"
]

TURNED_AWAY = frozenset({"full", "closed", "no_agents", "overflow"})


@dataclass(slots=True)
class QueueVisit:
    """One visit of a call to one queue; its id is that of the event that opens it.

    Instants in microseconds since 1970, the wait in milliseconds. `inferred`: its entry or its end was never told.
    `reason` says why it left, if it was neither answered nor abandoned. `turned_away`: it was never let in.
    """

    id: UUID
    number: int
    queue: str
    entered_at: int
    inferred: bool = False
    outcome: VisitOutcome = "in_progress"
    reason: Reason | None = None
    ended_at: int | None = None
    wait_ms: int | None = None
    agent: str | None = None
    turned_away: bool = False

    def end(self, outcome: VisitOutcome, at: int, stated_wait: int | None, notes: dict[str, None]) -> None:
        """Closes the visit; the wait is as stated, else the difference of instants, never below 0."""
        if stated_wait is None:
            stated_wait = (at - self.entered_at) // 1000
            if stated_wait < 0:
                notes["negative_wait"] = None
                stated_wait = 0
        self.outcome = outcome
        self.wait_ms = stated_wait
        self.ended_at = max(at, self.entered_at)
