"""Customers as they are asked for."""

from datetime import datetime
from uuid import UUID

from services.calls.domain.customers import CustomerView
from services.calls.queries.calls import Name
from services.kernel.decider import values
from services.kernel.lists import Paged


@values
class CustomerOf:
    """Show a customer, who is named as the CRM calls them: `hubspot:4711`."""

    customer: Name


@values
class Customers(Paged):
    """List customers by what CRMs call them.

    `external_id` is `system:value`; `number` is found by its keyed hash, and so is `subject`, the person whom calls and
    events name. With `linked=false`, those whom their CRM holds no more.
    """

    external_id: Name | None = None
    system: Name | None = None
    number: Name | None = None
    subject: UUID | None = None
    updated_since: datetime | None = None
    linked: bool = True


@values
class CustomerList:
    """A page of customers; `next` is the cursor of the following page."""

    items: tuple[CustomerView, ...]
    next: str | None
