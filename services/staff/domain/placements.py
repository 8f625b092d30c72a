"""Placements: in which team an employee works, and under which name calls know them, from which day on."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated, NamedTuple

from services.kernel.decider import changed, command, values
from services.kernel.values import Day, Example, Length

Team = Annotated[str, Length(1, 100), Example("north")]
AgentName = Annotated[str, Length(1, 200), Example("a-1042")]


@values
class Placement:
    """From a day on in a team (None: in none), known to calls by a name (None: by none), until the next begins."""

    effective_from: date
    team: str | None
    agent: str | None


@command
class Transfer:
    """Have an employee work in another team from a day on, which may be past; null is no team.

    Without `agent` they keep the name by which calls know them. A day on which a placement begins already corrects that
    one; those that begin later stay.
    """

    team: Team | None
    effective_from: Day
    agent: AgentName | None = None


class Bearing(NamedTuple):
    """A name, and the days on which somebody bears it: from the first on, up to the last, not included."""

    agent: str
    from_day: date
    until_day: date | None


def placed(placements: Sequence[Placement], order: Transfer) -> tuple[Placement, ...]:
    """All placements after a transfer, by day. What changes nothing on its day is no placement of its own."""
    before = [each for each in placements if each.effective_from < order.effective_from]
    behind = [each for each in placements if each.effective_from > order.effective_from]
    kept = next((each.agent for each in reversed(placements) if each.effective_from <= order.effective_from), None)
    new = Placement(order.effective_from, order.team, order.agent or kept)
    same = bool(before) and changed(before[-1], effective_from=new.effective_from) == new
    return (*before, *(() if same else (new,)), *behind)


def bearings(placements: Sequence[Placement]) -> Iterator[Bearing]:
    """When the employee bears which name."""
    ends = [*(each.effective_from for each in placements[1:]), None]
    for each, end in zip(placements, ends, strict=True):
        if each.agent is not None:
            yield Bearing(each.agent, each.effective_from, end)
