"""What bears on all calls beside their own facts: clocks, restarts and names of their sources, erasure of persons."""

from collections.abc import Mapping
from typing import NamedTuple

from services.calls.domain.names import Names
from services.calls.projections.identities import read_names
from services.calls.projections.stories import microseconds
from services.kernel.database import Cursor
from services.kernel.store import Position

OFFSETS = "SELECT source, clock_offset_us FROM sources"
RESTARTS = "SELECT source, occurred_at FROM source_restarts ORDER BY occurred_at"
LAST_ERASURE = """SELECT transaction_id, position FROM erasures
    ORDER BY transaction_id DESC, position DESC LIMIT 1"""


class Circumstances(NamedTuple):
    """Clock offset of each source that was configured, in microseconds; restarts of each source in order, in
    microseconds since 1970, the offset applied; the place of the last erasure, (0, 0) where nobody was erased; what the
    names of each source mean of which any is mapped.
    """

    offsets: Mapping[str, int]
    restarts: Mapping[str, list[int]]
    last_erasure: Position
    names: Mapping[str, Names]

    @classmethod
    def read(cls, db: Cursor, names: Mapping[str, Names] | None = None) -> "Circumstances":
        """As the tables have them; they change so rarely that the answer is worth keeping, as are `names`."""
        offsets: dict[str, int] = dict(db.execute(OFFSETS).fetchall())
        restarts: dict[str, list[int]] = {}
        for source, occurred_at in db.execute(RESTARTS):
            restarts.setdefault(source, []).append(microseconds(occurred_at) + offsets.get(source, 0))
        last_erasure = Position(*db.execute(LAST_ERASURE).fetchone() or ())
        return cls(offsets, restarts, last_erasure, read_names(db, "identity_changes") if names is None else names)
