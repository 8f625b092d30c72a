"""Awards as they are listed; why one was granted stays in the sealed box of its first event."""

from collections.abc import Sequence

from services.kernel.database import Cursor
from services.kernel.projections import Projection
from services.kernel.schemas import revive
from services.kernel.store import StoredEvent
from services.training.domain.awards import AwardGranted


class AwardRegister(Projection):
    """Follows what is granted and approved; `minor` are minor units of the currency."""

    name = "awards"
    version = 1
    handles = ("award_granted", "award_approved")
    tables = """
        CREATE TABLE awards (
            id uuid PRIMARY KEY, granted_event uuid NOT NULL, employee uuid NOT NULL, minor bigint NOT NULL,
            currency text NOT NULL, cost_centre text NOT NULL, period text, granted_by text NOT NULL,
            status text NOT NULL DEFAULT 'granted', approved_by text, approved_at timestamptz
        );
        CREATE INDEX ON awards (employee);"""

    GRANT = """INSERT INTO awards (id, granted_event, employee, minor, currency, cost_centre, period, granted_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"""
    APPROVE = "UPDATE awards SET status = 'approved', approved_by = %s, approved_at = %s WHERE id = %s"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Granted, then approved."""
        for event in events:
            data = event.data
            if event.type == "award_approved":
                db.execute(self.APPROVE, (data["approved_by"], data["approved_at"], event.stream_id))
            else:
                db.execute(self.GRANT, (event.stream_id, event.event_id, *_columns(revive(AwardGranted, data))))


def _columns(granted: AwardGranted) -> tuple[object, ...]:
    amount = granted.amount
    return granted.employee, amount.minor, amount.currency, granted.cost_centre, granted.period, granted.granted_by
