"""How followers of the event store read on: gated and in order, so that nothing is skipped (DESIGN section 3)."""

from collections.abc import Sequence
from typing import NamedTuple

from services.kernel.database import Cursor
from services.kernel.store import COLUMNS, Position, StoredEvent

GATE = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
READ = f"""SELECT {COLUMNS} FROM store.events
    WHERE (transaction_id, position) > (%s::text::xid8, %s) AND transaction_id < %s::text::xid8 AND type = ANY(%s)
    ORDER BY events.transaction_id, events.position LIMIT %s"""  # noqa: S608 - a constant
# Transactions without an event of ours, after which the checkpoint is stored all the same: a lag is counted from there.
MARK_EVERY = 100


class Stretch(NamedTuple):
    """Events that follow a checkpoint, and the checkpoint behind them."""

    events: list[StoredEvent]
    reached: Position

    def moves(self, stored: Position) -> bool:
        """Whether the checkpoint behind it is worth storing, where `stored` is the one before."""
        return bool(self.events) or self.reached.transaction_id - stored.transaction_id > MARK_EVERY


def read_on(db: Cursor, checkpoint: Position, types: Sequence[str], limit: int) -> Stretch:
    """The next events of those types after a checkpoint, `limit` at most, in (transaction, position) order.

    Reads only what is older than every open write transaction, so that none can still come before what was read. It
    needs no transaction: what is older than the gate does not change.
    """
    (gate,) = db.execute(GATE).fetchone() or (0,)
    rows = db.execute(READ, (*checkpoint, gate, list(types), limit)).fetchall()
    events = [StoredEvent._make(row) for row in rows]
    full = len(events) == limit
    return Stretch(events, Position(events[-1].transaction_id, events[-1].position) if full else Position(gate, 0))
