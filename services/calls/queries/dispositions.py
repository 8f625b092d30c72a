"""What came of calls: the disposition of one, counts of many, and whether customers had to call again."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from services.calls.queries.calls import Days, Name
from services.kernel.decider import values
from services.kernel.lists import Paged

Group = Literal["queue", "client", "campaign"]


@values
class DispositionOf:
    """Show what came of a call, and all that was said of it, the latest last."""

    id: UUID


@values
class ToldDisposition:
    """What a fact told of a call's outcome, or somebody decided (`actor`, and why where it was corrected)."""

    told: Literal["fact", "set", "corrected"]
    at: datetime
    recorded_at: datetime
    terms: dict[str, Any]
    actor: str | None
    reason: str | None


@values
class DispositionView:
    """The final disposition of a call, null where there is none, and what was said on the way to it."""

    id: UUID
    disposition: dict[str, Any] | None
    told: tuple[ToldDisposition, ...]


@values
class DispositionsOf:
    """Count what came of the calls whose first fact lies in a range.

    Each call counts once with its final disposition; by queue or client once for each that it visited, null where it
    visited none. The calls behind a count are those that `GET /v1/calls` lists with the same filters. With
    `as_known_at` they are counted by everything recorded at or before that instant.
    """

    from_: datetime
    to: datetime
    queue: Name | None = None
    group_by: Group | None = None
    as_known_at: datetime | None = None


@values
class TopicCounts:
    """How many calls were about a product or service, by the customer's sentiment; `unstated`: nobody said."""

    calls: int
    positive: int
    negative: int
    mixed: int
    unstated: int


@values
class DispositionRow:
    """The counts of a group, of all calls where none is asked for.

    `without` are the calls that have no disposition, `handled_without` those of them that an agent took.
    """

    queue: str | None
    client: str | None
    campaign: str | None
    calls: int
    disposed: int
    without: int
    handled_without: int
    codes: dict[str, int]
    kinds: dict[str, int]
    topics: dict[str, TopicCounts]
    sentiments: dict[str, int]
    flags: dict[str, int]
    resolved: dict[str, int]


@values
class DispositionReport:
    """Rows by group, and as of when."""

    items: tuple[DispositionRow, ...]
    as_of: datetime


@values
class ResolutionOf:
    """Report how often customers did not have to call again for the same reason within `days`.

    A contact is a call that an agent took and that is neither outbound nor internal; it belongs to the queue where it
    was answered first, and counts when its first fact lies in the range. Its reason is the kind and first topic of its
    disposition, the code where either is missing. It is repeated where the same customer's next contact for that reason
    begins within `days` of it, in whatever queue that you may see. The same customer: of one number, or of one name
    (mapped from what the source calls them, or that of the CRM's customer with the number). Contacts whose days are not
    over are provisional, and in no ratio; those of customers without both, or who were erased, count as without one.
    """

    from_: datetime
    to: datetime
    queue: Name | None = None
    days: Days = 7
    group_by: Group | None = None


@values
class ResolutionRow:
    """The counts of a group, of all contacts where none is asked for.

    `contacts` = `without_customer` + `without_reason` + `provisional` + `settled`. Of the settled, `repeated` were
    repeated, and `resolved` were said to be resolved by their disposition, `resolved_without_repeat` of them for good.
    `first_contact_resolution` = resolved_without_repeat / resolved, `repeat_rate` = repeated / settled.
    """

    queue: str | None
    client: str | None
    campaign: str | None
    contacts: int
    without_customer: int
    without_reason: int
    provisional: int
    settled: int
    repeated: int
    resolved: int
    resolved_without_repeat: int
    first_contact_resolution: Decimal | None
    repeat_rate: Decimal | None


@values
class ResolutionReport:
    """Rows by group, within how many days a repeat counts, what a reason is, and as of when."""

    items: tuple[ResolutionRow, ...]
    days: int
    reason: Literal["kind and first topic, else code"]
    as_of: datetime


@values
class RepeatedContacts(Paged):
    """List the contacts of a range that were repeated within `days`, each with its repeat, provisional ones too."""

    from_: datetime
    to: datetime
    queue: Name | None = None
    days: Days = 7


@values
class RepeatedContact:
    """A contact, its reason, and the next one of the same customer for it."""

    call: UUID
    queue: str | None
    reason: str
    started_at: datetime
    repeated_by: UUID
    repeated_at: datetime


@values
class RepeatList:
    """A page of repeated contacts; `next` is the cursor of the following page."""

    items: tuple[RepeatedContact, ...]
    next: str | None
