"""What is sent to and answered by `/v1/webhooks`."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from services.kernel.decider import values
from services.kernel.values import Example, Length, Range

Type = Annotated[str, Length(1, 200)]
DeliveryStatus = Literal["due", "delivered", "dead"]


@values
class EndpointOrder:
    """Make a webhook endpoint, or change it: an address, and the full types of the events that are posted there."""

    url: Annotated[str, Length(1, 2000), Example("https://crm.example.com/plateau")]
    types: Annotated[tuple[Type, ...], Length(1, 100), Example(["plateau.calls.call_completed"])]
    description: Annotated[str, Length(0, 200)] = ""


@values
class EndpointsOf:
    """List webhook endpoints, in the order in which they were made."""

    limit: Annotated[int, Range(1, 500)] = 100
    cursor: UUID | None = None


@values
class ReplayOrder:
    """Post again, or for the first time, what happened in [from, to) by the events' own time.

    Of all types of the endpoint, or of those named. A receiver knows by its id what it has had before.
    """

    from_: datetime
    to: datetime
    types: tuple[Type, ...] | None = None


@values
class DeliveriesOf:
    """List deliveries, the latest first: of an endpoint, of a type, of a status, written in [from, to)."""

    endpoint: UUID | None = None
    type: Type | None = None
    status: DeliveryStatus | None = None
    from_: datetime | None = None
    to: datetime | None = None
    limit: Annotated[int, Range(1, 500)] = 100
    cursor: str | None = None


@values
class MadeEndpoint:
    """An endpoint that is new; its secret is shown only now."""

    id: UUID
    secret: str
    version: int = 1


@values
class NewSecret:
    """The secret that signs from now on, shown only now; those before it sign too, for 24 hours."""

    id: UUID
    secret: str
    version: int


@values
class Changed:
    """An endpoint was changed, paused, resumed or deleted."""

    id: UUID
    version: int


@values
class SecretView:
    """A secret that signs now, without its text; where it is an old one, until when."""

    id: UUID
    created_at: datetime
    expires_at: datetime | None


@values
class ReplayView:
    """A replay of a range: `found` counts the events that were due again so far."""

    id: UUID
    status: Literal["running", "done", "cancelled"]
    begins: datetime
    ends: datetime
    types: tuple[str, ...]
    found: int
    created_by: str
    created_at: datetime
    finished_at: datetime | None


@values
class EndpointSummary:
    """A webhook endpoint.

    `failing_since`: since when every delivery has failed, null where the last one did not; after five days it is
    disabled (`reason` says why), and gets nothing until somebody resumes it.
    """

    id: UUID
    url: str
    types: tuple[str, ...]
    description: str
    status: Literal["live", "paused", "disabled"]
    reason: str | None
    failing_since: datetime | None
    disabled_from: datetime | None
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime


@values
class EndpointView(EndpointSummary):
    """A webhook endpoint with its secrets (never their text) and its last replays."""

    secrets: tuple[SecretView, ...]
    replays: tuple[ReplayView, ...]
    allowed_actions: tuple[str, ...]


@values
class EndpointList:
    """A page of them."""

    items: tuple[EndpointSummary, ...]
    next: UUID | None


@values
class AttemptView:
    """One attempt: the status of the answer, the beginning of its text, and what was wrong."""

    number: int
    began_at: datetime
    seconds: Decimal
    outcome: Literal["delivered", "retry", "refused", "gone"]
    status: int | None
    reason: str | None
    excerpt: str | None


@values
class DeliverySummary:
    """A delivery. `event_id` is its `webhook-id`; `due_at` is when it is tried next, null once it is over."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    type: str
    subject: str
    status: DeliveryStatus
    attempts: int
    reason: str | None
    created_at: datetime
    due_at: datetime | None
    finished_at: datetime | None


@values
class DeliveryView(DeliverySummary):
    """A delivery with every attempt, the first one first, and the body that is posted."""

    attempts_made: tuple[AttemptView, ...]
    body: dict[str, Any]


@values
class DeliveryList:
    """A page of them."""

    items: tuple[DeliverySummary, ...]
    next: str | None


@values
class Sent:
    """A delivery is due now."""

    id: UUID
    status: DeliveryStatus = "due"
