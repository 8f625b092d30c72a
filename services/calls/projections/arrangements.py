"""What people have arranged: quotas, alert rules with their alerts, report schedules, and who is in which team.

They happen so seldom that one follower does for all of them: each further one would look through every fact, too.
"""

from collections.abc import Sequence

from services.calls.projections.alerts import AlertRegister
from services.calls.projections.memberships import TeamRegister
from services.calls.projections.quotas import QuotaRegister
from services.calls.projections.report_schedules import ReportCalendar
from services.kernel.database import Cursor
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent

PARTS = (QuotaRegister(), AlertRegister(), ReportCalendar(), TeamRegister())


class Arrangements(Projection):
    """Follows them, each by a part that has its own tables."""

    name = "arrangements"
    version = 3
    handles = tuple(kind for part in PARTS for kind in part.handles)
    tables = "".join(part.tables for part in PARTS)

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Gives each part its own events."""
        for part in PARTS:
            part.apply([event for event in events if event.type in part.handles], db)
