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
from services.calls.projections import closings, completions, identities, interactions
from services.calls.projections.call_tables import NO_ROWS, TABLES, replace_rows, rows_of
from services.calls.projections.circumstances import Circumstances
from services.calls.projections.stories import OF_CALLS, RESTARTED, Story
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import event_type
from services.kernel.projections import Projection
from services.kernel.store import COLUMNS, Position, StoredEvent

CACHED_CALLS = 1_500
AT_ONCE = 2_000  # calls that are folded together, where something bears on many

CONFIGURED = event_type(SourceConfigured)
ERASED = event_type(SubjectErased)
OTHERS = frozenset({RESTARTED, CONFIGURED, ERASED, *identities.CHANGES})

FACTS_OF = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = ANY(%s::uuid[])
    ORDER BY stream_id, version"""  # noqa: S608 - a constant
RESTART = "INSERT INTO source_restarts VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
CONFIGURE = """INSERT INTO sources VALUES (%s, %s, %s, %s)
    ON CONFLICT (source) DO UPDATE SET clock_offset_us = excluded.clock_offset_us,
        stale_after_seconds = excluded.stale_after_seconds, pause_reasons = excluded.pause_reasons"""
TOUCHED_BY_RESTART = """SELECT DISTINCT calls.id FROM calls JOIN visits ON visits.call = calls.id
    WHERE calls.source = ANY(%s) AND (visits.outcome = 'in_progress' OR visits.reason IN ('restart', 'stale'))"""
OF_SOURCES = "SELECT id FROM calls WHERE source = ANY(%s)"
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
    version = 6
    handles = (*OF_CALLS, RESTARTED, CONFIGURED, ERASED, *identities.CHANGES)
    tables = TABLES + identities.TABLES + interactions.TABLE + completions.TABLE + closings.TABLES

    def __init__(self) -> None:
        self._stories: OrderedDict[UUID, Story] = OrderedDict()
        self._circumstances: Circumstances | None = None

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Folds anew every call that the events touch, replaces its rows, and marks it if it is over."""
        touched: dict[UUID, list[StoredEvent]] = {}
        others: dict[str, list[StoredEvent]] = {}
        for event in events:
            if event.type in OTHERS:
                others.setdefault(event.type, []).append(event)
            else:
                touched.setdefault(event.stream_id, []).append(event)
        causes: dict[UUID, set[Cause]] = {}
        for cause, calls in self._touched_by(others, db):
            for call in calls:
                touched.setdefault(call, [])
                if cause:
                    causes.setdefault(call, set()).add(cause)
        if others or self._circumstances is None:
            before = self._circumstances
            renamed = before is None or not others.keys().isdisjoint(identities.CHANGES)
            self._circumstances = Circumstances.read(db, None if renamed or before is None else before.names)
        waiting = list(touched.items())
        for begin in range(0, len(waiting), AT_ONCE):
            self._fold(dict(waiting[begin : begin + AT_ONCE]), causes, self._circumstances, db)

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
        over = closings.hour_of_now()
        for id_, story in stories.items():
            call = story.told(about.restarts, about.names)
            rows = rows_of(id_, story.source, story.call_id, story.facts, call)
            if story.rows == rows:
                continue
            if rows.call_links != (story.rows.call_links if story.rows else []):
                relinked.add(id_)
            hours = closings.hours_of(call)
            past = [each for each in story.hours | hours if each[1] < over]
            if past and (story.rows is None or story.rows.visits != rows.visits):
                why = causes.get(id_, set()) | closings.causes_told(touched[id_])
                for each in past:
                    marks.setdefault(each, set()).update(why)
            changes.append((id_, story.rows, rows))
            changed.append((id_, story.source, call))
            story.rows, story.hours = rows, hours
        replace_rows(changes, db)
        if relinked:
            interactions.join(relinked, db)
        completions.mark(changed, db)
        closings.mark(marks, db)

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
        self._circumstances = None

    def _touched_by(
        self, others: Mapping[str, list[StoredEvent]], db: Cursor
    ) -> Iterator[tuple[Cause | None, set[UUID]]]:
        """What bears on more calls than its own: which, and what moves their figures with it, if anything can."""
        for type_, events in others.items():
            if type_ == RESTARTED:
                yield "restart", self._touched_by_restarts(events, db)
            elif type_ == CONFIGURED:
                yield "clock", self._touched_by_settings(events, db)
            elif type_ == ERASED:
                yield None, self._touched_by_erasures(events, db)
            else:
                identities.note(events, "identity_changes", db)
                identities.list_anew(events, db)
                yield "identity", identities.touched_by(events, db)

    @staticmethod
    def _touched_by_restarts(events: Iterable[StoredEvent], db: Cursor) -> set[UUID]:
        sources = {event.data["source"] for event in events}
        for event in events:
            db.execute(RESTART, (event.event_id, event.data["source"], event.occurred_at))
        return {call for (call,) in db.execute(TOUCHED_BY_RESTART, (list(sources),))}

    @staticmethod
    def _touched_by_settings(events: Iterable[StoredEvent], db: Cursor) -> set[UUID]:
        for event in events:
            data = event.data
            offset = data["clock_offset_seconds"] * 1_000_000
            db.execute(CONFIGURE, (data["source"], offset, data["stale_after_seconds"], Jsonb(data["pause_reasons"])))
        return {call for (call,) in db.execute(OF_SOURCES, ([event.data["source"] for event in events],))}

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
