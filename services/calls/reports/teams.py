"""Who was in which team when."""

from zoneinfo import ZoneInfo

from services.calls.domain.memberships import spans
from services.calls.domain.spans import Span
from services.kernel.database import Cursor

MEMBERS = "SELECT agent, array_agg(ARRAY[from_day, until_day]) FROM team_members WHERE team = %s GROUP BY 1 ORDER BY 1"


def members(db: Cursor, team: str, zone: ZoneInfo) -> dict[str, list[Span]]:
    """The agents who ever were in a team, by name, each with their time in it, by the days of a zone."""
    return {agent: spans(days, zone) for agent, days in db.execute(MEMBERS, (team,))}
