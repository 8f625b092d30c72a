"""How followers of the event store read on: gated and in order, so that nothing is skipped (DESIGN section 3)."""

import threading
from collections.abc import Sequence
from typing import NamedTuple

from services.kernel.database import Connection, Cursor, twin
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
    return _found(db, _ask(db, checkpoint, types, limit), limit)


def _ask(db: Cursor, checkpoint: Position, types: Sequence[str], limit: int) -> int:
    """Has the answer in the memory of this process; returns the gate up to which it is complete."""
    (gate,) = db.execute(GATE).fetchone() or (0,)
    db.execute(READ, (*checkpoint, gate, list(types), limit))
    return int(gate)


def _found(db: Cursor, gate: int, limit: int) -> Stretch:
    events = [StoredEvent._make(row) for row in db.fetchall()]
    full = len(events) == limit
    return Stretch(events, Position(events[-1].transaction_id, events[-1].position) if full else Position(gate, 0))


class Ahead:
    """Reads the next stretch on a connection and in a thread of its own, while the one before is being applied.

    It does so behind full stretches only, where it is all but certain that there is more: where a follower has fallen
    behind, or a read model is built anew. What it finds is what `read_on` would have found at that moment.
    """

    def __init__(self, connection: Connection) -> None:
        self._beside = connection
        self._own: Connection | None = None
        self._begun: _Begun | None = None

    def close(self) -> None:
        """Ends its connection, after a reading that is under way."""
        if self._begun is not None:
            self._begun.join()
        if self._own is not None:
            self._own.close()

    def read_on(self, db: Cursor, checkpoint: Position, types: Sequence[str], limit: int) -> Stretch:
        """The next events, as the function of that name gives them."""
        stretch = self._taken(checkpoint)
        # Nothing: what is being applied held it back, so that only a look from now on says that there is nothing.
        if stretch is None or not stretch.events:
            stretch = read_on(db, checkpoint, types, limit)
        if len(stretch.events) == limit:
            if self._own is None:
                self._own = twin(self._beside)
            self._begun = _Begun(self._own, stretch.reached, types, limit)
            self._begun.start()
        return stretch

    def _taken(self, checkpoint: Position) -> Stretch | None:
        begun, self._begun = self._begun, None
        if begun is None:
            return None
        stretch = begun.result()
        return stretch if begun.checkpoint == checkpoint else None


class _Begun(threading.Thread):
    """A reading that is under way."""

    def __init__(self, connection: Connection, checkpoint: Position, types: Sequence[str], limit: int) -> None:
        super().__init__(name="reading ahead", daemon=True)
        self.checkpoint = checkpoint
        self._types, self._limit = types, limit
        self._db = connection.cursor()
        self._gate: int | BaseException = 0

    def run(self) -> None:
        # No more than to have the answer here: to make objects of it in a second thread would take of the first one's
        # time what it saves, and of memory several times as much.
        try:
            self._gate = _ask(self._db, self.checkpoint, self._types, self._limit)
        except BaseException as failure:  # noqa: BLE001 - raised where the result is asked for
            self._gate = failure

    def result(self) -> Stretch:
        """What was read; raises what the reading raised."""
        self.join()
        if isinstance(self._gate, BaseException):
            raise self._gate
        with self._db:
            return _found(self._db, self._gate, self._limit)
