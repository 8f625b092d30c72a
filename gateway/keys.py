"""API keys of machines: `pl_<public id>_<secret>`, of which only the SHA-256 is kept."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from services.kernel.values import Actor

PREFIX = "pl_"
_FORM = re.compile(PREFIX + r"([0-9a-f]{12})_[\w-]{43}", re.ASCII)
_SHOWN = (
    "id, name, public_id, scopes, sources, queues, client, unlimited, created_by, created_at, expires_at, revoked_at"
)


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What a key is for: its scopes, the sources it may send as and the queues it may see (None: all), its end.

    The key of a `client` of the centre sees that client's queues alone.

    `unlimited` keys are not bound by rate limits; only the command line makes them.
    """

    name: str
    scopes: frozenset[str]
    sources: frozenset[str] | None = None
    queues: frozenset[str] | None = None
    expires_at: datetime | None = None
    unlimited: bool = False
    client: str | None = None


@dataclass(frozen=True, slots=True)
class LiveKey:
    """A key that is valid now."""

    id: UUID
    scopes: list[str]
    sources: list[str] | None
    queues: list[str] | None
    unlimited: bool
    expires_at: datetime | None
    client: str | None

    @property
    def actor(self) -> Actor:
        """Who acts with this key."""
        return Actor(
            id=str(self.id),
            scopes=frozenset(self.scopes),
            sources=None if self.sources is None else frozenset(self.sources),
            queues=None if self.queues is None else frozenset(self.queues),
            client=self.client,
        )


def _digest(key: str) -> bytes:
    # The secret is 32 random bytes: a slow hash would add nothing but cost.
    return hashlib.sha256(key.encode()).digest()


def _listed(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


async def create_key(connection: AsyncConnection[Any], terms: KeyTerms, created_by: str) -> tuple[UUID, str]:
    """Makes a key; returns its id and its text, which is not kept and cannot be shown again."""
    key_id, public_id = uuid_utils.compat.uuid7(), secrets.token_hex(6)
    key = f"{PREFIX}{public_id}_{secrets.token_urlsafe(32)}"
    await connection.execute(
        "INSERT INTO api_keys"
        " (id, public_id, digest, name, scopes, sources, queues, unlimited, created_by, expires_at, client)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (key_id, public_id, _digest(key), terms.name, sorted(terms.scopes), _listed(terms.sources),
         _listed(terms.queues), terms.unlimited, created_by, terms.expires_at, terms.client),
    )  # fmt: skip
    return key_id, key


async def find_key(connection: AsyncConnection[Any], key: str) -> LiveKey | None:
    """The key of this text, if it is known, not revoked and not expired."""
    if not (form := _FORM.fullmatch(key)):
        return None
    async with connection.cursor(row_factory=class_row(LiveKey)) as cursor:
        await cursor.execute(
            "SELECT id, scopes, sources, queues, unlimited, expires_at, client FROM api_keys"
            " WHERE public_id = %s AND digest = %s AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > now())",
            (form[1], _digest(key)),
        )
        return await cursor.fetchone()


async def list_keys(connection: AsyncConnection[Any], limit: int, after: UUID | None = None) -> list[dict[str, Any]]:
    """Keys in the order in which they were made, revoked ones too, without their secrets."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"SELECT {_SHOWN} FROM api_keys WHERE %s::uuid IS NULL OR id > %s ORDER BY id LIMIT %s",  # noqa: S608
            (after, after, limit),
        )
        return await cursor.fetchall()


async def show_key(connection: AsyncConnection[Any], key_id: UUID) -> dict[str, Any] | None:
    """The key of this id, as it is listed; None where there is none."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"SELECT {_SHOWN} FROM api_keys WHERE id = %s", (key_id,))  # noqa: S608
        return await cursor.fetchone()


async def revoke_key(connection: AsyncConnection[Any], key_id: UUID) -> datetime | None:
    """Ends a key; returns since when it is revoked, None where there is no such key. Doing it again changes nothing."""
    cursor = await connection.execute(
        "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = %s RETURNING revoked_at", (key_id,)
    )
    row = await cursor.fetchone()
    return row[0] if row else None
