"""Sealed boxes of stored events, opened for the answer that shows them and for nothing else (ADR 0007)."""

from collections.abc import Iterable
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from services.kernel.database import Cursor, uuid_array
from services.kernel.privacy import Keyring, unseal

BOXES = """SELECT event_id, stream_id, {subject}, data ->> 'sealed' FROM store.events
    JOIN unnest(%s::uuid[], %s::uuid[]) AS wanted(stream_id, event_id) USING (stream_id, event_id)
    WHERE data ? 'sealed'"""


class Boxes:
    """The boxes of a service; `subject` is the SQL of whose key sealed one, which else is that of the stream."""

    def __init__(self, keyring: Keyring, subject: LiteralString = "stream_id") -> None:
        self._keyring, self._boxes = keyring, sql.SQL(BOXES).format(subject=sql.SQL(subject))

    def opened(
        self, db: Cursor, places: Iterable[tuple[UUID, UUID]], only: UUID | None = None
    ) -> dict[UUID, dict[str, Any]]:
        """The personal fields of events, given as (stream, event), by event: none where the key is destroyed.

        `only` leaves closed what is sealed for a subject other than this one; what a stream's own key seals is opened.
        """
        wanted = list(places)
        streams, events = uuid_array(stream for stream, _ in wanted), uuid_array(event for _, event in wanted)
        boxes = db.execute(self._boxes, (streams, events)).fetchall()
        keys = self._keyring.open(
            db, {subject for _, stream, subject, _ in boxes if only in (None, subject) or subject == stream}
        )
        opened = {event: unseal(keys.get(subject), event, box) for event, _, subject, box in boxes}
        return {event: opened.get(event, {}) for _, event in wanted}
