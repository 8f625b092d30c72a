"""Calls one by one: lists, a call with its visits and legs, its facts."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from services.calls.domain.dispositions import Kind, Resolved, Sentiment
from services.kernel.decider import values
from services.kernel.lists import Paged
from services.kernel.values import Example, Length, Range

Name = Annotated[str, Length(1, 200)]
Days = Annotated[int, Range(1, 90)]
Outcome = Literal["answered", "abandoned", "overflowed", "in_progress", "not_offered"]


@values
class Calls(Paged):
    """List calls in the order of their first facts, which `from` and `to` bound.

    `customer` is a number, the id of a subject, or a name: as a CRM calls them (`hubspot:4711`), by the numbers that it
    holds, or as the `customer_id` of the source is mapped.
    `external_id` is `source:call_id`. `disposition` is its code; `topic` and `flag` are among those of the disposition.
    `min_wait_seconds` and `out_of_hours` are of a visit (to `queue`, where it is given); out of hours is asked of a
    range. `repeat_of` leaves the calls of the same customer for the same reason within `days` after that call.
    """

    source: Name | None = None
    call_id: Name | None = None
    queue: Name | None = None
    agent: Name | None = None
    direction: Literal["inbound", "outbound", "internal"] | None = None
    outcome: Outcome | None = None
    from_: datetime | None = None
    to: datetime | None = None
    campaign: Name | None = None
    customer: Name | None = None
    interaction: UUID | None = None
    client: Name | None = None
    external_id: Annotated[str | None, Length(1, 401)] = None
    disposition: Name | None = None
    kind: Kind | None = None
    topic: Name | None = None
    sentiment: Sentiment | None = None
    flag: Name | None = None
    resolved: Resolved | None = None
    min_wait_seconds: Annotated[Decimal | None, Range(0, 31_622_400)] = None
    out_of_hours: bool | None = None
    repeat_of: UUID | None = None
    days: Days = 7


@values
class CallOf:
    """Show one call with its visits and legs."""

    id: UUID


@values
class FactsOfCall(Paged):
    """List the facts of one call as the source sent them, in the order that counts."""

    id: UUID


@values
class VisitView:
    """One visit of a call to one queue."""

    id: UUID
    queue: str
    entered_at: datetime
    ended_at: datetime | None
    outcome: Outcome
    reason: str | None
    wait_seconds: Decimal | None
    agent: str | None
    inferred: bool


@values
class LegView:
    """One agent's part in a call; talk is net of hold."""

    id: UUID
    visit_id: UUID | None
    queue: str | None
    agent: str | None
    answered_at: datetime
    ended_at: datetime | None
    ring_seconds: Decimal | None
    talk_seconds: Decimal | None
    hold_seconds: Decimal
    wrapup_seconds: Decimal
    wrapup: Literal["none", "open", "closed"]
    transferred: str | None
    inferred: bool


@values
class LinkedCall:
    """Another call of the same interaction."""

    id: UUID
    call_id: str
    started_at: datetime
    outcome: Outcome


@values
class CallView:
    """One exchange with a customer, from first ring to last wrap-up, built from its facts.

    `interaction` is the id of what it belongs to with the calls that are linked with it: by itself, its own id. Of
    these the first are shown, 100 at most, which the caller may see. `customer_id` is what the source calls the
    customer, `customer_name` who that is, where it is mapped.
    """

    id: UUID
    source: str
    call_id: str
    direction: str | None
    channel: str | None
    campaign: str | None
    caller_number: Annotated[str | None, Example("+33199000001")]
    called_number: Annotated[str | None, Example("+33199000100")]
    state: Literal["started", "waiting", "talking", "wrapping", "ended"]
    outcome: Outcome
    excluded: bool
    started_at: datetime
    ended_at: datetime | None
    root_call_id: str | None
    parent_call_id: str | None
    interaction: UUID
    linked_calls: tuple[LinkedCall, ...]
    disposition: dict[str, Any] | None
    visits: tuple[VisitView, ...]
    legs: tuple[LegView, ...]
    customer_id: str | None = None
    customer_name: str | None = None


@values
class CallList:
    """A page of calls; `next` is the cursor of the following page."""

    items: tuple[CallView, ...]
    next: str | None


@values
class FactView:
    """One fact as it was sent, with when it was recorded."""

    id: str
    source: str
    type: str
    occurred_at: datetime
    recorded_at: datetime
    fact: dict[str, Any]


@values
class FactList:
    """A page of facts."""

    items: tuple[FactView, ...]
    next: str | None
