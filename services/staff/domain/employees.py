"""Employees: hired into a role and a team, inducted, supervised, then acting alone; moved from team to team."""

from dataclasses import KW_ONLY
from datetime import date
from typing import Annotated
from uuid import UUID

from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Day, Example, Length, Pattern, Personal
from services.staff.domain import supervision
from services.staff.domain.placements import AgentName, Placement, Team, Transfer, placed
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
    """For which role an employee is engaged, in which team, and from which day on.

    `agent` is the name by which calls know them: the inside name of their telephone, and the claim `agent` of their
    token. It is public and kept for good, so it should tell nobody who they are.
    """

    _: KW_ONLY
    role: Name
    team: Team | None = None
    agent: AgentName | None = None
    starts_on: Day


@command
class Hire(Engagement):
    """Take on an employee; their induction opens by itself. What `agent` names nobody else may bear at that time."""

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


@event("employee_transferred")
class EmployeeTransferred:
    """The employee works in another team, or under another name, from a day on.

    `placements` are all that they have now, by day, each until the next begins.
    """

    employee: UUID
    placements: tuple[Placement, ...]


@event("employee_updated")
class EmployeeUpdated:
    """What everybody is told when an employee is placed otherwise: all of their placements as they are now, by day."""

    employee: UUID
    placements: tuple[Placement, ...]


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
    """An employee; `engagement` and `id` are None until they are hired."""

    id: UUID | None = None
    engagement: Engagement | None = None
    placements: tuple[Placement, ...] = ()
    file: FileOpened = FileOpened()
    induction: UUID | None = None
    period: SupervisedPeriod = SupervisedPeriod()


@values
class EmployeeSummary(Engagement):
    """An employee as they are listed; `team` and `agent` are those of the last placement, even if it begins later."""

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
    """An employee as they are shown; `supervision` is their last supervised period.

    `placements` say from which day on they work in which team, and under which name; each lasts until the next.
    """

    placements: tuple[Placement, ...]
    induction_finished: bool
    supervision: PeriodView | None


def decide(employee: Employee, order: Hire | Transfer | NoteInduction | supervision.Order, ctx: Context) -> Decision:
    """Somebody is hired once; what comes after needs that."""
    match order:
        case Hire() if employee.engagement:
            return Rejected("staff.employee.hired_already", "This employee is hired: hire another under a new id.")
        case Hire():
            return of(EmployeeHired, order, employee=UUID(ctx.key)), of(FileOpened, order)
        case _ if not employee.engagement:
            return Rejected("staff.employee.unknown", "There is no such employee: hire one first.", 404)
        case Transfer():
            return _transfer(employee, order, ctx)
        case NoteInduction(plan):
            return () if employee.induction == plan else InductionFinished(plan)
        case _:
            agent = employee.placements[-1].agent
            inducted = employee.induction is not None
            return supervision.decide(employee.period, order, ctx, agent=agent, induction_finished=inducted)


def _transfer(employee: Employee, order: Transfer, ctx: Context) -> Decision:
    first = employee.placements[0].effective_from
    if order.effective_from < first:
        detail = f"Transfer them from {first} on or later: on that day they start."
        return Rejected("staff.employee.not_there_yet", detail, 422, "/effective_from")
    after = placed(employee.placements, order)
    return () if after == employee.placements else EmployeeTransferred(UUID(ctx.key), after)


def evolve(
    employee: Employee,
    happened: EmployeeHired | EmployeeTransferred | FileOpened | InductionFinished | supervision.Happened,
) -> Employee:
    """What concerns supervision concerns the period."""
    match happened:
        case EmployeeHired():
            first = Placement(happened.starts_on, happened.team, happened.agent)
            return changed(employee, id=happened.employee, engagement=of(Engagement, happened), placements=(first,))
        case EmployeeTransferred(placements=placements):
            last = placements[-1]
            engagement = employee.engagement and changed(employee.engagement, team=last.team, agent=last.agent)
            return changed(employee, engagement=engagement, placements=placements)
        case FileOpened():
            return changed(employee, file=happened)
        case InductionFinished(plan):
            return changed(employee, induction=plan)
        case _:
            return changed(employee, period=supervision.evolve(employee.period, happened))


def updated(happened: EmployeeTransferred) -> EmployeeUpdated:
    """A transfer under its public name."""
    return of(EmployeeUpdated, happened)


def view(key: str, employee: Employee) -> EmployeeView:
    """What is shown of an employee who was hired."""
    file, period = employee.file, employee.period
    return of(
        EmployeeView,
        employee.engagement,
        id=UUID(key),
        **vars(file),
        status=period.status,
        placements=employee.placements,
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
