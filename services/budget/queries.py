"""What can be asked of the budget service, and the shape of each answer (durations in decimal seconds)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from services.budget.domain.actuals import Account, Source
from services.budget.domain.cost_centres import CostCentreView, Status
from services.kernel.decider import values
from services.kernel.lists import Paged
from services.kernel.values import Example, Length, Money

Name = Annotated[str, Length(1, 200)]
Code = Annotated[str, Length(1, 200), Example("CC-PARIS")]


@values
class CostCentreOf:
    """Show a cost centre; a code that nobody has opened is shown as such."""

    cost_centre: Code


@values
class CostCentres(Paged):
    """List the cost centres that were opened, by code."""

    status: Literal["open", "closed"] | None = None


@values
class CostCentreList:
    """A page of cost centres; `next` is the cursor of the following page."""

    items: tuple[CostCentreView, ...]
    next: str | None


@values
class Actuals(Paged):
    """List actuals in the order in which they were incurred, which `from` and `to` bound."""

    cost_centre: Code | None = None
    account: Account | None = None
    queue: Name | None = None
    from_: datetime | None = None
    to: datetime | None = None


@values
class ActualView:
    """One posting. `cost_centre` is that which bears it now; `reverses`: it takes back what was posted before."""

    id: UUID
    account: Account
    cost_centre: str | None
    queue: str | None
    incurred_at: datetime
    seconds: Decimal | None
    amount: Money | None
    reverses: bool
    posted_at: datetime
    cites: Source


@values
class ActualList:
    """A page of actuals."""

    items: tuple[ActualView, ...]
    next: str | None


@values
class TotalsOfActuals:
    """Total the actuals of a period by cost centre and account, and by queue or month where asked.

    What no cost centre bears has a row of its own, with `cost_centre` null. A month is that of the cost centre's zone.
    """

    from_: datetime
    to: datetime
    cost_centre: Code | None = None
    account: Account | None = None
    group_by: Literal["queue", "month"] | None = None


@values
class ActualTotal:
    """What the actuals of a cost centre and an account come to.

    `sources`: the calls or awards of which anything stands. `minutes` are rounded once, half-even, to two decimals.
    `amounts`: one a currency. `month` is its first day.
    """

    cost_centre: str | None
    label: str | None
    status: Status | None
    account: Account
    queue: str | None
    month: date | None
    sources: int
    seconds: Decimal | None
    minutes: Decimal | None
    amounts: tuple[Money, ...]


@values
class ActualTotals:
    """The totals, by cost centre (what none bears at the end), account, queue and month."""

    items: tuple[ActualTotal, ...]
    as_of: datetime
