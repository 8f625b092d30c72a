"""Calls, visits and legs: what the fold makes of each call's facts.

Whatever happens to a call, all of its facts are folded anew and its rows replaced, so that neither order nor repetition
of facts can matter, and no counter can be left wrong by a correction.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from uuid import UUID

from psycopg.types.json import Jsonb

from services.calls.domain.sources import SourceConfigured
from services.calls.domain.subjects import SubjectErased
from services.calls.projections import completions
from services.calls.projections.call_tables import TABLES, replace_rows, rows_of
from services.calls.projections.circumstances import Circumstances
from services.calls.projections.stories import OF_CALLS, RESTARTED, Story
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import event_type
from services.kernel.projections import Projection
from services.kernel.store import COLUMNS, Position, StoredEvent

CACHED_CALLS = 1_500

CONFIGURED = event_type(SourceConfigured)
ERASED = event_type(SubjectErased)

FACTS_OF = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = ANY(%s::uuid[])
    ORDER BY stream_id, version"""  # noqa: S608 - a constant
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
    version = 5
    handles = (*OF_CALLS, RESTARTED, CONFIGURED, ERASED)
    tables = TABLES + completions.TABLE

    def __init__(self) -> None:
        self._stories: OrderedDict[UUID, Story] = OrderedDict()
        self._circumstances: Circumstances | None = None

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
        if others or erased or self._circumstances is None:
            self._circumstances = Circumstances.read(db)
        stories = self._stories_of(touched, self._circumstances, db)
        changes, changed = [], []
        for id_, story in stories.items():
            call = story.told(self._circumstances.restarts)
            rows = rows_of(id_, story.source, story.call_id, story.facts, call)
            if story.rows != rows:
                changes.append((id_, story.rows, rows))
                changed.append((id_, story.source, call))
                story.rows = rows
        replace_rows(changes, db)
        completions.mark(changed, db)

    def forget(self) -> None:
        """Drops the stories, whose rows may not be in the tables, and the circumstances for the same reason."""
        self._stories.clear()
        self._circumstances = None

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

    def _stories_of(
        self, touched: dict[UUID, list[StoredEvent]], about: Circumstances, db: Cursor
    ) -> dict[UUID, Story]:
        stories: dict[UUID, Story] = {}
        incomplete = []
        offsets = about.offsets
        erasures = self._erasures(chain.from_iterable(touched.values()), about, db)
        for call, events in touched.items():
            story = self._stories.get(call) or Story()
            current = not story.version or story.offset == offsets.get(story.source, 0)
            if events and current and events[0].version <= story.version + 1:
                for event in events:
                    if event.version > story.version:
                        story.add(event, offsets, erasures)
                stories[call] = story
            else:
                incomplete.append(call)
        if incomplete:
            loaded = [StoredEvent(*row) for row in db.execute(FACTS_OF, (uuid_array(incomplete),))]
            erasures = self._erasures(loaded, about, db)
            for event in loaded:
                stories.setdefault(event.stream_id, Story()).add(event, offsets, erasures)
        for call, story in stories.items():
            self._stories[call] = story
            self._stories.move_to_end(call)
        while len(self._stories) > CACHED_CALLS:
            self._stories.popitem(last=False)
        return stories

    @staticmethod
    def _erasures(events: Iterable[StoredEvent], about: Circumstances, db: Cursor) -> Mapping[str, Position]:
        """When those customers were erased last, as far as they were, of whom the events tell."""
        customers = {
            event.metadata["customer"]
            for event in events
            if (event.transaction_id, event.position) < about.last_erasure and "customer" in event.metadata
        }
        if not customers:
            return {}
        rows = db.execute(ERASURES, (list(customers),))
        return {subject: Position(transaction_id, position) for subject, transaction_id, position in rows}
