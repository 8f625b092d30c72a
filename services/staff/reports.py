"""Lists of employees; who they are is unsealed for the answer alone."""

from uuid import UUID

from services.kernel.boxes import Boxes
from services.kernel.database import Cursor
from services.kernel.lists import Listing, Row
from services.kernel.privacy import Keyring
from services.kernel.projections import answers
from services.kernel.values import Actor
from services.staff.domain.employees import EmployeeSummary, ExternalId
from services.staff.queries import EmployeeList, Employees

EMPLOYEES = Listing(
    "employees",
    filters={
        "role": "role = %(role)s",
        "team": "team = %(team)s",
        "status": "status = %(status)s",
        "external_id": "external_id = %(external_id)s",
    },
    order={"id": UUID},
)


class EmployeeReader:
    """Answers about employees."""

    def __init__(self, keyring: Keyring) -> None:
        self._boxes = Boxes(keyring)

    @answers(Employees)
    def employees(self, asked: Employees, db: Cursor, _actor: Actor) -> EmployeeList:
        """A page of the employees that the filters leave, by id: those were made in the order of time."""
        rows, following = EMPLOYEES.page(db, asked)
        files = self._boxes.opened(db, [(row["id"], row["file_event"]) for row in rows])
        return EmployeeList(tuple(_summary(row, files[row["file_event"]]) for row in rows), following)


def _summary(row: Row, file: Row) -> EmployeeSummary:
    outside = row["external_id"]
    return EmployeeSummary(
        id=row["id"],
        given_name=file.get("given_name"),
        family_name=file.get("family_name"),
        email=file.get("email"),
        role=row["role"],
        team=row["team"],
        starts_on=row["starts_on"],
        external_id=outside and ExternalId(*outside.split(":", 1)),
        status=row["status"],
    )
