"""The stored facts of calls, in the order that counts."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.calls.domain.story import Fact, sort_key
from services.calls.domain.vocabulary import RANK
from services.calls.projections.stories import microseconds
from services.kernel.database import Cursor
from services.kernel.store import COLUMNS, StoredEvent

FACTS = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = ANY(%s) AND type = ANY(%s)
    AND recorded_at <= coalesce(%s::timestamptz, 'infinity')"""  # noqa: S608 - a constant


def facts_of(db: Cursor, calls: Iterable[UUID], known_at: datetime | None = None) -> dict[UUID, list[StoredEvent]]:
    """The facts of each call, sorted as the fold sorts them; with `known_at`, those recorded at or before it."""
    found: dict[UUID, list[StoredEvent]] = {call: [] for call in calls}
    for row in db.execute(FACTS, (list(found), list(RANK), known_at)):
        event = StoredEvent(*row)
        found[event.stream_id].append(event)
    for events in found.values():
        events.sort(key=_place)
    return found


def _place(event: StoredEvent) -> tuple[int, bool, int, int, str]:
    return sort_key(Fact.of(event.event_id, event.data, microseconds(event.occurred_at)))
