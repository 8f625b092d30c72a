"""The supervised period: weeks of work under experienced supervisors, before an employee acts alone."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Literal, get_args
from uuid import UUID

from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Day, Length, Personal, Range

Duty = Literal["files", "reviews", "schedules", "procedures", "systems", "customers"]
Status = Literal["hired", "supervised", "signed_off", "supervision_ended"]
Reason = Annotated[str, Length(1, 1000), Personal()]
Weeks = Annotated[int, Range(1, 104)]
DUTIES: tuple[Duty, ...] = get_args(Duty)


@values
class SupervisionTerms:
    """By whom somebody is supervised (ids of employees), from which day on, and for how long at least."""

    supervisors: Annotated[tuple[UUID, ...], Length(1, 20)]
    minimum_weeks: Weeks
    starts_on: Day

    @property
    def minimum_past(self) -> date:
        """The first day on which the minimum weeks are past."""
        return self.starts_on + timedelta(weeks=self.minimum_weeks)


@command
class StartSupervision(SupervisionTerms):
    """Begin the supervised period of an employee."""


@command
class RecordCheckpoint:
    """Note how the trainee does, on a day."""

    note: Annotated[str, Length(1, 4000), Personal()]
    on: Day


@command
class ProveDuty:
    """Note that the trainee has shown to master a duty."""

    duty: Duty


@command
class ExtendSupervision:
    """Set a longer minimum, with the reason."""

    minimum_weeks: Weeks
    reason: Reason


@command
class EndSupervision:
    """End the period without a sign-off, with the reason; another may begin later."""

    reason: Reason


@command
class SignOff:
    """Let the trainee act alone: the minimum weeks are past, every duty is proven, the induction is finished."""


Order = StartSupervision | RecordCheckpoint | ProveDuty | ExtendSupervision | EndSupervision | SignOff


@event("supervision_started")
class SupervisionStarted(SupervisionTerms):
    """The employee works under supervision."""


@event("checkpoint_recorded")
class CheckpointRecorded:
    """How the trainee did, on a day; the note is None once it is erased."""

    on: date
    note: Annotated[str | None, Personal()] = None


@event("duty_proven")
class DutyProven:
    """The trainee masters a duty."""

    duty: Duty


@event("supervision_extended")
class SupervisionExtended:
    """The period is at least so long now."""

    minimum_weeks: int
    reason: Annotated[str | None, Personal()] = None


@event("supervision_ended")
class SupervisionEnded:
    """The period is over, and the employee does not act alone."""

    reason: Annotated[str | None, Personal()] = None


@event("supervision_signed_off")
class SupervisionSignedOff:
    """The employee acts alone from a day on."""

    employee: UUID
    on: date


Happened = (
    SupervisionStarted | CheckpointRecorded | DutyProven | SupervisionExtended | SupervisionEnded | SupervisionSignedOff
)

STATUS_AFTER: Mapping[type, Status] = {
    SupervisionStarted: "supervised",
    SupervisionEnded: "supervision_ended",
    SupervisionSignedOff: "signed_off",
}


@state
class SupervisedPeriod:
    """Where an employee stands on the way to acting alone; `terms` is None until supervision first begins."""

    status: Status = "hired"
    terms: SupervisionTerms | None = None
    proven: frozenset[Duty] = frozenset()
    checkpoints: tuple[CheckpointRecorded, ...] = ()

    @property
    def missing(self) -> tuple[Duty, ...]:
        """The duties that are still to be proven."""
        return tuple(duty for duty in DUTIES if duty not in self.proven)


def decide(
    period: SupervisedPeriod, order: Order, ctx: Context, *, agent: str | None, induction_finished: bool
) -> Decision:
    """Nobody judges their own period; `agent` is the name by which calls know the trainee."""
    if isinstance(order, StartSupervision):
        return _start(period, order, ctx)
    if period.status != "supervised":
        return Rejected("staff.supervision.not_running", "No supervised period is running: start one first.")
    if ctx.actor.is_employee(ctx.key, agent):
        return Rejected("staff.supervision.own_period", "Have somebody else do this: it is your own supervised period.")
    match order:
        case RecordCheckpoint():
            return of(CheckpointRecorded, order)
        case ProveDuty(duty):
            return () if duty in period.proven else DutyProven(duty)
        case ExtendSupervision(weeks) if period.terms and weeks <= period.terms.minimum_weeks:
            detail = f"Give more than the {period.terms.minimum_weeks} weeks that are the minimum already."
            return Rejected("staff.supervision.not_longer", detail, 422, "/minimum_weeks")
        case ExtendSupervision():
            return of(SupervisionExtended, order)
        case EndSupervision():
            return of(SupervisionEnded, order)
        case SignOff():
            today = ctx.now.date()
            missing = _missing(period, today, induction_finished=induction_finished)
            return missing or SupervisionSignedOff(UUID(ctx.key), today)


def _start(period: SupervisedPeriod, order: StartSupervision, ctx: Context) -> Decision:
    if period.status in ("supervised", "signed_off"):
        detail = "A supervised period is running, or was signed off: no other begins."
        return Rejected("staff.supervision.started_already", detail)
    if UUID(ctx.key) in order.supervisors:
        detail = "Name other employees as supervisors: nobody supervises themselves."
        return Rejected("staff.supervision.own_supervisor", detail, 422, "/supervisors")
    return of(SupervisionStarted, order)


def _missing(period: SupervisedPeriod, today: date, *, induction_finished: bool) -> Rejected | None:
    """What a sign-off still waits for."""
    if period.terms and today < period.terms.minimum_past:
        detail = f"Sign off on {period.terms.minimum_past} or later: then the minimum weeks are past."
        return Rejected("staff.supervision.too_early", detail)
    if period.missing:
        detail = f"Have these duties proven first: {', '.join(period.missing)}."
        return Rejected("staff.supervision.duties_missing", detail)
    if not induction_finished:
        detail = "Have the induction finished first: complete the steps of its learning plan in training."
        return Rejected("staff.supervision.induction_missing", detail)
    return None


def evolve(period: SupervisedPeriod, happened: Happened) -> SupervisedPeriod:
    """A period that begins anew begins with nothing proven."""
    match happened:
        case SupervisionStarted():
            return SupervisedPeriod("supervised", of(SupervisionTerms, happened))
        case CheckpointRecorded():
            return changed(period, checkpoints=(*period.checkpoints, happened))
        case DutyProven(duty):
            return changed(period, proven=period.proven | {duty})
        case SupervisionExtended(weeks):
            return changed(period, terms=period.terms and changed(period.terms, minimum_weeks=weeks))
        case SupervisionEnded() | SupervisionSignedOff():
            return changed(period, status=STATUS_AFTER[type(happened)])
