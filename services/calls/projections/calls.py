"""Calls, visits and legs: what the fold makes of each call's facts.

Whatever happens to a call, all of its facts are folded anew and its rows replaced, so that neither order nor repetition
of facts can matter, and no counter can be left wrong by a correction.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from services.calls.domain.sources import SourceConfigured
from services.calls.domain.subjects import SubjectErased
from services.calls.projections import completions
from services.calls.projections.call_tables import TABLES, replace_rows, rows_of
from services.calls.projections.stories import COLUMNS, OF_CALLS, RESTARTED, Story, StoryEvent, microseconds
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import event_type
from services.kernel.projections import Projection
from services.kernel.store import Position, StoredEvent

CACHED_CALLS = 1_500

CONFIGURED = event_type(SourceConfigured)
ERASED = event_type(SubjectErased)

FACTS_OF = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = ANY(%s::uuid[])
    ORDER BY stream_id, version"""  # noqa: S608 - a constant
SOURCES = "SELECT source, clock_offset_us FROM sources"
RESTARTS = "SELECT source, occurred_at FROM source_restarts WHERE source = ANY(%s) ORDER BY source, occurred_at"
RESTART = "INSERT INTO source_restarts VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
CONFIGURE = """INSERT INTO sources VALUES (%s, %s, %s, %s)
    ON CONFLICT (source) DO UPDATE SET clock_offset_us = excluded.clock_offset_us,
        stale_after_seconds = excluded.stale_after_seconds, pause_reasons = excluded.pause_reasons"""
TOUCHED_BY_RESTART = """SELECT DISTINCT calls.id FROM calls JOIN visits ON visits.call = calls.id
    WHERE calls.source = ANY(%s) AND (visits.outcome = 'in_progress' OR visits.reason IN ('restart', 'stale'))"""
OF_SOURCES = "SELECT id FROM calls WHERE source = ANY(%s)"
ERASE = """INSERT INTO erasures VALUES (%s, %s, %s) ON CONFLICT (subject) DO UPDATE
    SET (transaction_id, position) = (excluded.transaction_id, excluded.position)
    WHERE (excluded.transaction_id, excluded.position) > (erasures.transaction_id, erasures.position)"""
ERASURES = "SELECT subject, transaction_id, position FROM erasures WHERE subject = ANY(%s)"
OF_CUSTOMER = """SELECT id FROM calls WHERE customer = %(customer)s
    UNION SELECT call FROM further_customers WHERE customer = %(customer)s"""


class CallFigures(Projection):
    """Follows the facts of calls, the restarts and the settings of sources, and the erasures of persons."""

    name = "calls"
    version = 3
    handles = (*OF_CALLS, RESTARTED, CONFIGURED, ERASED)
    tables = TABLES + completions.TABLE
    batch = 1000

    def __init__(self) -> None:
        self._stories: OrderedDict[UUID, Story] = OrderedDict()

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Folds anew every call that the events touch, replaces its rows, and marks it if it is over."""
        touched: dict[UUID, list[StoredEvent]] = {}
        others: list[StoredEvent] = []
        erased: list[StoredEvent] = []
        for event in events:
            if event.type == ERASED:
                erased.append(event)
            elif event.type in (RESTARTED, CONFIGURED):
                others.append(event)
            else:
                touched.setdefault(event.stream_id, []).append(event)
        for call in self._touched_by_sources(others, db) | self._touched_by_erasures(erased, db):
            touched.setdefault(call, [])
        offsets: dict[str, int] = dict(db.execute(SOURCES).fetchall())
        stories = self._stories_of(touched, offsets, db)
        restarts = self._restarts({story.source for story in stories.values()}, offsets, db)
        changes, changed = [], []
        for id_, story in stories.items():
            call = story.told(restarts)
            rows = rows_of(id_, story.source, story.call_id, story.facts, call)
            if story.rows != rows:
                changes.append((id_, story.rows, rows))
                changed.append((id_, story.source, call))
                story.rows = rows
        replace_rows(changes, db)
        completions.mark(changed, db)

    def forget(self) -> None:
        """Drops the stories, whose rows may not be in the tables."""
        self._stories.clear()

    def _touched_by_sources(self, events: Iterable[StoredEvent], db: Cursor) -> set[UUID]:
        touched: set[UUID] = set()
        for event in events:
            source = [event.data["source"]]
            if event.type == RESTARTED:
                db.execute(RESTART, (event.event_id, *source, event.occurred_at))
                touched |= {call for (call,) in db.execute(TOUCHED_BY_RESTART, (source,))}
            else:
                offset = event.data["clock_offset_seconds"] * 1_000_000
                settings = (offset, event.data["stale_after_seconds"], Jsonb(event.data["pause_reasons"]))
                db.execute(CONFIGURE, (*source, *settings))
                touched |= {call for (call,) in db.execute(OF_SOURCES, (source,))}
        return touched

    def _touched_by_erasures(self, events: Iterable[StoredEvent], db: Cursor) -> set[UUID]:
        touched: set[UUID] = set()
        for event in events:
            subject = event.data["subject"]
            db.execute(ERASE, (subject, event.transaction_id, event.position))
            touched |= {call for (call,) in db.execute(OF_CUSTOMER, {"customer": subject})}
        for call in touched:
            self._stories.pop(call, None)  # it remembers whose facts they were
        return touched

    def _restarts(self, sources: set[str], offsets: dict[str, int], db: Cursor) -> dict[str, list[int]]:
        restarts: dict[str, list[int]] = {}
        for source, occurred_at in db.execute(RESTARTS, (list(sources),)):
            restarts.setdefault(source, []).append(microseconds(occurred_at) + offsets.get(source, 0))
        return restarts

    def _stories_of(
        self, touched: dict[UUID, list[StoredEvent]], offsets: dict[str, int], db: Cursor
    ) -> dict[UUID, Story]:
        stories: dict[UUID, Story] = {}
        incomplete = []
        erasures = self._erasures([event for events in touched.values() for event in events], db)
        for call, events in touched.items():
            story = self._stories.get(call) or Story()
            current = not story.version or story.offset == offsets.get(story.source, 0)
            if events and current and events[0].version <= story.version + 1:
                for event in events:
                    if event.version > story.version:
                        story.add(StoryEvent.of(event), offsets, erasures)
                stories[call] = story
            else:
                incomplete.append(call)
        if incomplete:
            loaded = [StoryEvent(*row) for row in db.execute(FACTS_OF, (uuid_array(incomplete),))]
            erasures = self._erasures(loaded, db)
            for event in loaded:
                stories.setdefault(event.stream_id, Story()).add(event, offsets, erasures)
        for call, story in stories.items():
            self._stories[call] = story
            self._stories.move_to_end(call)
        while len(self._stories) > CACHED_CALLS:
            self._stories.popitem(last=False)
        return stories

    @staticmethod
    def _erasures(events: Sequence[StoredEvent] | Sequence[StoryEvent], db: Cursor) -> Mapping[str, Position]:
        """When those customers were erased last, as far as they were, whom the events name."""
        customers = {event.metadata["customer"] for event in events if "customer" in event.metadata}
        if not customers:
            return {}
        rows = db.execute(ERASURES, (list(customers),))
        return {subject: Position(transaction_id, position) for subject, transaction_id, position in rows}
