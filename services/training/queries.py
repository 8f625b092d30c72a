"""What can be asked of the training service, and the shape of each answer."""

from uuid import UUID

from services.kernel.decider import values
from services.kernel.lists import Paged
from services.training.domain import awards, learning_plans
from services.training.domain.awards import AwardView
from services.training.domain.inductions import Name
from services.training.domain.learning_plans import LearningPlanSummary


@values
class InductionOf:
    """Show the induction of a role; it has no courses until it is defined."""

    role: Name


@values
class LearningPlanOf:
    """Show a learning plan with its steps."""

    plan: UUID


@values
class LearningPlans(Paged):
    """List learning plans, the oldest first."""

    employee: UUID | None = None
    status: learning_plans.Status | None = None


@values
class LearningPlanList:
    """A page of learning plans; `next` is the cursor of the following page."""

    items: tuple[LearningPlanSummary, ...]
    next: str | None


@values
class AwardOf:
    """Show an award."""

    award: UUID


@values
class Awards(Paged):
    """List awards in the order in which they were granted."""

    employee: UUID | None = None
    cost_centre: str | None = None
    status: awards.Status | None = None


@values
class AwardList:
    """A page of awards; `next` is the cursor of the following page."""

    items: tuple[AwardView, ...]
    next: str | None
