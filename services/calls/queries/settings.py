"""Queues, calendars, clients and sources as they are configured."""

from datetime import datetime

from services.calls.domain.calendars import CalendarView
from services.calls.domain.clients import ClientView
from services.calls.domain.queues import QueueView
from services.calls.domain.sources import SourceSettings, SourceView
from services.calls.queries.calls import Name
from services.kernel.decider import values
from services.kernel.lists import Paged


@values
class QueueOf:
    """Show how a queue is counted, and the service level policy last adopted (the default where none is)."""

    queue: Name


@values
class Queues(Paged):
    """List the queues by name: those that were configured, and those that calls came to or agents signed in to."""

    client: Name | None = None
    calendar: Name | None = None
    configured: bool | None = None


@values
class QueueList:
    """A page of queues; `next` is the cursor of the following page."""

    items: tuple[QueueView, ...]
    next: str | None


@values
class CalendarOf:
    """Show when the queues of a calendar are open, by the version last adopted."""

    calendar: Name


@values
class Calendars(Paged):
    """List the calendars by name, each by the version last adopted."""


@values
class CalendarList:
    """A page of calendars; `next` is the cursor of the following page."""

    items: tuple[CalendarView, ...]
    next: str | None


@values
class HoursOf:
    """Show the opening spans of a calendar within a range of at most 400 days, by the versions in force then."""

    calendar: Name
    from_: datetime
    to: datetime


@values
class OpenSpan:
    """Open from an instant to another, half-open."""

    opens_at: datetime
    closes_at: datetime


@values
class OpeningHours:
    """The opening spans in order, and when the calendar is open next at or after the end of the range.

    Spans that meet are one. `next_opening` is null where that is more than 400 days away. Before its first version a
    calendar closes nothing.
    """

    calendar: str
    items: tuple[OpenSpan, ...]
    next_opening: datetime | None


@values
class ClientOf:
    """Show what a client of the centre is called, and what it may see."""

    client: Name


@values
class Clients(Paged):
    """List the clients of the centre that were configured, by their short names."""


@values
class ClientList:
    """A page of clients; `next` is the cursor of the following page."""

    items: tuple[ClientView, ...]
    next: str | None


@values
class SourceOf:
    """Show how the facts of a source are read."""

    source: Name


@values
class Sources(Paged):
    """List the telephone sources that were configured, by name."""


@values
class SourceList:
    """A page of sources; `next` is the cursor of the following page."""

    items: tuple[SourceView, ...]
    next: str | None


@values
class SourceToReadOf:
    """Give all that is needed to read a source's feed; asked by the gateway alone."""

    source: Name


@values
class SourceToRead(SourceSettings):
    """A source's settings, and the secret that proves who posts as it (null: keys alone admit)."""

    secret: str | None = None


@values
class SourcesWithProofOf:
    """Name the sources that a secret guards; asked by the gateway alone."""


@values
class SourcesWithProof:
    """The names of the sources as which nobody may post without their secret, or a key that names them."""

    sources: tuple[str, ...]
