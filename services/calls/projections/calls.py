"""Calls, visits and legs: what the fold makes of each call's facts.

Whatever happens to a call, all of its facts are folded anew and its rows replaced, so that neither order nor repetition
of facts can matter, and no counter can be left wrong by a correction.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.calls.domain.fold import Fact, fold
from services.calls.domain.reaper import CallClosedByInference
from services.calls.domain.sources import SourceConfigured
from services.calls.domain.vocabulary import VOCABULARY
from services.calls.projections import completions
from services.calls.projections.call_tables import TABLES, Rows, replace_rows, rows_of
from services.kernel.database import Cursor
from services.kernel.decider import event_type
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CACHED_CALLS = 1_500

CLOSED = event_type(CallClosedByInference)
RESTARTED = "source.restarted"
CONFIGURED = event_type(SourceConfigured)

FACTS_OF = """SELECT stream_id, version, event_id, type, data, metadata, occurred_at FROM store.events
    WHERE stream_id = ANY(%s) ORDER BY stream_id, version"""
SOURCES = "SELECT source, clock_offset_us FROM sources"
RESTARTS = "SELECT source, occurred_at FROM source_restarts WHERE source = ANY(%s) ORDER BY source, occurred_at"
RESTART = "INSERT INTO source_restarts VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
CONFIGURE = """INSERT INTO sources VALUES (%s, %s, %s, %s)
    ON CONFLICT (source) DO UPDATE SET clock_offset_us = excluded.clock_offset_us,
        stale_after_seconds = excluded.stale_after_seconds, pause_reasons = excluded.pause_reasons"""
TOUCHED_BY_RESTART = """SELECT DISTINCT calls.id FROM calls JOIN visits ON visits.call = calls.id
    WHERE calls.source = ANY(%s) AND (visits.outcome = 'in_progress' OR visits.reason IN ('restart', 'stale'))"""
OF_SOURCES = "SELECT id FROM calls WHERE source = ANY(%s)"


@dataclass(slots=True)
class Story:
    """What is known of one call: its facts so far, up to which version, and whether the reaper closed it.

    `offset` is the clock offset of its source, in microseconds, that the instants of its facts have in them.
    """

    source: str = ""
    call_id: str = ""
    offset: int = 0
    version: int = 0
    facts: list[Fact] = field(default_factory=list)
    closed: int | None = None
    rows: Rows | None = None


class CallFigures(Projection):
    """Follows the facts of calls, the restarts and the settings of sources."""

    name = "calls"
    version = 2
    handles = (*[name for name in VOCABULARY if name.startswith("call.")], RESTARTED, CLOSED, CONFIGURED)
    tables = TABLES + completions.TABLE
    batch = 1000

    def __init__(self) -> None:
        self._stories: OrderedDict[UUID, Story] = OrderedDict()

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Folds anew every call that the events touch, replaces its rows, and marks it if it is over."""
        touched: dict[UUID, list[StoredEvent]] = {}
        others: list[StoredEvent] = []
        for event in events:
            if event.type in (RESTARTED, CONFIGURED):
                others.append(event)
            else:
                touched.setdefault(event.stream_id, []).append(event)
        for call in self._touched_by_sources(others, db):
            touched.setdefault(call, [])
        offsets: dict[str, int] = dict(db.execute(SOURCES).fetchall())
        stories = self._stories_of(touched, offsets, db)
        restarts = self._restarts({story.source for story in stories.values()}, offsets, db)
        changes, changed = [], []
        for id_, story in stories.items():
            call = fold(story.facts, restarts.get(story.source, ()), story.closed)
            rows = rows_of(id_, story.source, story.call_id, call)
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
        for call, events in touched.items():
            story = self._stories.get(call) or Story()
            current = not story.version or story.offset == offsets.get(story.source, 0)
            if events and current and events[0].version <= story.version + 1:
                for event in events:
                    if event.version > story.version:
                        self._add(story, event[1:4] + event[5:8], offsets)
                stories[call] = story
            else:
                incomplete.append(call)
        if incomplete:
            for stream, *row in db.execute(FACTS_OF, (incomplete,)):
                self._add(stories.setdefault(stream, Story()), tuple(row), offsets)
        for call, story in stories.items():
            self._stories[call] = story
            self._stories.move_to_end(call)
        while len(self._stories) > CACHED_CALLS:
            self._stories.popitem(last=False)
        return stories

    @staticmethod
    def _add(story: Story, event: tuple[Any, ...], offsets: dict[str, int]) -> None:
        version, event_id, kind, data, metadata, occurred_at = event
        story.version = version
        if kind == CLOSED:
            story.closed = data["known_facts"]
            return
        story.source, story.call_id = data["source"], data["call_id"]
        story.offset = offsets.get(story.source, 0)
        at = microseconds(occurred_at) + story.offset
        customer, numbers = metadata.get("customer"), "numbers" in metadata
        story.facts.append(Fact.of(event_id, data, at, customer=customer, has_numbers=numbers))


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970."""
    since = instant - EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
