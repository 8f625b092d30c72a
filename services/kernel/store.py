"""The event store: one append-only table a service (DESIGN section 3).

The primary key (stream, version) is the guarantee against lost updates; (stream, event id) the one against repeats.
Nothing here opens or ends a transaction: the caller does, and appending is the first write of it. It is one statement,
so that a caller who writes nothing else needs none: by itself it is stored whole or not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import errors
from psycopg.types.json import Jsonb

from services.kernel.database import Cursor, uuid_array

NOTHING: dict[str, Any] = {}


class Conflict(Exception):  # noqa: N818 - not a mistake: read again and repeat
    """Somebody else wrote to the stream first; reading it again and deciding again will do."""


class Head(NamedTuple):
    """The newest version of a stream and the transaction that wrote it; (0, 0) where there is none."""

    version: int = 0
    transaction_id: int = 0


class Position(NamedTuple):
    """A place in the order in which readers see events."""

    transaction_id: int = 0
    position: int = 0


class NewEvent(NamedTuple):
    """An event before it is stored; its version is the next of its stream. `data` may be a JSON text."""

    stream_id: UUID
    event_id: UUID
    type: str
    data: dict[str, Any] | str | bytes
    occurred_at: datetime
    schema_version: int = 1
    metadata: dict[str, Any] = NOTHING


class StoredEvent(NamedTuple):
    """An event as it is read."""

    stream_id: UUID
    version: int
    event_id: UUID
    type: str
    schema_version: int
    data: dict[str, Any]
    metadata: dict[str, Any]
    occurred_at: datetime
    recorded_at: datetime
    transaction_id: int
    position: int


COLUMNS = """stream_id, version, event_id, type, schema_version, data, metadata, occurred_at, recorded_at,
    transaction_id::text::bigint, position"""

HEADS = """
    SELECT wanted.stream_id, head.version, head.transaction_id::text::bigint
    FROM unnest(%s::uuid[]) AS wanted(stream_id)
    CROSS JOIN LATERAL (
        SELECT version, transaction_id FROM store.events
        WHERE events.stream_id = wanted.stream_id ORDER BY version DESC LIMIT 1
    ) AS head"""

KNOWN = """
    SELECT event_id, metadata->>'digest' FROM store.events
    JOIN unnest(%s::uuid[], %s::uuid[]) AS wanted(stream_id, event_id) USING (stream_id, event_id)"""

# One statement of one parameter, whatever the size of the batch (docs/adr/0019).
APPEND = """
    WITH written AS (
        INSERT INTO store.events (stream_id, version, event_id, type, schema_version, data, metadata, occurred_at)
        SELECT * FROM jsonb_to_recordset(%s) AS new (
            stream_id uuid, version int, event_id uuid, type text, schema_version smallint,
            data jsonb, metadata jsonb, occurred_at timestamptz)
        RETURNING position)
    SELECT pg_current_xact_id()::text::bigint, max(position) FROM written"""

LOAD = f"SELECT {COLUMNS} FROM store.events WHERE stream_id = %s ORDER BY version"  # noqa: S608 - a constant
LOAD_AS_OF = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = %s AND recorded_at <= %s
    ORDER BY version"""  # noqa: S608 - a constant


def load(cursor: Cursor, stream_id: UUID, as_of: datetime | None = None) -> list[StoredEvent]:
    """The events of a stream in order; with `as_of`, those recorded at or before it."""
    rows = cursor.execute(LOAD_AS_OF, (stream_id, as_of)) if as_of else cursor.execute(LOAD, (stream_id,))
    return [StoredEvent(*row) for row in rows]


LOAD_ALL = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = ANY(%s::uuid[])
    ORDER BY stream_id, version"""  # noqa: S608 - a constant


def load_all(cursor: Cursor, streams: Sequence[UUID]) -> dict[UUID, list[StoredEvent]]:
    """The events of each of the streams in order; none where there is nothing."""
    found: dict[UUID, list[StoredEvent]] = {stream: [] for stream in streams}
    for row in cursor.execute(LOAD_ALL, (uuid_array(streams),)):
        found[row[0]].append(StoredEvent(*row))
    return found


# An event is dated by the beginning of its transaction, which may end much later.
PASSED = """SELECT %s < least(clock_timestamp(), min(xact_start)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def has_passed(cursor: Cursor, instant: datetime) -> bool:
    """Whether no event recorded at or before the instant can still come."""
    (passed,) = cursor.execute(PASSED, (instant,)).fetchone() or (False,)
    return bool(passed)


def heads(cursor: Cursor, streams: Sequence[UUID]) -> dict[UUID, Head]:
    """The head of each of the streams that exists."""
    return {stream: Head(version, xid) for stream, version, xid in cursor.execute(HEADS, (uuid_array(streams),))}


def head_of(events: Sequence[StoredEvent]) -> Head:
    """The head of a stream that has just been loaded."""
    return Head(events[-1].version, events[-1].transaction_id) if events else Head()


def known(cursor: Cursor, pairs: Iterable[tuple[UUID, UUID]]) -> dict[UUID, str | None]:
    """Which of the (stream, event id) pairs are stored, each with the digest of its content."""
    streams, ids = zip(*pairs, strict=True)
    return dict(cursor.execute(KNOWN, (uuid_array(streams), uuid_array(ids))).fetchall())


def append(cursor: Cursor, events: Sequence[NewEvent], heads: Mapping[UUID, Head]) -> Position:
    """Writes events after the heads that the caller has seen, and says where.

    Raises Conflict where a stream has moved since, or where this transaction is older than a head: its events would
    be seen before those that they follow (edge a).
    """
    versions = {stream: head.version for stream, head in heads.items()}
    try:
        row = cursor.execute(APPEND, (Jsonb([_row(event, versions) for event in events]),)).fetchone()
    except errors.UniqueViolation as error:
        # A partition reports its own constraint name, so only the suffix can be relied on.
        if (error.diag.constraint_name or "").endswith(("_pkey", "_event_id_key")):
            raise Conflict("the stream has moved: read it again and repeat") from error
        raise
    assert row is not None  # noqa: S101 - an aggregate has one row
    own = Position(*row)
    if any(head.transaction_id > own.transaction_id for head in heads.values()):
        raise Conflict("this transaction began to write before the stream's head: repeat it")
    return own


def _row(event: NewEvent, versions: dict[UUID, int]) -> dict[str, Any]:
    version = versions[event.stream_id] = versions.get(event.stream_id, 0) + 1
    stream_id, event_id, kind, data, occurred_at, schema_version, metadata = event
    return {
        "stream_id": stream_id,
        "version": version,
        "event_id": event_id,
        "type": kind,
        "schema_version": schema_version,
        "data": orjson.Fragment(data) if isinstance(data, str | bytes) else data,
        "metadata": metadata,
        "occurred_at": occurred_at,
    }


HELD_BACK = """
    SELECT pid, coalesce(application_name, ''), coalesce(datname, ''), extract(epoch FROM now() - xact_start)::float
    FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND xact_start < now() - interval '1 second'
    ORDER BY xact_start LIMIT 1"""


class OpenWrite(NamedTuple):
    """A write transaction that has been open for a while: all readers of events in the cluster wait for it."""

    pid: int
    application: str
    database: str
    seconds: float


def held_back_by(cursor: Cursor) -> OpenWrite | None:
    """What holds readers back now (edge b), if anything has for a second; the oldest."""
    row = cursor.execute(HELD_BACK).fetchone()
    return OpenWrite(*row) if row else None


RESTORED = """
    SELECT transaction_id >= pg_snapshot_xmax(pg_current_snapshot()) FROM store.events
    ORDER BY transaction_id DESC LIMIT 1"""


def refuse_hidden_history(cursor: Cursor) -> None:
    """Raises where events bear transaction ids that this cluster has not reached (edge c): a logical restore."""
    row = cursor.execute(RESTORED).fetchone()
    if row and row[0]:
        raise RuntimeError(
            "store.events holds transaction ids from another cluster, so readers would not see them. "
            "Follow docs/restore.md before starting."
        )
