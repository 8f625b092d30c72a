"""Who was in which team when."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from services.calls.domain.memberships import ALWAYS, spans
from services.calls.domain.spans import Span, without
from services.kernel.database import Cursor

KNOWN = """(replaced_at IS NULL OR replaced_at > %(known_at)s)
    AND (%(known_at)s::timestamptz IS NULL OR told_at <= %(known_at)s)"""
MEMBERS = f"""SELECT agent, array_agg(ARRAY[from_day, until_day]) FROM team_members
    WHERE team = %(team)s AND {KNOWN} GROUP BY 1 ORDER BY 1"""  # noqa: S608 - a constant
TEAMS = f"""SELECT agent, team, array_agg(ARRAY[from_day, until_day]) FROM team_members
    WHERE agent = ANY(%(agents)s) AND {KNOWN} GROUP BY 1, 2 ORDER BY 1, 2"""  # noqa: S608 - a constant


def members(db: Cursor, team: str, zone: ZoneInfo, known_at: datetime | None = None) -> dict[str, list[Span]]:
    """The agents who ever were in a team, by name, each with their time in it, by the days of a zone.

    As is known now, or was at a past instant.
    """
    found = db.execute(MEMBERS, {"team": team, "known_at": known_at})
    return {agent: spans(days, zone) for agent, days in found}


def teams_of(
    db: Cursor, agents: Sequence[str], zone: ZoneInfo, known_at: datetime | None = None
) -> dict[str, dict[str | None, list[Span]]]:
    """The time of each agent in each team, likewise; under None that in no team."""
    found: dict[str, dict[str | None, list[Span]]] = {agent: {} for agent in agents}
    for agent, team, days in db.execute(TEAMS, {"agents": list(agents), "known_at": known_at}):
        found[agent][team] = spans(days, zone)
    for of_teams in found.values():
        if nowhere := without([ALWAYS], [span for times in of_teams.values() for span in times]):
            of_teams[None] = nowhere
    return found
