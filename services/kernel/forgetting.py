"""What the inbox need not know any more, so that it does not grow with every event for ever.

The last revision of each subject is kept for good: it alone tells that an earlier one was overtaken. Of the rest, what
is older than `KEPT` goes. Whatever comes again after that, a dead letter that is replayed a year later or the history
of a source whose relay was set back, does no harm: the id of each command that a reaction orders is made of the event's
id, and a thing knows its commands (ADR 0021). The inbox saves the work of finding that out one by one, and is worth its
room for as long as repeats are usual: hours after a lost connection, weeks after a restored backup.
"""

from datetime import datetime, timedelta
from uuid import UUID

from services.kernel.database import Connection

KEPT = timedelta(days=90)
AT_ONCE = 5000  # rows looked at in one statement: a long transaction would hold back all readers of events

FIRST = ("", UUID(int=0))
END_OF_PAGE = """SELECT source, event_id FROM store.inbox WHERE (source, event_id) > (%s, %s)
    ORDER BY source, event_id OFFSET %s LIMIT 1"""
FORGET = """DELETE FROM store.inbox AS old
    WHERE (source, event_id) > (%(after)s, %(after_event)s)
    AND (%(to)s::text IS NULL OR (source, event_id) <= (%(to)s, %(to_event)s))
    AND received_at < %(before)s
    AND (revision IS NULL OR EXISTS (
        SELECT FROM store.inbox AS newer
        WHERE newer.source = old.source AND newer.type = old.type AND newer.subject = old.subject
        AND newer.revision > old.revision))"""


def forget_old(connection: Connection, now: datetime) -> int:
    """Deletes what was received longer than `KEPT` ago and is not the last revision of its subject; how many rows."""
    forgotten, place = 0, FIRST
    while True:
        row = connection.execute(END_OF_PAGE, (*place, AT_ONCE - 1)).fetchone()
        to, to_event = row or (None, None)
        page = {"after": place[0], "after_event": place[1], "to": to, "to_event": to_event, "before": now - KEPT}
        forgotten += connection.execute(FORGET, page).rowcount
        if row is None:
            return forgotten
        place = (row[0], row[1])
