"""What the training service does when another service tells of something."""

from collections.abc import Iterator
from uuid import UUID, uuid5

from services.kernel.decider import event
from services.kernel.inbox import Happened, reactions, reacts
from services.kernel.things import Order
from services.training.api import inductions, learning_plans
from services.training.domain.inductions import Induction
from services.training.domain.learning_plans import StartPlan


@event("employee_hired")
class EmployeeHired:
    """What we read of it."""

    employee: UUID
    role: str


@reacts("staff", EmployeeHired)
def open_induction(hired: EmployeeHired, happened: Happened) -> Iterator[Order]:
    """Whoever is hired takes the courses of their role's induction, as it is defined now."""
    induction: Induction = happened.look(inductions, hired.role)
    plan = uuid5(happened.event.id, "induction")
    yield Order(learning_plans, str(plan), StartPlan(hired.employee, "induction", induction.courses))


REACTIONS = reactions(open_induction)
