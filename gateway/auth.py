"""Who calls: an API key or a bearer token, looked up once every few seconds."""

import asyncio
import time
from typing import TYPE_CHECKING

from psycopg_pool import AsyncConnectionPool

from gateway.callers import Caller
from gateway.exchange import Exchange
from gateway.keys import PREFIX, find_key
from gateway.problems import Problem
from gateway.rate_limits import Allowances

if TYPE_CHECKING:
    from gateway.tokens import Tokens

REMEMBERED = 4.0  # seconds; a revoked key works no longer than this
MOST_REMEMBERED = 10_000


class Authenticator:
    """Tells callers by their Authorization header."""

    def __init__(self, pool: AsyncConnectionPool, tokens: "Tokens | None", allowances: Allowances) -> None:
        self._pool = pool
        self._tokens = tokens
        self._allowances = allowances
        self._remembered: dict[bytes, Caller] = {}
        self._lookups: dict[bytes, asyncio.Task[Caller]] = {}

    def remembered(self, authorization: bytes) -> Caller | None:
        """The caller with this header, if it was looked up a moment ago."""
        caller = self._remembered.get(authorization)
        return caller if caller is not None and caller.fresh_until > time.monotonic() else None

    async def identify(self, authorization: bytes) -> Caller:
        """The caller with this header; requests that come together share one look-up.

        Raises:
            Problem: there is none or nobody is known by it (401), or the provider's keys cannot be fetched (503).
            psycopg.OperationalError: the database is away.
        """
        if not authorization:
            raise Problem("auth.missing", headers={"WWW-Authenticate": "Bearer"})
        lookup = self._lookups.get(authorization)
        if lookup is None:
            lookup = asyncio.create_task(self._look_up(authorization))
            self._lookups[authorization] = lookup
            lookup.add_done_callback(lambda _: self._lookups.pop(authorization, None))
        return await asyncio.shield(lookup)

    async def _look_up(self, authorization: bytes) -> Caller:
        kind, _, credentials = authorization.decode("latin-1").partition(" ")
        if kind.lower() != "bearer" or not credentials:
            raise Problem("auth.unknown", "Send Authorization: Bearer.", headers={"WWW-Authenticate": "Bearer"})
        if credentials.startswith(PREFIX):
            caller = await self._key(credentials.strip())
        else:
            caller = await self._token(credentials.strip())
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[authorization] = caller
        return caller

    async def _key(self, credentials: str) -> Caller:
        async with self._pool.connection() as connection:
            key = await find_key(connection, credentials)
        if key is None:
            raise Problem("auth.unknown", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        allowance = None if key.unlimited else self._allowances.of(str(key.id))
        return Caller(key.actor, allowance, _fresh_until(key.expires_at.timestamp() if key.expires_at else None))

    async def _token(self, credentials: str) -> Caller:
        if self._tokens is None:
            raise Problem("auth.unknown", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        actor, until = await self._tokens.bearer(credentials)
        return Caller(actor, self._allowances.of(actor.id), _fresh_until(until))


async def admit(authenticator: Authenticator, exchange: Exchange) -> None:
    """Lets the caller in whom the request's Authorization names, and counts the request against their rate limit.

    Raises:
        Problem: nobody is known by it (401), or the limit is used up (429); see `identify`.
    """
    authorization = exchange.headers.get(b"authorization", b"")
    caller = authenticator.remembered(authorization)
    if caller is None:
        caller = await authenticator.identify(authorization)
    exchange.caller = caller
    if caller.allowance is not None:
        exchange.extra = caller.allowance.take()


def _fresh_until(expires: float | None) -> float:
    left = REMEMBERED if expires is None else min(REMEMBERED, expires - time.time())
    return time.monotonic() + left
