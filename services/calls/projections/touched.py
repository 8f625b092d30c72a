"""Calls on which something bears that no fact of theirs tells: a restart, a clock, a name, an erasure.

There may be millions of them, which neither memory nor one transaction should hold: while that is open, every reader
of events in the cluster waits. So they are listed where the follower's own connection alone sees them, and taken from
there some at a time (docs/adr/0039).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import sql

from services.calls.domain.intervals import Cause
from services.kernel.database import Cursor

TABLE = """
CREATE TEMPORARY TABLE IF NOT EXISTS touched_calls (
    call uuid NOT NULL, cause text NOT NULL, PRIMARY KEY (call, cause)
);
TRUNCATE touched_calls"""
# In years of calls, longer than any other statement should.
PATIENTLY = "SET LOCAL statement_timeout = '10min'"
ADD = "INSERT INTO touched_calls SELECT call, %(cause)s FROM ({found}) AS found(call) ON CONFLICT DO NOTHING"
NEXT = """SELECT call, array_agg(cause) FROM touched_calls WHERE call > %s
    GROUP BY call ORDER BY call LIMIT %s"""


class Touched:
    """The calls that are to be folded anew, and why their figures move with it."""

    def __init__(self, db: Cursor) -> None:
        self._db, self._last = db, UUID(int=0)
        db.execute(TABLE)
        self.be_patient()

    def be_patient(self) -> None:
        """Call it in each transaction that adds calls: to find them may take long."""
        self._db.execute(PATIENTLY)

    def add(self, cause: Cause | None, found: str, asked: Mapping[str, Any]) -> None:
        """The calls that a query finds; None: no figure moves with them."""
        statement = sql.SQL(ADD).format(found=sql.SQL(found))  # type: ignore[arg-type]
        self._db.execute(statement, {**asked, "cause": cause or ""})

    def next(self, limit: int) -> dict[UUID, set[Cause]]:
        """Some that were not taken yet; empty where none are left."""
        found = self._db.execute(NEXT, (self._last, limit)).fetchall()
        if found:
            self._last = found[-1][0]
        return {call: set(causes) - {""} for call, causes in found}
