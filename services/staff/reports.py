"""Lists of employees; who they are is unsealed for the answer alone."""

from uuid import UUID

from services.kernel import schemas
from services.kernel.boxes import Boxes
from services.kernel.database import Cursor
from services.kernel.lists import Listing, Row, equal, viewed
from services.kernel.privacy import Keyring
from services.kernel.projections import answers
from services.kernel.values import Actor
from services.staff.domain.employees import EmployeeSummary, ExternalId, FileOpened
from services.staff.queries import EmployeeList, Employees

EMPLOYEES = Listing("employees", equal("role", "team", "status", "external_id"), order={"id": UUID})
NAMELESS = dict.fromkeys(schemas.personal_fields(FileOpened))


class EmployeeReader:
    """Answers about employees."""

    def __init__(self, keyring: Keyring) -> None:
        self._boxes = Boxes(keyring)

    @answers(Employees)
    def employees(self, asked: Employees, db: Cursor, _actor: Actor) -> EmployeeList:
        """A page of the employees that the filters leave, by id: those were made in the order of time."""
        rows, following = EMPLOYEES.page(db, asked)
        files = self._boxes.opened(db, [(row["id"], row["file_event"]) for row in rows if row["file_event"]])
        return EmployeeList(tuple(_summary(row, files.get(row["file_event"], {})) for row in rows), following)


def _summary(row: Row, file: Row) -> EmployeeSummary:
    outside = row["external_id"]
    return viewed(EmployeeSummary, NAMELESS | row | file, external_id=outside and ExternalId(*outside.split(":", 1)))
