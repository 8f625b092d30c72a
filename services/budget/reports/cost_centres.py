"""Cost centres as they are listed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.budget.domain.cost_centres import CostCentreView
from services.budget.queries import CostCentreList, CostCentres
from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.projections import answers
from services.kernel.values import Actor

LIST = """
    SELECT cost_centre, status, label,
        array(SELECT queue FROM carried_queues AS carried WHERE carried.cost_centre = cost_centres.cost_centre
            ORDER BY queue),
        timezone
    FROM cost_centres
    WHERE (%(status)s::text IS NULL OR status = %(status)s) AND (%(after)s::text IS NULL OR cost_centre > %(after)s)
    ORDER BY cost_centre LIMIT %(limit)s"""


class CostCentreReports:
    """Answers about cost centres."""

    @answers(CostCentres)
    def cost_centres(self, asked: CostCentres, db: Cursor, _actor: Actor) -> CostCentreList:
        """A page of them, by code."""
        now = datetime.now(UTC)
        after = decode(asked.cursor, now, str)[0] if asked.cursor else None
        found = db.execute(LIST, {"status": asked.status, "after": after, "limit": asked.limit + 1}).fetchall()
        items = tuple(
            CostCentreView(code, status, label, tuple(queues), ZoneInfo(zone))
            for code, status, label, queues, zone in found[: asked.limit]
        )
        more = len(found) > asked.limit
        return CostCentreList(items, encode(now, items[-1].cost_centre) if more else None)
