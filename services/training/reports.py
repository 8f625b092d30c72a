"""Lists of learning plans and of awards; why an award was granted is unsealed for the answer alone."""

from datetime import datetime
from uuid import UUID

from services.kernel.boxes import Boxes
from services.kernel.database import Cursor
from services.kernel.lists import Listing, Row, equal, viewed
from services.kernel.privacy import Keyring
from services.kernel.projections import answers
from services.kernel.values import Actor, Money
from services.training.domain.awards import AwardView
from services.training.domain.learning_plans import LearningPlanSummary
from services.training.queries import AwardList, Awards, LearningPlanList, LearningPlans

PLANS = Listing("learning_plans", equal("employee", "status"), order={"started_at": datetime.fromisoformat, "id": UUID})
AWARDS = Listing("awards", equal("employee", "cost_centre", "status"), order={"id": UUID})


class LearningPlanReader:
    """Answers about learning plans."""

    @answers(LearningPlans)
    def plans(self, asked: LearningPlans, db: Cursor, _actor: Actor) -> LearningPlanList:
        """A page of the plans that the filters leave, by their start."""
        rows, following = PLANS.page(db, asked)
        return LearningPlanList(tuple(viewed(LearningPlanSummary, row) for row in rows), following)


class AwardReader:
    """Answers about awards."""

    def __init__(self, keyring: Keyring) -> None:
        self._boxes = Boxes(keyring)

    @answers(Awards)
    def awards(self, asked: Awards, db: Cursor, _actor: Actor) -> AwardList:
        """A page of the awards that the filters leave, by id: those were made in the order of time."""
        rows, following = AWARDS.page(db, asked)
        sealed = self._boxes.opened(db, [(row["id"], row["granted_event"]) for row in rows])
        return AwardList(tuple(_award(row, sealed[row["granted_event"]]) for row in rows), following)


def _award(row: Row, sealed: Row) -> AwardView:
    return viewed(AwardView, {"reason": None} | row | sealed, amount=Money(row["minor"], row["currency"]))
