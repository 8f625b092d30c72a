"""What the staff service does when another service tells of something."""

from collections.abc import Iterator
from uuid import UUID

from services.kernel.decider import event
from services.kernel.inbox import Happened, reactions, reacts
from services.kernel.things import Order
from services.staff.api import employees
from services.staff.domain.employees import NoteInduction


@event("learning_plan_finished")
class LearningPlanFinished:
    """What we read of it."""

    plan: UUID
    employee: UUID
    kind: str


@reacts("training", LearningPlanFinished)
def note_induction(finished: LearningPlanFinished, _happened: Happened) -> Iterator[Order]:
    """An induction is noted on the employee; of somebody unknown it waits, and is parked in the dead queue at last."""
    if finished.kind == "induction":
        yield Order(employees, str(finished.employee), NoteInduction(finished.plan))


REACTIONS = reactions(note_induction)
