"""Calls, visits and legs: what the fold makes of each call's facts.

Whatever happens to a call, all of its facts are folded anew and its rows replaced, so that neither order nor repetition
of facts can matter, and no counter can be left wrong by a correction.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from uuid import UUID

from psycopg.types.json import Jsonb

from services.calls.domain.intervals import Cause
from services.calls.domain.sources import SourceConfigured
from services.calls.domain.subjects import SubjectErased
from services.calls.projections import closings, completions, contradictions, identities, interactions
from services.calls.projections.call_rows import rows_of
from services.calls.projections.call_tables import NO_ROWS, TABLES, replace_rows
from services.calls.projections.circumstances import Circumstances
from services.calls.projections.stories import OF_CALLS, RESTARTED, Story
from services.calls.projections.touched import Touched
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import event_type
from services.kernel.projections import Projection
from services.kernel.store import COLUMNS, Position, StoredEvent

CACHED_CALLS = 1_500
AT_ONCE = 500  # calls that are folded together where something bears on many: well under a second
LOOKED_UP_AT_ONCE = 100  # changes whose calls are looked up in one transaction

CONFIGURED = event_type(SourceConfigured)
ERASED = event_type(SubjectErased)
OTHERS = frozenset({RESTARTED, CONFIGURED, ERASED, *identities.CHANGES})

FACTS_OF = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = ANY(%s::uuid[])
    ORDER BY stream_id, version"""  # noqa: S608 - a constant
RESTART = "INSERT INTO source_restarts VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
CONFIGURE = """INSERT INTO sources VALUES (%s, %s, %s, %s)
    ON CONFLICT (source) DO UPDATE SET clock_offset_us = excluded.clock_offset_us,
        stale_after_seconds = excluded.stale_after_seconds, pause_reasons = excluded.pause_reasons"""
TOUCHED_BY_RESTART = """SELECT calls.id FROM calls JOIN visits ON visits.call = calls.id
    WHERE calls.source = %(source)s AND (visits.outcome = 'in_progress' OR visits.reason IN ('restart', 'stale'))"""
# By what was said before, not by the table, which has the new offset where this is done again.
OFFSET_BEFORE = """SELECT (data ->> 'clock_offset_seconds')::integer FROM store.events
    WHERE stream_id = %s AND version < %s AND type = %s ORDER BY version DESC LIMIT 1"""
OF_SOURCE = "SELECT id FROM calls WHERE source = %(source)s"
LINKED = "SELECT DISTINCT call FROM call_links WHERE call = ANY(%s::uuid[])"
ERASE = """INSERT INTO erasures VALUES (%s, %s, %s) ON CONFLICT (subject) DO UPDATE
    SET (transaction_id, position) = (excluded.transaction_id, excluded.position)
    WHERE (excluded.transaction_id, excluded.position) > (erasures.transaction_id, erasures.position)"""
ERASURES = "SELECT subject, transaction_id, position FROM erasures WHERE subject = ANY(%s)"
OF_CUSTOMER = """SELECT id FROM calls WHERE customer = %(customer)s
    UNION SELECT call FROM further_customers WHERE customer = %(customer)s"""


class CallFigures(Projection):
    """Follows the facts of calls, the restarts, settings and names of sources, and the erasures of persons."""

    name = "calls"
    version = 7
    handles = (*OF_CALLS, RESTARTED, CONFIGURED, ERASED, *identities.CHANGES)
    tables = (
        TABLES + identities.TABLES + interactions.TABLE + contradictions.TABLE + completions.TABLE + closings.TABLES
    )

    def __init__(self) -> None:
        self._stories: OrderedDict[UUID, Story] = OrderedDict()
        self._over: set[UUID] = set()  # which of them the last batch found to be over
        self._circumstances: Circumstances | None = None

    def beforehand(self, events: Sequence[StoredEvent], db: Cursor) -> Iterator[None] | None:
        """Folds anew the calls on which something in the batch bears that is told of no single call, some at a time."""
        others = [event for event in events if event.type in OTHERS]
        return self._fold_touched(others, db) if others else None

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Folds anew every call that the events tell of, replaces its rows, and marks it if it is over."""
        told: dict[UUID, list[StoredEvent]] = {}
        for event in events:
            if event.type not in OTHERS:
                told.setdefault(event.stream_id, []).append(event)
        if self._circumstances is None:
            self._circumstances = Circumstances.read(db)
        if told:
            self._fold(told, {}, self._circumstances, db)

    def _fold_touched(self, others: Sequence[StoredEvent], db: Cursor) -> Iterator[None]:
        touched = Touched(db)
        for place, event in enumerate(others, 1):
            self._note(event, touched, db)
            if place % LOOKED_UP_AT_ONCE == 0:
                yield
                touched.be_patient()
        renamed = [event for event in others if event.type in identities.CHANGES]
        if renamed:
            identities.note(renamed, "identity_changes", db)
            identities.list_anew(renamed, db)
        before = self._circumstances
        names = None if renamed or before is None else before.names
        self._circumstances = about = Circumstances.read(db, names)
        yield
        while some := touched.next(AT_ONCE):
            self._fold({call: [] for call in some}, some, about, db)
            yield

    def _fold(
        self,
        touched: dict[UUID, list[StoredEvent]],
        causes: Mapping[UUID, set[Cause]],
        about: Circumstances,
        db: Cursor,
    ) -> None:
        stories = self._stories_of(touched, about, db)
        relinked = self._recollect(stories, touched, db)
        changes, changed = [], []
        marks: closings.Marks = {}
        now = closings.hour_of_now()
        over = set()
        for id_, story in stories.items():
            call = story.told(about.restarts, about.names)
            if call.state == "ended":
                over.add(id_)
            rows = rows_of(id_, story.source, story.call_id, story.said, call)
            if story.rows == rows:
                continue
            if rows.call_links != (story.rows.call_links if story.rows else []):
                relinked.add(id_)
            hours = closings.hours_of(call)
            past = [each for each in story.hours | hours if each[1] < now]
            if past and (story.rows is None or story.rows.visits != rows.visits):
                why = causes.get(id_, set()) | closings.causes_told(touched[id_])
                for each in past:
                    marks.setdefault(each, set()).update(why)
            changes.append((id_, story.rows, rows))
            changed.append((id_, story.source, call))
            story.rows, story.hours = rows, hours
        self._keep(stories, over)
        replace_rows(changes, db)
        if relinked:
            interactions.join(relinked, db)
        completions.mark(changed, db)
        closings.mark(marks, db)

    def _keep(self, touched: Mapping[UUID, Story], over: set[UUID]) -> None:
        """Drops the stories that were over before this batch, which told nothing more of them: hardly any will."""
        for id_ in self._over.difference(touched):
            self._stories.pop(id_, None)
        self._over = over

    @staticmethod
    def _recollect(stories: Mapping[UUID, Story], touched: Mapping[UUID, list[StoredEvent]], db: Cursor) -> set[UUID]:
        """Looks up where the visits of calls count whose rows are not in mind; returns which of these have links."""
        for id_, events in touched.items():
            if events and events[0].version == 1:  # of which no earlier batch can have told
                stories[id_].rows = NO_ROWS
        unknown = [id_ for id_, story in stories.items() if story.rows is None]
        if not unknown:
            return set()
        for id_, hours in closings.hours_before(unknown, db).items():
            stories[id_].hours = hours
        return {call for (call,) in db.execute(LINKED, (uuid_array(unknown),))}

    def forget(self) -> None:
        """Drops the stories, whose rows may not be in the tables, and the circumstances for the same reason."""
        self._stories.clear()
        self._over.clear()
        self._circumstances = None

    def _note(self, event: StoredEvent, touched: Touched, db: Cursor) -> None:
        """Keeps what an event says, and lists the calls on which that bears."""
        data = event.data
        if event.type == RESTARTED:
            db.execute(RESTART, (event.event_id, data["source"], event.occurred_at))
            touched.add("restart", TOUCHED_BY_RESTART, {"source": data["source"]})
        elif event.type == CONFIGURED:
            offset = data["clock_offset_seconds"]
            settings = (data["stale_after_seconds"], Jsonb(data["pause_reasons"]))
            db.execute(CONFIGURE, (data["source"], offset * 1_000_000, *settings))
            said = db.execute(OFFSET_BEFORE, (event.stream_id, event.version, CONFIGURED)).fetchone()
            if offset != (said[0] if said else 0):
                touched.add("clock", OF_SOURCE, {"source": data["source"]})
        elif event.type == ERASED:
            db.execute(ERASE, (data["subject"], event.transaction_id, event.position))
            touched.add(None, OF_CUSTOMER, {"customer": data["subject"]})
            self._stories.clear()  # they remember whose facts they are
        else:
            identities.list_touched(event, touched)

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
