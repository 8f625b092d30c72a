"""Who was in which team when."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.calls.domain.memberships import ALWAYS, spans
from services.calls.domain.spans import Span, without
from services.kernel.database import Cursor

MEMBERS = "SELECT agent, array_agg(ARRAY[from_day, until_day]) FROM team_members WHERE team = %s GROUP BY 1 ORDER BY 1"

TEAMS = """SELECT agent, team, array_agg(ARRAY[from_day, until_day]) FROM team_members WHERE agent = ANY(%s)
    GROUP BY 1, 2 ORDER BY 1, 2"""


def members(db: Cursor, team: str, zone: ZoneInfo) -> dict[str, list[Span]]:
    """The agents who ever were in a team, by name, each with their time in it, by the days of a zone."""
    return {agent: spans(days, zone) for agent, days in db.execute(MEMBERS, (team,))}


def teams_of(db: Cursor, agents: Sequence[str], zone: ZoneInfo) -> dict[str, dict[str | None, list[Span]]]:
    """The time of each agent in each team, likewise; under None that in no team."""
    found: dict[str, dict[str | None, list[Span]]] = {agent: {} for agent in agents}
    for agent, team, days in db.execute(TEAMS, (list(agents),)):
        found[agent][team] = spans(days, zone)
    for of_teams in found.values():
        if nowhere := without([ALWAYS], [span for times in of_teams.values() for span in times]):
            of_teams[None] = nowhere
    return found
