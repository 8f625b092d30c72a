"""Idempotency-Key: the same request of the same caller is the same command, whatever crashed in between.

Caller, key, digest of the request, command id and the new thing's id are stored before the service is called. So a
repeat either gets the stored answer, or sends the same command again, which the service answers from its own events.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import structlog
import uuid_utils.compat
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from gateway.problems import Problem

log = structlog.get_logger(__name__)

KEY = re.compile(r"[\x21-\x7e]{1,255}")
KEPT = "24 hours"
UNDER_WAY = 6  # seconds; longer than any call of a service may take, so what is older was left behind by a crash

_CLAIM = """
INSERT INTO idempotency_keys AS kept (caller, key, digest, command_id, thing_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (caller, key) DO UPDATE SET
    digest = excluded.digest, command_id = excluded.command_id, thing_id = excluded.thing_id,
    created_at = now(), claimed_at = now(), status = NULL, headers = NULL, body = NULL
    WHERE kept.created_at < now() - %s::interval
RETURNING command_id, thing_id
"""
_AGAIN = """
UPDATE idempotency_keys SET claimed_at = now()
WHERE caller = %s AND key = %s AND digest = %s AND status IS NULL AND claimed_at < now() - make_interval(secs => %s)
RETURNING command_id, thing_id
"""
_KEPT = "SELECT digest, status, headers, body FROM idempotency_keys WHERE caller = %s AND key = %s"
_ANSWERED = "UPDATE idempotency_keys SET status = %s, headers = %s, body = %s WHERE caller = %s AND key = %s"
_RELEASED = "UPDATE idempotency_keys SET claimed_at = '-infinity' WHERE caller = %s AND key = %s AND status IS NULL"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered: status, headers, body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """Under which command id, and on which new thing, a request runs. `key` is None where the caller gave none."""

    caller: str
    key: str | None
    command_id: UUID
    thing_id: UUID


def digest_of(method: str, path: str, body: bytes) -> bytes:
    """What makes two requests the same."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).digest()


class IdempotencyKeys:
    """The keys of the last 24 hours."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def begin(self, caller: str, key: str | None, digest: bytes) -> Identity | Answer:
        """The identity to run under; or, for a request that was answered already, its answer.

        Raises:
            Problem: the key belongs to another request (422) or to one that is running (409), or is malformed (400).
        """
        command_id, thing_id = uuid_utils.compat.uuid7(), uuid_utils.compat.uuid7()
        if key is None:
            return Identity(caller, None, command_id, thing_id)
        if not KEY.fullmatch(key):
            raise Problem("request.malformed_header", "Idempotency-Key is 1 to 255 printable ASCII characters.")
        async with self._pool.connection() as connection, connection.cursor(row_factory=namedtuple_row) as db:
            await db.execute(_CLAIM, (caller, key, digest, command_id, thing_id, KEPT))
            claimed = await db.fetchone()
            if claimed is None:
                await db.execute(_AGAIN, (caller, key, digest, UNDER_WAY))
                claimed = await db.fetchone()
            if claimed is not None:
                return Identity(caller, key, claimed.command_id, claimed.thing_id)
            await db.execute(_KEPT, (caller, key))
            return _answered(await db.fetchone(), digest)

    async def finish(self, identity: Identity, answer: Answer | None) -> None:
        """Keeps the answer; without one (the outcome is not known) a repeat may run at once as the same command."""
        if identity.key is None:
            return
        who = (identity.caller, identity.key)
        try:
            async with self._pool.connection() as connection:
                if answer is None:
                    await connection.execute(_RELEASED, who)
                else:
                    await connection.execute(_ANSWERED, (answer.status, Jsonb(answer.headers), answer.body, *who))
        except psycopg.OperationalError:
            # The command is done; a repeat runs as the same command and gets the same answer from the service.
            log.warning("idempotency.answer_not_kept", command_id=str(identity.command_id), exc_info=True)

    async def forget_old(self) -> None:
        """Deletes what is older than 24 hours."""
        async with self._pool.connection() as connection:
            await connection.execute("DELETE FROM idempotency_keys WHERE created_at < now() - %s::interval", (KEPT,))


def _answered(kept: Any, digest: bytes) -> Answer:
    if kept is None or kept.status is None:  # None: deleted this moment, being older than a day
        if kept is not None and kept.digest != digest:
            raise Problem("idempotency.key_reused")
        raise Problem("idempotency.in_progress", headers={"Retry-After": "1"})
    if kept.digest != digest:
        raise Problem("idempotency.key_reused")
    return Answer(kept.status, kept.headers, kept.body)
