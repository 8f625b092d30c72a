"""What can be asked of the staff service, and the shape of each answer."""

from uuid import UUID

from services.kernel.decider import values
from services.kernel.lists import Paged
from services.staff.domain.employees import EmployeeSummary
from services.staff.domain.supervision import Status


@values
class EmployeeOf:
    """Show an employee with their supervised period."""

    employee: UUID


@values
class Employees(Paged):
    """List employees in the order in which they were hired; `external_id` is `system:value`."""

    role: str | None = None
    team: str | None = None
    agent: str | None = None
    status: Status | None = None
    external_id: str | None = None


@values
class EmployeeList:
    """A page of employees; `next` is the cursor of the following page."""

    items: tuple[EmployeeSummary, ...]
    next: str | None
