"""Cost centres as they are listed."""

from zoneinfo import ZoneInfo

from services.budget.domain.cost_centres import CostCentreView
from services.budget.queries import CostCentreList, CostCentres
from services.kernel.database import Cursor
from services.kernel.lists import Listing, equal, viewed
from services.kernel.projections import answers
from services.kernel.values import Actor

CENTRES = """(
    SELECT cost_centres.*, array(
        SELECT queue FROM carried_queues WHERE carried_queues.cost_centre = cost_centres.cost_centre ORDER BY queue
    ) AS queues FROM cost_centres
) AS centres"""
COST_CENTRES = Listing(CENTRES, equal("status"), order={"cost_centre": str})


class CostCentreReports:
    """Answers about cost centres."""

    @answers(CostCentres)
    def cost_centres(self, asked: CostCentres, db: Cursor, _actor: Actor) -> CostCentreList:
        """A page of them, by code."""
        rows, following = COST_CENTRES.page(db, asked)
        views = [
            viewed(CostCentreView, row, queues=tuple(row["queues"]), timezone=ZoneInfo(row["timezone"])) for row in rows
        ]
        return CostCentreList(tuple(views), following)
