"""Who is in which team on which days."""

from collections.abc import Sequence

from services.calls.domain.memberships import PlacementsNoted, memberships
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import event_type
from services.kernel.store import StoredEvent


class TeamRegister:
    """Follows what staff tells of employees; the latest revision of each stands."""

    handles = (event_type(PlacementsNoted),)
    tables = """
        CREATE TABLE team_members (
            employee uuid NOT NULL, agent text NOT NULL, team text NOT NULL, from_day date NOT NULL, until_day date,
            PRIMARY KEY (employee, from_day)
        );
        CREATE INDEX team_members_of ON team_members (team);"""

    FORGET = "DELETE FROM team_members WHERE employee = %s"
    KEEP = "INSERT INTO team_members VALUES (%s, %s, %s, %s, %s)"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Each revision replaces the one before."""
        for event in events:
            noted: PlacementsNoted = schemas.revive(PlacementsNoted, event.data)
            db.execute(self.FORGET, (event.stream_id,))
            db.executemany(self.KEEP, [(event.stream_id, *each) for each in memberships(noted.placements)])
