"""Cost centres: what finance books costs under, by codes of its own, and the queues whose telephony each bears."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Example, Length

Label = Annotated[str, Length(1, 200), Example("Customer service, Paris")]
Queues = Annotated[tuple[Annotated[str, Length(1, 200), Example("sales-fr")], ...], Length(max=1000)]
Status = Literal["unopened", "open", "closed"]


@command
class OpenCostCentre:
    """Open a cost centre under the code by which finance knows it; its months begin in its time zone."""

    label: Label
    queues: Queues = ()
    timezone: ZoneInfo = ZoneInfo("UTC")


@command
class CarryQueues:
    """Have a cost centre bear the telephony of these queues and of no others, past calls included.

    A queue that several cost centres name is borne by the one that named it last.
    """

    queues: Queues


@command
class CloseCostCentre:
    """Close a cost centre; it goes on bearing what it bears until another names its queues."""


@event("cost_centre_opened")
class CostCentreOpened:
    """Costs may be planned under it from now on. `cost_centre` is its code."""

    label: str
    queues: tuple[str, ...]
    timezone: ZoneInfo
    cost_centre: str


@event("queues_carried")
class QueuesCarried:
    """It bears the telephony of these queues, and of no others."""

    queues: tuple[str, ...]
    cost_centre: str


@event("cost_centre_closed")
class CostCentreClosed:
    """It takes no further queues."""

    cost_centre: str


@state
class CostCentre:
    """A cost centre; one that nobody has opened has no label."""

    status: Status = "unopened"
    label: str | None = None
    queues: tuple[str, ...] = ()
    timezone: ZoneInfo = ZoneInfo("UTC")


@values
class CostCentreView:
    """A cost centre as it is shown. `queues`: those that it named, even where another has named them since."""

    cost_centre: str
    status: Status
    label: str | None
    queues: tuple[str, ...]
    timezone: ZoneInfo


def decide(centre: CostCentre, order: OpenCostCentre | CarryQueues | CloseCostCentre, ctx: Context) -> Decision:
    """A code is opened once: what was booked under it keeps its meaning."""
    match order:
        case OpenCostCentre() if centre.status == "unopened":
            return of(CostCentreOpened, order, queues=_each_once(order.queues), cost_centre=ctx.key)
        case OpenCostCentre():
            return Rejected("budget.cost_centre.open_already", "This code was opened before; take another.")
        case CarryQueues() if centre.status == "open":
            return QueuesCarried(_each_once(order.queues), ctx.key)
        case CloseCostCentre() if centre.status == "open":
            return CostCentreClosed(ctx.key)
        case _:
            return Rejected("budget.cost_centre.not_open", "This cost centre is not open; open it, or take another.")


def _each_once(queues: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*queues}))


def evolve(centre: CostCentre, happened: CostCentreOpened | QueuesCarried | CostCentreClosed) -> CostCentre:
    """Open, then closed for good."""
    match happened:
        case CostCentreOpened():
            return of(CostCentre, happened, status="open")
        case QueuesCarried():
            return changed(centre, queues=happened.queues)
        case CostCentreClosed():
            return changed(centre, status="closed")


def view(code: str, centre: CostCentre) -> CostCentreView:
    """What is shown of a cost centre."""
    return of(CostCentreView, centre, cost_centre=code)
