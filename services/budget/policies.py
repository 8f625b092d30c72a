"""What events of other services lead to in the budget."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from services.budget.api import actuals
from services.budget.domain.actuals import PostAward, PostTelephony, Source
from services.kernel.decider import event
from services.kernel.inbox import Happened, reactions, reacts
from services.kernel.things import Order
from services.kernel.values import Money

NOTHING = Decimal(0)


@event("call_completed")
class CallCompleted:
    """A call is over, or what is known of it has changed: what the budget reads of it."""

    queues: tuple[str, ...]
    excluded: bool
    started_at: datetime
    telephony_seconds: Decimal


@event("award_approved")
class AwardApproved:
    """An award is granted: what the budget reads of it."""

    amount: Money
    cost_centre: str
    approved_at: datetime


@reacts("calls", CallCompleted)
def post_telephony(call: CallCompleted, happened: Happened) -> Iterator[Order]:
    """A call costs its telephony, at the queue that it came to first; one that counts nowhere costs nothing."""
    queue = call.queues[0] if call.queues else None
    seconds = NOTHING if call.excluded else call.telephony_seconds
    yield _order("call", happened, PostTelephony(queue, call.started_at, seconds, _source("calls", happened)))


@reacts("training", AwardApproved)
def post_award(award: AwardApproved, happened: Happened) -> Iterator[Order]:
    """An award costs its amount, at its own cost centre."""
    cites = _source("training", happened)
    yield _order("award", happened, PostAward(award.cost_centre, award.amount, award.approved_at, cites))


def _order(kind: str, happened: Happened, command: PostTelephony | PostAward) -> Order:
    return Order(actuals, f"{kind}:{happened.event.subject}", command)


def _source(service: str, happened: Happened) -> Source:
    told = happened.event
    return Source(service, told.id, told.subject, told.revision)


REACTIONS = reactions(post_telephony, post_award)
