"""Outside names and whom they stand for."""

from datetime import datetime
from uuid import UUID

from services.calls.domain.identities import IdentityKind
from services.calls.queries.calls import Name
from services.kernel.decider import values
from services.kernel.lists import Paged


@values
class Identities(Paged):
    """List who outside names stand for, one item for each time in which one stands for somebody."""

    system: Name | None = None
    kind: IdentityKind | None = None
    external_id: Name | None = None
    internal_id: Name | None = None
    updated_since: datetime | None = None


@values
class IdentityOf:
    """Show an outside name with all its meanings."""

    id: UUID


@values
class IdentityItem:
    """Who an outside name stands for in a half-open time (null: since ever, for good); `id` is that of the name."""

    id: UUID
    system: str
    kind: IdentityKind
    external_id: str
    internal_id: str
    valid_from: datetime | None
    valid_to: datetime | None
    updated_at: datetime


@values
class IdentityList:
    """A page of them."""

    items: tuple[IdentityItem, ...]
    next: str | None
