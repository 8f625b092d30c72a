"""Read models that follow the event store (DESIGN section 4).

A projection is a module with a class: its name, its version, the event types it handles, its tables, and how a batch
of events changes them. Its tables live in a schema of their own, one a generation, so that a new one can be built
beside the one in use; views in schema `read` show the one in use. A batch and the checkpoint move in one transaction.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, ClassVar, TypeVar

import structlog
from psycopg import sql
from psycopg.types.json import Jsonb

from services.kernel import traces
from services.kernel.database import Connection, Cursor
from services.kernel.reading import Ahead, Stretch, read_on
from services.kernel.store import Position, StoredEvent
from services.kernel.upcasting import Upcaster, latest

log = structlog.get_logger(__name__)

F = TypeVar("F", bound=Callable[..., Any])


class Projection:
    """A read model. `tables` is SQL that names its tables without a schema; `handles` are event types.

    It sees events in their newest shape: `upcasters` are the steps to it.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    handles: ClassVar[tuple[str, ...]]
    tables: ClassVar[str]
    batch: ClassVar[int] = 2000
    upcasters: ClassVar[Mapping[tuple[str, int], Upcaster]] = {}

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Changes the tables by a batch of events; repeating a batch, or its order, must not matter."""
        raise NotImplementedError

    def beforehand(self, events: Sequence[StoredEvent], db: Cursor) -> Iterator[None] | None:  # noqa: ARG002 - most have nothing
        """What a batch brings with it that is too much for one transaction; None where there is nothing.

        What is done up to each `yield` is committed by itself, before the batch. The checkpoint moves with the batch
        alone: whatever interrupts this, all of it is done again.
        """
        return None

    def forget(self) -> None:
        """Drops what it remembers of its tables: a batch was not committed."""


def answers(query: type) -> Callable[[F], F]:
    """Marks the method that answers a query: `method(query, db, actor) -> answer`, or None where there is nothing."""

    def marked(method: F) -> F:
        method.answers = query  # type: ignore[attr-defined]
        return method

    return marked


def answers_of(readers: Sequence[object]) -> Mapping[type, Callable[..., Any]]:
    """Which method of the readers answers which query."""
    methods = [getattr(reader, name) for reader in readers for name in dir(type(reader))]
    return {method.answers: method for method in methods if hasattr(method, "answers")}


class Superseded(Exception):  # noqa: N818 - what happened, not a mistake
    """Another generation of the projection has come into use."""


ACTIVE = """SELECT generation, version, transaction_id::text::bigint, position FROM store.projections
    WHERE name = %s AND in_use"""
MOVE = """UPDATE store.projections SET transaction_id = %s::text::xid8, position = %s, moved_at = now()
    WHERE name = %s AND generation = %s AND in_use = %s"""
# The events that the read model named %(model)s has not applied yet, whether or not it could read them by now.
UNAPPLIED = """store.events JOIN store.projections AS model ON model.name = %(model)s AND model.in_use
    AND (events.transaction_id, events.position) > (model.transaction_id, model.position)"""
# A reader meets several views in one transaction, in an order of its own. Without one lock over all of them, it and
# whoever points them at a new generation could wait for each other.
READ_VIEWS = "SELECT set_config('search_path', 'read', true), pg_advisory_xact_lock_shared(hashtext('read views'))"
CHANGE_VIEWS = "SELECT pg_advisory_xact_lock(hashtext('read views'))"


DONE = object()


class Generation:
    """One set of a projection's tables, and how far it has read."""

    def __init__(self, projection: Projection, number: int, checkpoint: Position, *, in_use: bool) -> None:
        self.projection, self.number, self.checkpoint, self.in_use = projection, number, checkpoint, in_use
        self._stored = checkpoint

    @property
    def schema(self) -> sql.Identifier:
        """The schema that holds the tables."""
        return sql.Identifier(f"{self.projection.name}_{self.number}")

    def enter(self, connection: Connection) -> None:
        """Makes the projection's own SQL mean this generation's tables."""
        connection.execute(sql.SQL("SET search_path = {}").format(self.schema))
        # Statements are planned once, for tables that are empty at first: read whole, they would cost more and more.
        connection.execute("SET enable_seqscan = off")
        # A crash may lose the last batches, the checkpoint with them: they are applied again.
        connection.execute("SET synchronous_commit = off")

    def step(self, connection: Connection, ahead: Ahead | None = None) -> int:
        """Applies the next batch and moves the checkpoint; returns how many events that were.

        `ahead` reads what follows meanwhile. Raises Superseded where another generation has come into use.
        """
        with connection.cursor() as db:
            read = read_on if ahead is None else ahead.read_on
            stretch = read(db, self.checkpoint, self.projection.handles, self.projection.batch)
            if stretch.moves(self._stored):
                self._apply(stretch, db)
                self._stored = stretch.reached
        self.checkpoint = stretch.reached
        return len(stretch.events)

    def _apply(self, stretch: Stretch, db: Cursor) -> None:
        projection, events = self.projection, stretch.events
        if projection.upcasters:
            events = [_newest(event, projection.upcasters) for event in events]
        try:
            self._do_beforehand(events, db)
            with db.connection.transaction():
                self._move(db, stretch.reached)  # first: the tables of a retired generation are no longer there
                if events:
                    self._change_tables(events, db)
        except BaseException:
            projection.forget()
            raise

    def _do_beforehand(self, events: list[StoredEvent], db: Cursor) -> None:
        portions = self.projection.beforehand(events, db)
        while portions is not None:
            with db.connection.transaction():
                self._move(db, self._stored)  # no further, but as long as this generation is followed at all
                if next(portions, DONE) is DONE:
                    portions = None

    def _change_tables(self, events: list[StoredEvent], db: Cursor) -> None:
        name = self.projection.name
        try:
            self.projection.apply(events, db)
        except Exception:
            log.warning("projection.batch_failed", projection=name, events=len(events), trace_ids=_trace_ids(events))
            raise
        if log.is_enabled_for(logging.DEBUG):
            log.debug("projection.batch_applied", projection=name, events=len(events), trace_ids=_trace_ids(events))

    def _move(self, db: Cursor, reached: Position) -> None:
        moved = db.execute(MOVE, (*reached, self.projection.name, self.number, self.in_use))
        if not moved.rowcount:
            raise Superseded(self.projection.name)


def _trace_ids(events: list[StoredEvent]) -> list[str]:
    return traces.ids_of(event.metadata for event in events)


def _newest(event: StoredEvent, upcasters: Mapping[tuple[str, int], Upcaster]) -> StoredEvent:
    return event._replace(data=latest(upcasters, event.type, event.schema_version, event.data))


def active(db: Cursor, projection: Projection) -> tuple[Generation, int] | None:
    """The generation in use and the version of the code that built it."""
    row = db.execute(ACTIVE, (projection.name,)).fetchone()
    if row is None:
        return None
    number, version, transaction_id, position = row
    return Generation(projection, number, Position(transaction_id, position), in_use=True), version


def create(connection: Connection, projection: Projection) -> Generation:
    """A new, empty generation beside the one in use; what an interrupted rebuild left behind is dropped.

    One at a time: raises Superseded while another connection builds the projection.
    """
    alone = connection.execute("SELECT pg_try_advisory_lock(hashtext('rebuild'), hashtext(%s))", (projection.name,))
    if alone.fetchone() != (True,):
        raise Superseded(f"{projection.name} is being rebuilt elsewhere")
    for number in _unfinished(connection, projection):
        _drop(connection, Generation(projection, number, Position(), in_use=False))
    with connection.transaction(), connection.cursor() as db:
        last = db.execute("SELECT max(generation) FROM store.projections WHERE name = %s", (projection.name,))
        (number,) = last.fetchone() or (None,)
        generation = Generation(projection, (number or 0) + 1, Position(), in_use=False)
        db.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(generation.schema))
        db.execute(sql.SQL("CREATE SCHEMA {}").format(generation.schema))
        db.execute(sql.SQL("SET LOCAL search_path = {}").format(generation.schema))
        db.execute(projection.tables)
        db.execute(
            "INSERT INTO store.projections (name, generation, version, in_use) VALUES (%s, %s, %s, false)",
            (projection.name, generation.number, projection.version),
        )
    return generation


def bring_into_use(connection: Connection, generation: Generation) -> None:
    """Reads what is left, points the views at this generation, and retires the one before."""
    name = generation.projection.name
    generation.enter(connection)
    with connection.transaction(), connection.cursor() as db:
        # Whoever follows the old generation waits here with its checkpoint, then finds itself superseded.
        old = db.execute(f"{ACTIVE} FOR UPDATE", (name,)).fetchone()
        while generation.step(connection):
            pass
        db.execute("UPDATE store.projections SET in_use = false WHERE name = %s AND in_use", (name,))
        db.execute(
            "UPDATE store.projections SET in_use = true WHERE name = %s AND generation = %s", (name, generation.number)
        )
        _show(db, generation)
    generation.in_use = True
    if old is not None:
        _drop(connection, Generation(generation.projection, old[0], Position(), in_use=False))
    connection.execute("SELECT pg_advisory_unlock(hashtext('rebuild'), hashtext(%s))", (name,))


def _unfinished(connection: Connection, projection: Projection) -> list[int]:
    found = "SELECT generation FROM store.projections WHERE name = %s AND NOT in_use"
    return [number for (number,) in connection.execute(found, (projection.name,))]


def _drop(connection: Connection, generation: Generation) -> None:
    with connection.transaction(), connection.cursor() as db:
        db.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(generation.schema))
        db.execute(
            "DELETE FROM store.projections WHERE name = %s AND generation = %s",
            (generation.projection.name, generation.number),
        )


TABLES_OF = "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename"


def _show(db: Cursor, generation: Generation) -> None:
    db.execute(CHANGE_VIEWS)
    for (table,) in db.execute(TABLES_OF, (f"{generation.projection.name}_{generation.number}",)).fetchall():
        view = sql.Identifier("read", table)
        db.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(view))
        db.execute(sql.SQL("CREATE VIEW {} AS TABLE {}.{}").format(view, generation.schema, sql.Identifier(table)))


def count(db: Cursor, projection: Projection) -> int:
    """How many stored events a projection handles."""
    statement = "SELECT count(*) FROM store.events WHERE type = ANY(%s)"
    (events,) = db.execute(statement, (list(projection.handles),)).fetchone() or (0,)
    return int(events)


def rebuild(connection: Connection, projection: Projection, progress: Callable[[int], None]) -> None:
    """Builds the projection anew beside the one in use, then switches; `progress` is told of each batch's size."""
    generation = create(connection, projection)
    generation.enter(connection)
    with closing(Ahead(connection)) as ahead:
        while handled := generation.step(connection, ahead):
            progress(handled)
    bring_into_use(connection, generation)


LAG = """
    SELECT wanted.name, count(e.position)
    FROM unnest(%s::text[]) AS wanted(name)
    LEFT JOIN store.projections p ON p.name = wanted.name AND p.in_use
    LEFT JOIN LATERAL (
        SELECT position FROM store.events
        WHERE (transaction_id, position) > (coalesce(p.transaction_id, '0'), coalesce(p.position, 0))
        AND type = ANY(string_to_array(%s::jsonb ->> wanted.name, ' ')) LIMIT 10000
    ) e ON true GROUP BY wanted.name"""
BEHIND = """
    SELECT 1 FROM store.projections p WHERE p.in_use AND EXISTS (
        SELECT 1 FROM store.events e
        WHERE (e.transaction_id, e.position) > (p.transaction_id, p.position)
        AND (e.transaction_id, e.position) <= (%s::text::xid8, %s)
        AND e.type = ANY(string_to_array(%s::jsonb ->> p.name, ' '))) LIMIT 1"""


def _handles(projections: Sequence[Projection]) -> dict[str, str]:
    return {projection.name: " ".join(projection.handles) for projection in projections}


def lags(db: Cursor, projections: Sequence[Projection]) -> dict[str, int]:
    """How many stored events each projection has yet to apply, at most 10 000."""
    return dict(db.execute(LAG, ([p.name for p in projections], Jsonb(_handles(projections)))).fetchall())


def behind(db: Cursor, projections: Sequence[Projection], position: Position) -> bool:
    """Whether any projection has yet to apply an event at or before a position."""
    return db.execute(BEHIND, (*position, Jsonb(_handles(projections)))).fetchone() is not None
