"""Customers: the persons of a CRM, by what it calls them. Their fields are sealed; their numbers are known by hash.

A customer is named `system:value`, such as `hubspot:4711`. Whoever is in two CRMs is two customers here, and joined by
the numbers that both have.
"""

import re
from typing import Annotated
from uuid import UUID

from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import E164, Example, Known, Length, Pattern, Personal

NAME = re.compile(r"[a-z0-9_-]{1,50}:[^\s].{0,148}")
Text = Annotated[str, Length(1, 200)]
Number = Annotated[str, Pattern(E164.pattern, "Write it as +33199000001.")]
Email = Annotated[str, Length(3, 254), Pattern(r"[^@\s]+@[^@\s]+", "Give an address, such as ada@example.org.")]
Numbers = Annotated[tuple[Number, ...], Length(0, 20), Example(["+33199000001"])]
Emails = Annotated[tuple[Email, ...], Length(0, 20), Example(["ada@example.org"])]


@values
class CustomerFile:
    """What is held of a customer; nothing, where it was erased."""

    given_name: Annotated[Text | None, Personal()] = None
    family_name: Annotated[Text | None, Personal()] = None
    company: Annotated[Text | None, Personal()] = None
    numbers: Annotated[Numbers, Personal(), Known()] = ()
    emails: Annotated[Emails, Personal()] = ()


@command
class SaveCustomer(CustomerFile):
    """Save a customer as the CRM holds them now; what is left out is not kept.

    The same again changes nothing. The name is `system:value`, what the CRM calls the person.
    """


@command
class UnlinkCustomer:
    """Note that the CRM holds the person no more; their history stays."""


@command
class EraseCustomer:
    """Erase what was saved of a customer; their calls are erased by their number, as a subject."""


@event("customer_saved")
class CustomerSaved(CustomerFile):
    """A CRM holds this of a person. `customer` is what it calls them."""

    customer: str = ""


@event("customer_unlinked")
class CustomerUnlinked:
    """The CRM holds the person no more."""

    customer: str


@event("customer_erased")
class CustomerErased:
    """What was saved up to here can be read no more."""

    customer: str


@state
class Customer:
    """A customer; `linked` while the CRM holds them."""

    linked: bool = False
    file: CustomerFile = CustomerFile()
    known: bool = False


@values
class CustomerView:
    """A customer as they are shown. `subjects` are the persons that their numbers stand for, as calls and events name
    them; one is shown in lists only.
    """

    customer: Annotated[str, Example("hubspot:4711")]
    linked: bool
    given_name: str | None
    family_name: str | None
    company: str | None
    numbers: Annotated[tuple[str, ...], Example(["+33199000001"])]
    emails: tuple[str, ...]
    subjects: tuple[UUID, ...] = ()


def decide(customer: Customer, order: SaveCustomer | UnlinkCustomer | EraseCustomer, ctx: Context) -> Decision:
    """Only what changes happens."""
    match order:
        case SaveCustomer() if not NAME.fullmatch(ctx.key):
            detail = "Name a customer system:value, the system in small letters, such as hubspot:4711."
            return Rejected("calls.customer.name_malformed", detail, 422, "/customer")
        case SaveCustomer() if customer.linked and customer.file == of(CustomerFile, order):
            return ()
        case SaveCustomer():
            return of(CustomerSaved, order, customer=ctx.key)
        case _ if not customer.known:
            return Rejected("calls.customer.unknown", "There is no such customer.", 404)
        case UnlinkCustomer():
            return CustomerUnlinked(ctx.key) if customer.linked else ()
        case EraseCustomer():
            return CustomerErased(ctx.key)


def evolve(customer: Customer, happened: CustomerSaved | CustomerUnlinked | CustomerErased) -> Customer:
    """The latest stands."""
    match happened:
        case CustomerSaved():
            return Customer(linked=True, file=of(CustomerFile, happened), known=True)
        case CustomerUnlinked():
            return changed(customer, linked=False)
        case CustomerErased():
            return changed(customer, file=CustomerFile())


def view(name: str, customer: Customer) -> CustomerView:
    """What is shown of a customer."""
    return of(CustomerView, customer.file, customer=name, linked=customer.linked)
