"""Hiring, and the induction that training tells of."""

from datetime import date
from uuid import UUID

from services.kernel.decider import specification
from services.staff.domain import employees
from services.staff.domain.employees import (
    Employee,
    EmployeeHired,
    ExternalId,
    FileOpened,
    Hire,
    InductionFinished,
    NoteInduction,
)
from services.staff.domain.supervision import SignOff

ADA, PLAN = UUID(int=1), UUID(int=9)
MONDAY = date(2026, 11, 2)

employee = specification(employees.decide, employees.evolve, Employee()).on(str(ADA))
hired = EmployeeHired(ADA, role="agent", team="north", starts_on=MONDAY)
named = FileOpened("Ada", "Martin", None, ExternalId("hris", "4711"))
hire = Hire("Ada", "Martin", None, ExternalId("hris", "4711"), role="agent", team="north", starts_on=MONDAY)


def test_nobody_is_hired_twice_under_one_id():
    employee.given(hired, named).when(hire).rejected("staff.employee.hired_already")


def test_nothing_is_noted_of_somebody_who_was_never_hired():
    employee.when(NoteInduction(PLAN)).rejected("staff.employee.unknown")
    employee.when(SignOff()).rejected("staff.employee.unknown")


def test_an_employee_is_hired():
    employee.when(hire).then(hired, named)


def test_what_everybody_may_know_of_a_hiring_names_nobody():
    told, _ = employee.when(hire).outcome
    assert not {"Ada", "Martin", "4711"} & {str(value) for value in vars(told).values()}


def test_an_induction_is_noted_once():
    noted = InductionFinished(PLAN)
    employee.given(hired, named).when(NoteInduction(PLAN)).then(noted).leaves(induction=PLAN)
    employee.given(hired, named, noted).when(NoteInduction(PLAN)).then()


def test_an_employee_is_shown():
    shown = employees.view(str(ADA), employee.given(hired, named).when(NoteInduction(PLAN)).after)
    assert (shown.id, shown.given_name, shown.role, shown.team, shown.status) == (ADA, "Ada", "agent", "north", "hired")
    assert (shown.external_id, shown.induction_finished, shown.supervision) == (named.external_id, True, None)
