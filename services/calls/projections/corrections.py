"""What was told of closed hours after they had been closed."""

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from services.calls.domain.intervals import FigureCorrected
from services.kernel.database import Cursor
from services.kernel.decider import event_type
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent


class CorrectedFigures(Projection):
    """Follows the corrections of closed hours."""

    name = "corrections"
    version = 1
    handles = (event_type(FigureCorrected),)
    tables = """
        CREATE TABLE corrections (
            id uuid PRIMARY KEY, queue text NOT NULL, interval_start timestamptz NOT NULL, revision integer NOT NULL,
            told jsonb NOT NULL, corrected_at timestamptz NOT NULL
        );
        CREATE INDEX corrections_in_order ON corrections (interval_start, queue, revision);
        CREATE INDEX corrections_of_queue ON corrections (queue, interval_start);"""

    KEEP = "INSERT INTO corrections VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Keeps each as it was told."""
        rows = [
            (each.event_id, told["queue"], told["interval_start"], each.version, Jsonb(told), each.recorded_at)
            for each in events
            for told in [each.data]
        ]
        db.executemany(self.KEEP, rows)
