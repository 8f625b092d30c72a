"""How far the figures are behind what was acknowledged."""

from collections.abc import Sequence
from typing import Any

from services.kernel.database import Cursor
from services.kernel.projections import Projection, lags

STORED = "SELECT queue, facts FROM store.ingest_progress WHERE publisher = %s"


def progress(db: Cursor, read_models: Sequence[Projection], publisher: str) -> dict[str, Any]:
    """`stored`: how many facts of a publisher are stored, by queue; `lags`: stored events that are in no figure yet."""
    stored = dict(db.execute(STORED, (publisher,)).fetchall())
    return {"stored": stored, "lags": {name: waiting for name, (waiting, _) in lags(db, read_models).items()}}
