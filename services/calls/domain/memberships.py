"""Memberships: which agent is in which team on which days, as staff tells of each employee.

Days are wall-clock days of whoever asks: those of a quota's zone, or of a report's. So a membership has no zone.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.calls.domain.periods import NEVER, midnight
from services.calls.domain.spans import Span, joined
from services.kernel.decider import Context, Decision, command, event, of, state, values

ALWAYS: Span = (datetime.min.replace(tzinfo=UTC), NEVER)


@values
class Placement:
    """From a day on in a team (None: in none), known to calls by a name (None: by none), until the next begins."""

    effective_from: date
    team: str | None
    agent: str | None


@command
class NotePlacements:
    """Note all placements of an employee, by day, as a revision of them says."""

    revision: int
    placements: tuple[Placement, ...]


@event("placements_noted")
class PlacementsNoted:
    """Where the employee works when, as far as staff has told."""

    revision: int
    placements: tuple[Placement, ...]


@state
class Placements:
    """The placements of an employee; revision 0 until staff has told of them."""

    revision: int = 0


class Membership(NamedTuple):
    """An agent in a team, from a day on, up to another, which is not included (None: for good)."""

    agent: str
    team: str
    from_day: date
    until_day: date | None


def decide(known: Placements, order: NotePlacements, _ctx: Context) -> Decision:
    """A revision holds all that those before it said, so that what comes late or again changes nothing."""
    return of(PlacementsNoted, order) if order.revision > known.revision else ()


def evolve(_known: Placements, happened: PlacementsNoted) -> Placements:
    """The latest revision stands."""
    return Placements(happened.revision)


def memberships(placements: Sequence[Placement]) -> list[Membership]:
    """Those that placements come to: where there is both a team and a name."""
    ends = [*(each.effective_from for each in placements[1:]), None]
    return [
        Membership(each.agent, each.team, each.effective_from, end)
        for each, end in zip(placements, ends, strict=True)
        if each.agent is not None and each.team is not None
    ]


def spans(days: Iterable[tuple[date, date | None]], zone: ZoneInfo) -> list[Span]:
    """The time of such days in a zone, joined."""
    return joined((midnight(first, zone), NEVER if until is None else midnight(until, zone)) for first, until in days)
