"""Employees: hired into a role, inducted, supervised, then acting alone."""

from dataclasses import KW_ONLY
from datetime import date
from typing import Annotated
from uuid import UUID

from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Day, Example, Length, Pattern, Personal
from services.staff.domain import supervision
from services.staff.domain.supervision import DUTIES, Duty, Status, SupervisedPeriod, SupervisionTerms

Name = Annotated[str, Length(1, 100)]
System = Annotated[str, Pattern("[a-z0-9_-]{1,50}", "Use small letters, digits, - and _, such as hris.")]
Email = Annotated[str, Length(3, 254), Pattern(r"[^@\s]+@[^@\s]+", "Give an address, such as ada@example.org.")]


@values
class ExternalId:
    """What another system calls an employee; in lists `external_id=system:value`."""

    system: Annotated[System, Example("hris")]
    value: Annotated[Name, Example("4711")]


@values
class Engagement:
    """For which role an employee is engaged, in which team, and from which day on."""

    _: KW_ONLY
    role: Name
    team: Name | None = None
    starts_on: Day


@command
class Hire(Engagement):
    """Take on an employee; their induction opens by itself."""

    given_name: Annotated[Name, Personal()]
    family_name: Annotated[Name, Personal()]
    email: Annotated[Email | None, Personal()] = None
    external_id: ExternalId | None = None


@command
class NoteInduction:
    """Note that the learning plan of the induction is finished."""

    plan: UUID


@event("employee_hired")
class EmployeeHired(Engagement):
    """Somebody works here from a day on."""

    employee: UUID


@event("file_opened")
class FileOpened:
    """Who the employee is; the personal fields are None once they are erased."""

    given_name: Annotated[str | None, Personal()] = None
    family_name: Annotated[str | None, Personal()] = None
    email: Annotated[str | None, Personal()] = None
    external_id: ExternalId | None = None


@event("induction_finished")
class InductionFinished:
    """The employee has taken every course of their role's induction."""

    plan: UUID


@state
class Employee:
    """An employee; `engagement` is None until they are hired."""

    engagement: Engagement | None = None
    file: FileOpened = FileOpened()
    induction: UUID | None = None
    period: SupervisedPeriod = SupervisedPeriod()


@values
class EmployeeSummary(Engagement):
    """An employee as they are listed."""

    id: UUID
    given_name: str | None
    family_name: str | None
    email: str | None
    external_id: ExternalId | None
    status: Status


@values
class CheckpointView:
    """How the trainee did, on a day."""

    on: date
    note: str | None


@values
class PeriodView(SupervisionTerms):
    """A supervised period, with what a sign-off still waits for."""

    earliest_sign_off: date
    proven: tuple[Duty, ...]
    missing: tuple[Duty, ...]
    checkpoints: tuple[CheckpointView, ...]


@values
class EmployeeView(EmployeeSummary):
    """An employee as they are shown; `supervision` is their last supervised period."""

    induction_finished: bool
    supervision: PeriodView | None


def decide(employee: Employee, order: Hire | NoteInduction | supervision.Order, ctx: Context) -> Decision:
    """Somebody is hired once; what comes after needs that."""
    match order:
        case Hire() if employee.engagement:
            return Rejected("staff.employee.hired_already", "This employee is hired: hire another under a new id.")
        case Hire():
            return of(EmployeeHired, order, employee=UUID(ctx.key)), of(FileOpened, order)
        case _ if not employee.engagement:
            return Rejected("staff.employee.unknown", "There is no such employee: hire one first.", 404)
        case NoteInduction(plan):
            return () if employee.induction == plan else InductionFinished(plan)
        case _:
            inducted = employee.induction is not None
            return supervision.decide(employee.period, order, ctx, induction_finished=inducted)


def evolve(
    employee: Employee, happened: EmployeeHired | FileOpened | InductionFinished | supervision.Happened
) -> Employee:
    """What concerns supervision concerns the period."""
    match happened:
        case EmployeeHired():
            return changed(employee, engagement=of(Engagement, happened))
        case FileOpened():
            return changed(employee, file=happened)
        case InductionFinished(plan):
            return changed(employee, induction=plan)
        case _:
            return changed(employee, period=supervision.evolve(employee.period, happened))


def view(key: str, employee: Employee) -> EmployeeView:
    """What is shown of an employee who was hired."""
    file, period = employee.file, employee.period
    return of(
        EmployeeView,
        employee.engagement,
        id=UUID(key),
        **vars(file),
        status=period.status,
        induction_finished=employee.induction is not None,
        supervision=period.terms and _period_view(period, period.terms),
    )


def _period_view(period: SupervisedPeriod, terms: SupervisionTerms) -> PeriodView:
    return of(
        PeriodView,
        terms,
        earliest_sign_off=terms.minimum_past,
        proven=tuple(duty for duty in DUTIES if duty in period.proven),
        missing=period.missing,
        checkpoints=tuple(of(CheckpointView, each) for each in period.checkpoints),
    )
