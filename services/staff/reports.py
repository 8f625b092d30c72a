"""Lists of employees; who they are is unsealed for the answer alone. And whether an agent name is free."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from services.kernel import schemas
from services.kernel.boxes import Boxes
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.lists import Listing, Row, equal, viewed
from services.kernel.privacy import Keyring
from services.kernel.projections import answers
from services.kernel.values import Actor
from services.staff.domain.employees import Employee, EmployeeSummary, ExternalId, FileOpened, Hire
from services.staff.domain.placements import Bearing, Transfer, bearings, placed
from services.staff.queries import EmployeeList, Employees

EMPLOYEES = Listing("employees", equal("role", "team", "agent", "status", "external_id"), order={"id": UUID})
BORNE = """SELECT from_day FROM agent_names WHERE agent = %s AND employee IS DISTINCT FROM %s
    AND daterange(from_day, until_day) && daterange(%s, %s) ORDER BY from_day LIMIT 1"""
NAMELESS = dict.fromkeys(schemas.personal_fields(FileOpened))


def admitted(db: Cursor, _actor: Actor, employee: Employee, order: Any) -> Rejected | None:
    """Refuses an agent name that another employee bears on some of the same days, as far as the register has read.

    Of two who are given one name at the same moment neither is refused: calls then count both under it.
    """
    for agent, from_day, until_day in _named(employee, order):
        borne = db.execute(BORNE, (agent, employee.id, from_day, until_day)).fetchone()
        if borne is not None:
            detail = f"From {borne[0]} on another employee bears the name {agent}: give one of them another name."
            return Rejected("staff.employee.agent_taken", detail, 409, "/agent")
    return None


def _named(employee: Employee, order: Any) -> Iterator[Bearing]:
    """The name that an order gives, with the days on which it is borne then."""
    match order:
        case Hire(agent=str(agent)):
            yield Bearing(agent, order.starts_on, None)
        case Transfer(agent=str(agent)):
            yield from (each for each in bearings(placed(employee.placements, order)) if each.agent == agent)


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
