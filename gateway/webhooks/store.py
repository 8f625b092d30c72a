"""Endpoints and their secrets in the gateway's database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from gateway.deliveries.channel import Database
from gateway.webhooks.shapes import EndpointOrder

Row = dict[str, Any]

KEEPS_SIGNING = "24 hours"  # a secret, after another has taken its place

_SHOWN = """id, url, types, description, status, reason, version, created_by, created_at, updated_at,
    (SELECT failing_since FROM delivery_targets WHERE channel = 'webhooks' AND target_id = id) AS failing_since"""
_MAKE = """INSERT INTO webhook_endpoints (id, url, types, description, created_by) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (id) DO NOTHING"""
_ADD = """INSERT INTO webhook_secrets (id, endpoint_id, sealed) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING"""
_RETIRE = """UPDATE webhook_secrets SET expires_at = now() + %s::interval
    WHERE endpoint_id = %s AND id <> %s AND expires_at IS NULL"""
_SECRETS = """SELECT id, sealed, created_at, expires_at FROM webhook_secrets
    WHERE endpoint_id = %s AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC"""
_ADDRESSES = """SELECT endpoint.id, url, array_agg(sealed ORDER BY secret.id DESC)
    FROM webhook_endpoints AS endpoint JOIN webhook_secrets AS secret ON secret.endpoint_id = endpoint.id
    WHERE endpoint.id = ANY(%s) AND status <> 'deleted' AND (expires_at IS NULL OR expires_at > now())
    GROUP BY endpoint.id"""
_ONE_SEALED = "SELECT sealed FROM webhook_secrets WHERE id = %s AND endpoint_id = %s"
_FORGET_SECRETS = "DELETE FROM webhook_secrets WHERE endpoint_id = %s OR expires_at < now()"
_PAGE = f"""SELECT {_SHOWN} FROM webhook_endpoints
    WHERE status <> 'deleted' AND (%s::uuid IS NULL OR id > %s) ORDER BY id LIMIT %s"""  # noqa: S608 - a constant
_FIND = f"SELECT {_SHOWN} FROM webhook_endpoints WHERE status <> 'deleted' AND id = %s"  # noqa: S608 - a constant
_CHANGE = """UPDATE webhook_endpoints
    SET url = %s, types = %s, description = %s, version = version + 1, updated_at = now() WHERE id = %s"""
_TOUCH = "UPDATE webhook_endpoints SET version = version + 1, updated_at = now() WHERE id = %s"
_SET_STATUS = """UPDATE webhook_endpoints
    SET status = %s, reason = %s, warned_at = NULL, version = version + 1, updated_at = now()
    WHERE id = %s AND status <> 'deleted' AND status <> %s"""
_WARN = """UPDATE webhook_endpoints SET warned_at = now()
    WHERE id = %s AND status = 'live' AND coalesce(warned_at < %s, true) RETURNING url"""
_TYPES = "SELECT DISTINCT unnest(types) FROM webhook_endpoints WHERE status IN ('live', 'paused')"
_WANTING = """SELECT id, types FROM webhook_endpoints
    WHERE status IN ('live', 'paused') AND (types && %s::text[] OR id = ANY(%s::uuid[])) ORDER BY id"""
_EXISTING = "SELECT id FROM webhook_endpoints WHERE status <> 'deleted' AND id = ANY(%s)"
_COUNTS = """SELECT CASE WHEN status = 'live' AND failing_since IS NOT NULL THEN 'failing' ELSE status END, count(*)
    FROM webhook_endpoints LEFT JOIN delivery_targets ON channel = 'webhooks' AND target_id = id
    WHERE status <> 'deleted' GROUP BY 1"""


async def make(db: Database, endpoint_id: UUID, order: EndpointOrder, created_by: str) -> None:
    """Makes an endpoint; making it again changes nothing."""
    await db.execute(_MAKE, (endpoint_id, order.url, list(order.types), order.description, created_by))


async def add_secret(db: Database, secret_id: UUID, endpoint_id: UUID, sealed: bytes) -> None:
    """Gives an endpoint a new secret; those that it had go on signing for a day. Adding it again changes nothing."""
    await db.execute(_ADD, (secret_id, endpoint_id, sealed))
    await db.execute(_RETIRE, (KEEPS_SIGNING, endpoint_id, secret_id))


async def secrets_of(db: Database, endpoint_id: UUID) -> list[Row]:
    """The secrets that sign now, sealed, the newest first."""
    return await _rows(db, _SECRETS, (endpoint_id,))


async def addresses(db: Database, endpoints: Collection[UUID]) -> dict[UUID, tuple[str, list[bytes]]]:
    """Where endpoints are that are not deleted, each with the secrets that sign now, sealed, the newest first."""
    found = await (await db.execute(_ADDRESSES, (list(endpoints),))).fetchall()
    return {endpoint: (url, sealed) for endpoint, url, sealed in found}


async def sealed_secret(db: Database, secret_id: UUID, endpoint_id: UUID) -> bytes | None:
    """A secret, if it is still kept."""
    row = await (await db.execute(_ONE_SEALED, (secret_id, endpoint_id))).fetchone()
    return None if row is None else bytes(row[0])


async def page(db: Database, limit: int, after: UUID | None) -> list[Row]:
    """Endpoints in the order in which they were made."""
    return await _rows(db, _PAGE, (after, after, limit))


async def find(db: Database, endpoint_id: UUID, *, lock: bool = False) -> Row | None:
    """An endpoint that is not deleted."""
    found = await _rows(db, _FIND + (" FOR UPDATE" if lock else ""), (endpoint_id,))
    return found[0] if found else None


async def change(db: Database, endpoint_id: UUID, order: EndpointOrder) -> None:
    """Has an endpoint be as ordered, in a new version."""
    await db.execute(_CHANGE, (order.url, list(order.types), order.description, endpoint_id))


async def touch(db: Database, endpoint_id: UUID) -> None:
    """Gives an endpoint a new version."""
    await db.execute(_TOUCH, (endpoint_id,))


async def set_status(db: Database, endpoint_id: UUID, status: str, reason: str | None = None) -> bool:
    """Sets live, paused, disabled or deleted; False where that changes nothing."""
    changed = await db.execute(_SET_STATUS, (status, reason, endpoint_id, status))
    if status == "deleted":
        await db.execute(_FORGET_SECRETS, (endpoint_id,))
    return changed.rowcount == 1


async def warn(db: Database, endpoint_id: UUID, failing_since: datetime) -> str | None:
    """Notes that somebody was warned of an endpoint; its address, if for the first time since it has been failing."""
    row = await (await db.execute(_WARN, (endpoint_id, failing_since))).fetchone()
    return row[0] if row else None


async def types_wanted(db: Database) -> frozenset[str]:
    """The types that some endpoint wants events of."""
    return frozenset(kind for (kind,) in await (await db.execute(_TYPES)).fetchall())


async def wanting(db: Database, types: Sequence[str], named: Sequence[str]) -> list[tuple[UUID, list[str]]]:
    """Endpoints that want events of one of these types or are named by id, with all the types that they want."""
    return await (await db.execute(_WANTING, (list(types), list(named)))).fetchall()


async def existing(db: Database, endpoints: Collection[UUID]) -> frozenset[UUID]:
    """Those that are there, whatever their status."""
    return frozenset(found for (found,) in await (await db.execute(_EXISTING, (list(endpoints),))).fetchall())


async def counts(db: Database) -> dict[str, int]:
    """How many endpoints there are of each status; live ones that fail count as `failing`."""
    return dict(await (await db.execute(_COUNTS)).fetchall())


async def _rows(db: Database, statement: str, values: Sequence[Any]) -> list[Row]:
    async with db.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()
