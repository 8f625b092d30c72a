"""Which interaction a call belongs to, where links join it to others; a call by itself is its own."""

from collections.abc import Iterable
from uuid import UUID

from services.calls.domain.interactions import Link, interactions
from services.kernel.database import Cursor, uuid_array

# Calls that others link to are in it too before anything else is known of them.
TABLE = """
CREATE TABLE interactions (call uuid PRIMARY KEY, interaction uuid NOT NULL);
CREATE INDEX interactions_by_id ON interactions (interaction);
"""
# Whoever was joined to the calls before, and all links that lead on from there.
TOGETHER = """
    WITH RECURSIVE beginning AS (
        SELECT unnest(%(calls)s::uuid[]) AS call
        UNION SELECT others.call FROM interactions AS own JOIN interactions AS others USING (interaction)
            WHERE own.call = ANY(%(calls)s::uuid[])
    ), reached AS (
        SELECT call FROM beginning
        UNION SELECT CASE WHEN links.call = reached.call THEN links.linked ELSE links.call END
            FROM reached JOIN call_links AS links ON links.call = reached.call OR links.linked = reached.call
    )
    SELECT reached.call, interaction, links.linked, links.is_root
    FROM reached LEFT JOIN interactions USING (call) LEFT JOIN call_links AS links USING (call)"""
GONE = "DELETE FROM interactions WHERE call = ANY(%s::uuid[])"
COME = """INSERT INTO interactions SELECT * FROM unnest(%s::uuid[], %s::uuid[])
    ON CONFLICT (call) DO UPDATE SET interaction = excluded.interaction"""


def join(calls: Iterable[UUID], db: Cursor) -> None:
    """Finds anew the interactions of calls whose links have changed, and of all that are or were joined to them."""
    before: dict[UUID, UUID | None] = {}
    links = []
    for call, interaction, linked, is_root in db.execute(TOGETHER, {"calls": uuid_array(calls)}):
        before[call] = interaction
        if linked is not None:
            links.append(Link(call, linked, is_root))
    now = interactions(links)
    gone = [call for call, interaction in before.items() if interaction is not None and call not in now]
    moved = {call: interaction for call, interaction in now.items() if before.get(call) != interaction}
    if gone:
        db.execute(GONE, (uuid_array(gone),))
    if moved:
        db.execute(COME, (uuid_array(moved), uuid_array(moved.values())))
