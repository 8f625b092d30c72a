"""What is sent to and answered by `/v1/crm/connections`."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from gateway.crm.provider import WhenNone, WhenSeveral
from gateway.crm.terms import Name, ProviderName
from services.kernel.decider import values
from services.kernel.values import Example, Length, Range

DeliveryStatus = Literal["due", "delivered", "dead"]


@values
class ConnectionOrder:
    """Connect a CRM, or change how it is connected.

    `settings` and `secrets` are those of the provider; secrets are never shown, and where they are left out of a change
    they stay. `when_none` and `when_several` say what becomes of a call whose number no contact has, or several have.
    `queues`: only calls that visited one of them (null: all calls).
    """

    name: Annotated[Name, Example("Our HubSpot")]
    provider: ProviderName
    settings: Annotated[Mapping[str, Any], Example({"client_id": "4c1f", "default_region": "FR"})]
    secrets: Annotated[Mapping[str, Any] | None, Example({"access_token": "…"})] = None
    when_none: WhenNone = "leave"
    when_several: WhenSeveral = "leave"
    queues: Annotated[tuple[Name, ...] | None, Length(1, 100)] = None


@values
class ConnectionsOf:
    """List CRM connections in the order in which they were made."""

    provider: ProviderName | None = None
    limit: Annotated[int, Range(1, 500)] = 100
    cursor: UUID | None = None


@values
class DeliveriesOf:
    """List what was sent over a connection, or what came in by its webhooks, the latest first."""

    way: Literal["out", "in"] = "out"
    call: UUID | None = None
    status: DeliveryStatus | None = None
    from_: datetime | None = None
    to: datetime | None = None
    limit: Annotated[int, Range(1, 500)] = 100
    cursor: Annotated[int | None, Range(0)] = None


@values
class RangeOrder:
    """Send again what was written down in [from, to), of one status or of any."""

    from_: datetime
    to: datetime
    status: DeliveryStatus | None = None


@values
class ConnectionView:
    """A connection; `status` is `unauthorised` where its provider takes our authorisation no longer."""

    id: UUID
    name: str
    provider: ProviderName
    settings: dict[str, Any]
    has_secrets: tuple[str, ...]
    when_none: WhenNone
    when_several: WhenSeveral
    queues: tuple[str, ...] | None
    status: Literal["active", "paused", "unauthorised"]
    reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    allowed_actions: tuple[str, ...]


@values
class ConnectionList:
    """A page of connections; `next` is the cursor of the following page."""

    items: tuple[ConnectionView, ...]
    next: UUID | None


@values
class CrmAttemptView:
    """One attempt."""

    number: int
    began_at: datetime
    seconds: float
    outcome: str
    status: int | None
    reason: str | None


@values
class CrmDeliveryView:
    """One revision of a call on its way to a CRM, or one event of its webhooks.

    `matching` says how the customer's number met the contacts there: none, one, several, created, no_number, or that
    the provider matches itself; `contacts` are those to which the call is attached.
    """

    id: UUID
    type: str
    call: UUID | None
    revision: int | None
    customer: str | None
    status: DeliveryStatus
    reason: str | None
    provider_id: str | None
    kind: str | None
    matching: str | None
    contacts: tuple[str, ...]
    attempts: int
    made_at: datetime
    due_at: datetime | None
    finished_at: datetime | None
    attempts_made: tuple[CrmAttemptView, ...] = field(default=())


@values
class CrmDeliveryList:
    """A page of deliveries; `next` is the cursor of the following page."""

    items: tuple[CrmDeliveryView, ...]
    next: str | None


@values
class CrmReplayed:
    """How many deliveries are sent again."""

    replayed: int


@values
class ConnectionTested:
    """Whether the provider answers us, and what it, or we, say."""

    ok: bool
    detail: str


@values
class TakenChanges:
    """How many events were taken; those that came before count once."""

    accepted: int
