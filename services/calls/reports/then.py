"""What was known at a past instant: the facts recorded by then, folded with all that bore on them then.

The clock offsets, names, restarts and closings of then are taken, not those of now. What comes of it stands in for the
read models of now until the end of the transaction, so that the same SQL finds the figures.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from services.calls.api import sources as source_things
from services.calls.domain.facts import stream_id
from services.calls.domain.fold import Call
from services.calls.domain.names import Names
from services.calls.projections.call_rows import call_row, leg_rows, ring_rows, visit_rows
from services.calls.projections.call_tables import CALL_COLUMNS, LEG_COLUMNS, RING_COLUMNS, VISIT_COLUMNS
from services.calls.projections.calls import CONFIGURED, CallFigures
from services.calls.projections.identities import CHANGES, names_told
from services.calls.projections.stories import RESTARTED, Story, microseconds
from services.kernel import store
from services.kernel.copying import copy_rows
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import Rejected
from services.kernel.projections import UNAPPLIED
from services.kernel.store import COLUMNS, StoredEvent

MOST_FACTS = 100_000  # about three seconds, which is as long as somebody who asks should wait
AT_ONCE = 500  # calls; so that neither their facts fill the memory nor their folding keeps others waiting

SOURCES = f"""SELECT source FROM sources UNION
    SELECT data ->> 'source' FROM {UNAPPLIED} WHERE type = %(configured)s"""  # noqa: S608 - constants
SETTINGS = """SELECT DISTINCT ON (stream_id) data ->> 'source', (data ->> 'clock_offset_seconds')::bigint * 1000000,
        (data ->> 'stale_after_seconds')::integer, data -> 'pause_reasons'
    FROM store.events WHERE stream_id = ANY(%s::uuid[]) AND type = %s AND recorded_at <= %s
    ORDER BY stream_id, version DESC"""
# The changes of names recorded by then, whether or not the read model has applied them.
NAMES = f"""SELECT system, kind, external_id, internal_id, valid_from, valid_to FROM (
        SELECT id, version, system, kind, external_id, internal_id, valid_from, valid_to FROM identity_changes
            WHERE recorded_at <= %(known_at)s
        UNION SELECT stream_id, events.version, data ->> 'system', data ->> 'kind', data ->> 'external_id',
                data ->> 'internal_id', (data ->> 'valid_from')::timestamptz, (data ->> 'valid_to')::timestamptz
            FROM {UNAPPLIED} WHERE type = ANY(%(changes)s) AND recorded_at <= %(known_at)s
    ) AS changes ORDER BY id, version"""  # noqa: S608 - constants
RESTARTS = """SELECT event_id, data ->> 'source', occurred_at FROM store.events
    WHERE stream_id = ANY(%s::uuid[]) AND type = %s AND recorded_at <= %s ORDER BY occurred_at"""
COUNT = """SELECT count(*) FROM (
    SELECT FROM store.events WHERE stream_id = ANY(%s::uuid[]) AND recorded_at <= %s LIMIT %s) AS known"""
FACTS = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = ANY(%s::uuid[]) AND recorded_at <= %s
    ORDER BY stream_id, version"""  # noqa: S608 - a constant
STAND_IN = "CREATE TEMPORARY TABLE {0} (LIKE read.{0}) ON COMMIT DROP"
INDEX = "CREATE INDEX ON {} ({})"
# Temporary tables come first anyway. But only another path makes a prepared statement look names up anew.
LOOK_THERE = "SELECT set_config('search_path', 'pg_temp, read', true)"

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
PARTS: Mapping[str, Callable[[UUID, Story, Call], list[Row]]] = {
    "calls": lambda id_, story, call: [call_row(id_, story.source, story.call_id, call)],
    "visits": lambda id_, _, call: visit_rows(id_, call),
    "legs": lambda id_, _, call: leg_rows(id_, call),
    "rings": lambda id_, _, call: ring_rows(id_, call),
}
LAYOUT: Mapping[str, Sequence[str]] = {
    "calls": CALL_COLUMNS,
    "visits": VISIT_COLUMNS,
    "legs": LEG_COLUMNS,
    "rings": RING_COLUMNS,
    "sources": ("source", "clock_offset_us", "stale_after_seconds", "pause_reasons"),
    "source_restarts": ("event", "source", "occurred_at"),
    "agents_heard": ("agent", "source", "kind", "about"),
    "agent_marks": (
        *("source", "agent", "kind", "queue", "occurred_at", "sequence", "rank", "fact", "stream", "event"),
        *("record", "record_version", "about", "type", "says", "counts"),
    ),
}
LOOKED_UP: Mapping[str, Sequence[LiteralString]] = {
    "calls": ["id"],
    "visits": ["call"],
    "legs": ["call", "agent, answered_at"],
    "rings": ["agent, began_at"],
    "agent_marks": ["agent, source, kind, about"],
}


@dataclass(frozen=True)
class Then:
    """A past instant, and what bears on all calls as it was known then.

    `settings` are those of each source that was configured: clock offset in microseconds, seconds after which its calls
    are stale, what its pause reasons mean. `names` are what the names of each source meant.
    """

    known_at: datetime
    settings: Mapping[str, tuple[int, int, Mapping[str, str]]]
    names: Mapping[str, Names]

    @classmethod
    def of(cls, db: Cursor, known_at: datetime) -> "Then | Rejected":
        """That of an instant; refused as long as something recorded by then can still come."""
        if not store.has_passed(db, known_at):
            return Rejected("request.not_yet_known", "What is recorded by then is not certain yet: ask again later.")
        sources = db.execute(SOURCES, {"model": CallFigures.name, "configured": CONFIGURED})
        streams = uuid_array([source_things.stream(name) for (name,) in sources])
        settings = {source: said for source, *said in db.execute(SETTINGS, (streams, CONFIGURED, known_at))}
        changes = {"known_at": known_at, "model": CallFigures.name, "changes": list(CHANGES)}
        return cls(known_at, settings, names_told(db.execute(NAMES, changes)))

    @property
    def offsets(self) -> dict[str, int]:
        """The clock offset of each source, in microseconds."""
        return {source: offset for source, (offset, *_) in self.settings.items()}

    @property
    def most_facts(self) -> int:
        """How many facts may be read for one answer."""
        return MOST_FACTS

    def outsides(self, kind: str, names: Iterable[str]) -> set[str]:
        """These names, and whatever names of sources have ever meant one of them."""
        insides = set(names)
        return insides.union(*(each.outsides(kind, insides) for each in self.names.values()))

    def too_many(self, db: Cursor, calls: Sequence[UUID], narrower: str) -> Rejected | None:
        """The refusal of calls that have too many facts, if they have."""
        (facts,) = db.execute(COUNT, (uuid_array(calls), self.known_at, MOST_FACTS + 1)).fetchone() or (0,)
        return self.too_much(narrower) if max(facts, len(calls)) > MOST_FACTS else None

    @staticmethod
    def too_much(narrower: str) -> Rejected:
        """The refusal of what takes too many facts; `narrower` says what to ask for instead."""
        detail = f"This takes more than {MOST_FACTS} facts to find out: ask for {narrower}, or leave out `as_known_at`."
        return Rejected("calls.report.too_much_history", detail, 422, "/as_known_at")

    def folded(self, db: Cursor, calls: Iterable[UUID], tables: Sequence[str]) -> Rows:
        """What these calls had in some of the tables."""
        rows: Rows = {table: [] for table in tables}
        pending = iter(calls)
        while some := list(islice(pending, AT_ONCE)):
            for id_, story, call in self._told(db, some):
                for table in tables:
                    rows[table] += PARTS[table](id_, story, call)
        return rows

    def restarts(self, db: Cursor, sources: Iterable[str]) -> list[tuple[UUID, str, datetime]]:
        """The restarts of sources by then, in the order of their clocks: event, source, instant."""
        streams = uuid_array(stream_id(name, "source", "") for name in sources)
        return db.execute(RESTARTS, (streams, RESTARTED, self.known_at)).fetchall()

    def _told(self, db: Cursor, calls: Sequence[UUID]) -> Iterator[tuple[UUID, Story, Call]]:
        stories: dict[UUID, Story] = {}
        offsets = self.offsets
        for row in db.execute(FACTS, (uuid_array(calls), self.known_at)):
            event = StoredEvent(*row)
            stories.setdefault(event.stream_id, Story()).add(event, offsets, {})
        restarts: dict[str, list[int]] = {}
        for _, source, occurred_at in self.restarts(db, {story.source for story in stories.values()}):
            restarts.setdefault(source, []).append(microseconds(occurred_at) + offsets.get(source, 0))
        for id_, story in stories.items():
            yield id_, story, story.told(restarts, self.names)


def stand_in(db: Cursor, rows: Mapping[str, Iterable[Row]]) -> None:
    """Until the end of the transaction, lets tables have these rows instead of those of now.

    From here on the transaction is a write, and readers of events wait for it: so it comes last.
    """
    for table in rows:
        db.execute(sql.SQL(STAND_IN).format(sql.Identifier(table)))
    db.execute(LOOK_THERE)
    for table, found in rows.items():
        copy_rows(db, table, LAYOUT[table], found)
        for key in LOOKED_UP.get(table, ()):
            db.execute(sql.SQL(INDEX).format(sql.Identifier(table), sql.SQL(key)))
