"""How far the figures are behind what was acknowledged."""

from collections.abc import Sequence
from typing import Any

from services.kernel.database import Cursor
from services.kernel.projections import Projection, lags
from services.kernel.store import held_back_by

STORED = "SELECT queue, facts FROM store.ingest_progress WHERE publisher = %s"


def progress(db: Cursor, read_models: Sequence[Projection], publisher: str) -> dict[str, Any]:
    """`stored`: how many facts of a publisher are stored, by queue; `lags`: stored events that are in no figure yet;
    `held_back_by`: the process whose open transaction readers wait for, if there is one.
    """
    stored = dict(db.execute(STORED, (publisher,)).fetchall())
    waiting = held_back_by(db)
    return {"stored": stored, "lags": lags(db, read_models), "held_back_by": waiting and waiting._asdict()}
