"""Awards: what a person grants an employee, and another approves."""

from dataclasses import KW_ONLY
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Length, Money, Pattern, Personal

Name = Annotated[str, Length(1, 100)]
Month = Annotated[str, Pattern("[0-9]{4}-(0[1-9]|1[0-2])", "Give a month, such as 2026-11.")]
Status = Literal["granted", "approved"]


@values
class AwardTerms:
    """Who is awarded what, which cost centre pays, and for which month, where it is for one."""

    _: KW_ONLY
    employee: UUID
    amount: Money
    cost_centre: Name
    period: Month | None = None


@command
class GrantAward(AwardTerms):
    """Grant an employee an amount; it is due once somebody else approves it."""

    reason: Annotated[str, Length(1, 1000), Personal()]


@command
class ApproveAward:
    """Approve an award, which then is paid by its cost centre."""


@event("award_granted")
class AwardGranted(AwardTerms):
    """The employee is to be paid, once that is approved; the reason is None once it is erased."""

    granted_by: str
    reason: Annotated[str | None, Personal()] = None


@event("award_approved")
class AwardApproved:
    """The cost centre pays the amount to the employee."""

    award: UUID
    employee: UUID
    amount: Money
    cost_centre: str
    approved_at: datetime
    approved_by: str


@state
class Award:
    """An award; `granted` is None until then."""

    granted: AwardGranted | None = None
    approved: AwardApproved | None = None


@values
class AwardView(AwardTerms):
    """An award as it is shown; who granted and who approved it are known by the id that they act under."""

    id: UUID
    status: Status
    reason: str | None
    granted_by: str
    approved_by: str | None
    approved_at: datetime | None


def decide(award: Award, order: GrantAward | ApproveAward, ctx: Context) -> Decision:
    """Granted by one person, approved by another, and neither approves what they get themselves."""
    match order:
        case GrantAward() if award.granted:
            return Rejected("training.award.granted_already", "This award is granted: grant another under a new id.")
        case GrantAward(amount=amount) if amount.minor <= 0:
            return Rejected("training.award.amount_not_positive", "Grant an amount above zero.", 422, "/amount")
        case GrantAward():
            return of(AwardGranted, order, granted_by=ctx.actor.id)
        case ApproveAward():
            return _approve(award, ctx)


def _approve(award: Award, ctx: Context) -> Decision:
    granted = award.granted
    if granted is None:
        return Rejected("training.award.unknown", "There is no such award: grant it first.", 404)
    if award.approved:
        return Rejected("training.award.approved_already", f"{award.approved.approved_by} has approved this award.")
    if ctx.actor.id == granted.granted_by:
        return Rejected("training.award.own_grant", "Have somebody else approve it: you granted this award.")
    if ctx.actor.is_employee(granted.employee):
        return Rejected("training.award.own_award", "Have somebody else approve it: the award is yours.")
    return of(AwardApproved, granted, award=UUID(ctx.key), approved_at=ctx.now, approved_by=ctx.actor.id)


def evolve(award: Award, happened: AwardGranted | AwardApproved) -> Award:
    """Granted, then approved."""
    match happened:
        case AwardGranted():
            return changed(award, granted=happened)
        case AwardApproved():
            return changed(award, approved=happened)


def view(key: str, award: Award) -> AwardView:
    """What is shown of an award that was granted."""
    approved = award.approved
    return of(
        AwardView,
        award.granted,
        id=UUID(key),
        status="approved" if approved else "granted",
        approved_by=approved and approved.approved_by,
        approved_at=approved and approved.approved_at,
    )
