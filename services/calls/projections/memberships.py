"""Who is in which team on which days."""

from collections.abc import Sequence

from services.calls.domain.memberships import PlacementsNoted, memberships
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import event_type
from services.kernel.store import StoredEvent


class TeamRegister:
    """Follows what staff tells of employees; the latest revision of each stands, the one without `replaced_at`."""

    handles = (event_type(PlacementsNoted),)
    tables = """
        CREATE TABLE team_members (
            employee uuid NOT NULL, revision integer NOT NULL, agent text NOT NULL, team text NOT NULL,
            from_day date NOT NULL, until_day date, told_at timestamptz NOT NULL, replaced_at timestamptz,
            PRIMARY KEY (employee, revision, from_day)
        );
        CREATE INDEX team_members_of ON team_members (team);"""

    REPLACE = "UPDATE team_members SET replaced_at = %s WHERE employee = %s AND replaced_at IS NULL"
    KEEP = "INSERT INTO team_members VALUES (%s, %s, %s, %s, %s, %s, %s)"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Each revision replaces the one before, which is kept for whoever asks what was known then."""
        for event in events:
            noted: PlacementsNoted = schemas.revive(PlacementsNoted, event.data)
            said = (event.stream_id, noted.revision)
            db.execute(self.REPLACE, (event.recorded_at, event.stream_id))
            db.executemany(self.KEEP, [(*said, *each, event.recorded_at) for each in memberships(noted.placements)])
