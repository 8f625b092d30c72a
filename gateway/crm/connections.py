"""CRM connections in the gateway's database; secrets and tokens lie there sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from gateway.crm.provider import Matched, Record, WhenNone, WhenSeveral
from gateway.crm.terms import ProviderName
from gateway.deliveries import targets
from gateway.deliveries.channel import Database
from gateway.sealing import SecretBox

CALLS, CHANGES = "crm", "crm-inbound"  # the two channels that have a connection as their target
Status = Literal["active", "paused", "unauthorised"]
COMPLETED = "plateau.calls.call_completed"
CHECK = "plateau.crm.check"  # what asks the provider whether it answers

_COLUMNS = """id, name, provider, settings, when_none, when_several, queues, status, reason, version, created_by,
    created_at, updated_at"""
_MAKE = """INSERT INTO crm_connections
        (id, name, provider, settings, secrets, when_none, when_several, queues, created_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING"""
_BEGIN_ANEW = """UPDATE deliveries SET begun_at = now(), tries = 0
    WHERE channel = ANY(%s) AND target_id = %s AND status = 'due'"""
_FIND = f"SELECT {_COLUMNS}, secrets, tokens FROM crm_connections WHERE id = %s"  # noqa: S608 - a constant
_LIST = f"""SELECT {_COLUMNS} FROM crm_connections
    WHERE (%(after)s::uuid IS NULL OR id > %(after)s) AND (%(provider)s::text IS NULL OR provider = %(provider)s)
    ORDER BY id LIMIT %(limit)s"""  # noqa: S608 - a constant
_CHANGE = """UPDATE crm_connections SET name = %s, settings = %s, secrets = coalesce(%s, secrets),
        tokens = CASE WHEN %s THEN NULL ELSE tokens END, when_none = %s, when_several = %s, queues = %s,
        version = version + 1, updated_at = now()
    WHERE id = %s AND version = %s RETURNING version"""
_STATUS = """UPDATE crm_connections SET status = %s, reason = %s, version = version + 1, updated_at = now()
    WHERE id = %s AND (status, reason) IS DISTINCT FROM (%s, %s)"""
_LISTENING = "SELECT id, queues FROM crm_connections ORDER BY id"
_BEGIN = """INSERT INTO crm_calls (connection_id, call_id) VALUES (%s, %s) ON CONFLICT DO NOTHING"""
_RECORD = """SELECT revision, provider_id, kind, matching, contacts, state FROM crm_calls
    WHERE connection_id = %s AND call_id = %s"""
_KEEP = """UPDATE crm_calls SET revision = greatest(revision, %s), provider_id = %s, kind = %s, matching = %s,
        contacts = %s, state = %s, updated_at = now()
    WHERE connection_id = %s AND call_id = %s"""


@dataclass(frozen=True, slots=True)
class Terms:
    """What somebody decides on a connection; `queues`: only calls that visited one of them (None: all calls)."""

    name: str
    provider: ProviderName
    settings: Mapping[str, Any]
    when_none: WhenNone
    when_several: WhenSeveral
    queues: list[str] | None


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as it is stored; its secrets closed."""

    id: UUID
    name: str
    provider: ProviderName
    settings: Mapping[str, Any]
    when_none: WhenNone
    when_several: WhenSeveral
    queues: list[str] | None
    status: Status
    reason: str | None
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    secrets: bytes = b""  # not read for lists
    tokens: bytes | None = None


def sealed(box: SecretBox, connection_id: UUID, secrets: Mapping[str, Any]) -> bytes:
    """The secrets of a connection as they lie in the database."""
    return box.seal(connection_id, orjson.dumps(secrets).decode())


async def make(db: Database, made: UUID, terms: Terms, secrets: bytes, created_by: str) -> None:
    """Makes a connection under an id, which wants calls and takes webhooks from now on; once."""
    await db.execute(
        _MAKE,
        (made, terms.name, terms.provider, Jsonb(dict(terms.settings)), secrets, terms.when_none, terms.when_several,
         terms.queues, created_by),
    )  # fmt: skip
    await _open(db, made)


async def find(db: Database, connection_id: UUID) -> Connection | None:
    """The connection of an id."""
    async with db.cursor(row_factory=class_row(Connection)) as rows:
        await rows.execute(_FIND, (connection_id,))
        return await rows.fetchone()


async def page(db: Database, limit: int, after: UUID | None, provider: str | None) -> list[dict[str, Any]]:
    """Connections in the order in which they were made, without their secrets."""
    async with db.cursor(row_factory=dict_row) as rows:
        await rows.execute(_LIST, {"limit": limit, "after": after, "provider": provider})
        return await rows.fetchall()


async def change(db: Database, found: Connection, terms: Terms, secrets: bytes | None) -> int | None:
    """New terms; new secrets, where given, begin anew. Returns the version, None where somebody else was faster."""
    changed = await db.execute(
        _CHANGE,
        (terms.name, Jsonb(dict(terms.settings)), secrets, secrets is not None, terms.when_none, terms.when_several,
         terms.queues, found.id, found.version),
    )  # fmt: skip
    row: Any = await changed.fetchone()
    if row is None:
        return None
    if secrets is not None and found.status == "unauthorised":
        await resume(db, found.id)
        return int(row[0]) + 1
    return int(row[0])


async def resume(db: Database, connection_id: UUID) -> None:
    """Goes on, with what has waited first, which has all its tries before it again."""
    await db.execute(_BEGIN_ANEW, ([CALLS, CHANGES], connection_id))
    await _set(db, connection_id, "active", None)
    await _open(db, connection_id)


async def stop(db: Database, connection_id: UUID, status: Status, reason: str | None) -> None:
    """Has everything wait: `paused`, or `unauthorised` until somebody renews it."""
    await _set(db, connection_id, status, reason)
    for channel in (CALLS, CHANGES):
        await targets.pause_target(db, channel, connection_id)


async def end(db: Database, connection_id: UUID) -> None:
    """Deletes a connection with what it remembers; what is due to it is dead, the log stays until it is forgotten."""
    for channel in (CALLS, CHANGES):
        await targets.end_target(db, channel, connection_id, "the connection was deleted")
    await db.execute("DELETE FROM crm_connections WHERE id = %s", (connection_id,))


async def store_tokens(db: Database, connection_id: UUID, sealed: bytes) -> None:
    """Keeps new tokens."""
    await db.execute("UPDATE crm_connections SET tokens = %s WHERE id = %s", (sealed, connection_id))


async def listening(db: Database) -> list[tuple[UUID, frozenset[str] | None]]:
    """Every connection, with the queues of whose calls it wants to hear; those that wait, too."""
    rows: list[Any] = await (await db.execute(_LISTENING)).fetchall()
    return [(connection_id, None if queues is None else frozenset(queues)) for connection_id, queues in rows]


async def record(db: Database, connection_id: UUID, call: UUID) -> Record:
    """What is remembered of a call, of which something is remembered from now on."""
    begun = (await db.execute(_BEGIN, (connection_id, call))).rowcount == 1
    row: Any = await (await db.execute(_RECORD, (connection_id, call))).fetchone()
    if row is None:  # the connection is being deleted
        return Record()
    revision, provider_id, kind, matching, contacts, state = row
    matched = Matched(matching, tuple(contacts)) if matching else None
    return Record(revision, provider_id, kind, matched, state, unsure=not begun and provider_id is None)


async def keep(db: Database, connection_id: UUID, call: UUID, known: Record) -> None:
    """Remembers what is known of a call."""
    matching, contacts = (known.matched.matching, list(known.matched.contacts)) if known.matched else (None, [])
    values = (known.revision, known.provider_id, known.kind, matching, contacts, Jsonb(dict(known.state)))
    await db.execute(_KEEP, (*values, connection_id, call))


async def _set(db: Database, connection_id: UUID, status: Status, reason: str | None) -> None:
    await db.execute(_STATUS, (status, reason, connection_id, status, reason))


async def _open(db: Database, connection_id: UUID) -> None:
    for channel in (CALLS, CHANGES):
        await targets.open_target(db, channel, connection_id)
