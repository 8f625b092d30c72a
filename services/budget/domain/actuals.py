"""Actuals: dated expense facts, each citing the event that it rests on. What was posted is never edited.

What a call or an award has come to is posted as the difference to what stands: whatever becomes of it later, the sum of
its actuals is what was last told of it.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.kernel.decider import Context, Decision, changed, command, event, of, state, values
from services.kernel.values import Money

Account = Literal["telephony", "awards"]


@values
class Source:
    """The event that an actual rests on: whose, its id, what it tells of, and the revision where it has one."""

    service: str
    event: UUID
    subject: str
    revision: int | None = None


@values
class Expense:
    """What is booked. Telephony in seconds, awards in money; a correction may be negative.

    The cost centre of telephony is not written here: it is that which bears the queue whenever somebody asks. No queue:
    a direct or outbound call.
    """

    account: Account
    incurred_at: datetime
    cites: Source
    cost_centre: str | None = None
    queue: str | None = None
    seconds: Decimal | None = None
    amount: Money | None = None


@command
class PostTelephony:
    """Have the actuals of a call come to so many seconds of telephony, at this queue and instant."""

    queue: str | None
    incurred_at: datetime
    seconds: Decimal
    cites: Source


@command
class PostAward:
    """Post what an award costs, once."""

    cost_centre: str
    amount: Money
    incurred_at: datetime
    cites: Source


@event("actual_posted")
class ActualPosted(Expense):
    """An expense, or the difference to what was posted of it before."""


@event("actual_reversed")
class ActualReversed(Expense):
    """All that was posted of an expense is taken back: equal and opposite."""


@state
class Actual:
    """What stands of all that was posted on one call or award."""

    standing: Expense | None = None


def decide(actual: Actual, order: PostTelephony | PostAward, _ctx: Context) -> Decision:
    """Nothing is posted that makes no difference."""
    match order:
        case PostTelephony():
            return _telephony(actual.standing, order)
        case PostAward():
            return () if actual.standing else of(ActualPosted, order, account="awards")


def _telephony(standing: Expense | None, order: PostTelephony) -> list[ActualPosted | ActualReversed]:
    posted = standing.seconds if standing and standing.seconds else Decimal(0)
    postings: list[ActualPosted | ActualReversed] = []
    if standing and (not order.seconds or (standing.queue, standing.incurred_at) != (order.queue, order.incurred_at)):
        postings.append(of(ActualReversed, standing, seconds=-posted, cites=order.cites))
        posted = Decimal(0)
    if difference := order.seconds - posted:
        postings.append(
            ActualPosted("telephony", order.incurred_at, order.cites, queue=order.queue, seconds=difference)
        )
    return postings


def evolve(actual: Actual, happened: ActualPosted | ActualReversed) -> Actual:
    """What is posted adds to what stands; a reversal leaves nothing."""
    match happened, actual.standing:
        case ActualReversed(), _:
            return Actual()
        case ActualPosted(seconds=Decimal() as more), Expense(seconds=Decimal() as posted) as standing:
            return Actual(changed(standing, seconds=posted + more))
        case _:
            return Actual(of(Expense, happened))
