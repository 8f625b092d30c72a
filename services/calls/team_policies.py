"""What the calls service does when staff tells of employees: it keeps who is in which team."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from services.calls.api import memberships
from services.calls.domain.memberships import NotePlacements, Placement
from services.kernel.decider import event
from services.kernel.inbox import Happened, reactions, reacts
from services.kernel.things import Order

FIRST = 1  # the revision that a hiring is: what comes later has that of its place in the employee's stream


@event("employee_hired")
class EmployeeHired:
    """What we read of it."""

    employee: UUID
    starts_on: date
    team: str | None = None
    agent: str | None = None


@event("employee_updated")
class EmployeeUpdated:
    """What we read of it: all placements of the employee, by day."""

    employee: UUID
    placements: tuple[Placement, ...]


@reacts("staff", EmployeeHired)
def note_hiring(hired: EmployeeHired, _happened: Happened) -> Iterator[Order]:
    """Whoever is hired is in their team from their first day on."""
    yield _order(hired.employee, FIRST, (Placement(hired.starts_on, hired.team, hired.agent),))


@reacts("staff", EmployeeUpdated)
def note_transfer(updated: EmployeeUpdated, happened: Happened) -> Iterator[Order]:
    """Whoever is transferred is where all their placements together say."""
    yield _order(updated.employee, happened.event.revision or FIRST, updated.placements)


def _order(employee: UUID, revision: int, placements: tuple[Placement, ...]) -> Order:
    return Order(memberships, str(employee), NotePlacements(revision, placements))


REACTIONS = reactions(note_hiring, note_transfer)
