"""Access tokens of a connection: those that somebody entered, or those that the provider renews."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import httpx
import orjson
from psycopg_pool import AsyncConnectionPool

from gateway.crm import connections
from gateway.crm.salesforce import assertion
from gateway.crm.talk import Fails, Unauthorised, reached, said
from gateway.crm.terms import HubSpotSettings, SalesforceSettings, ZendeskSettings
from gateway.sealing import SecretBox

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GRANT_REFUSED = frozenset({400, 401, 403})
RENEWED_SECONDS = 1.0  # in which another process, which has used the refresh token up, has stored what it was given

Renew = Callable[[str | None], Awaitable[dict[str, Any]]]
_locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()


def renewal(http: httpx.AsyncClient, settings: Any, secrets: Mapping[str, Any]) -> Renew | None:
    """How the provider gives another token for a refresh token (None: the one that was entered).

    None where it gives none.
    """
    match settings:
        case SalesforceSettings():
            url, form = f"{settings.login_url}/services/oauth2/token", {"grant_type": JWT_BEARER}

            async def ask_by_assertion(_refresh_token: str | None) -> dict[str, Any]:
                signed = assertion(settings, secrets["private_key"], time.time())
                return await _granted(http, url, {**form, "assertion": signed})

            return ask_by_assertion
        case HubSpotSettings():
            url = f"{settings.base_url}/oauth/v1/token"
        case ZendeskSettings():
            url = f"{settings.base_url}/oauth/tokens"
        case _:
            return None
    if not (settings.client_id and secrets.get("client_secret") and secrets.get("refresh_token")):
        return None
    known = {"client_id": settings.client_id, "client_secret": secrets["client_secret"], "grant_type": "refresh_token"}

    async def ask_by_refresh_token(refresh_token: str | None) -> dict[str, Any]:
        return await _granted(http, url, {**known, "refresh_token": refresh_token or secrets["refresh_token"]})

    return ask_by_refresh_token


async def _granted(http: httpx.AsyncClient, url: str, form: Mapping[str, str]) -> dict[str, Any]:
    answer = await reached(http, method="POST", url=url, data=form, headers={"Accept": "application/json"})
    if answer.status_code in GRANT_REFUSED:
        raise Unauthorised(f"the authorisation was refused: {_error_of(answer)}", answer.status_code)
    if not answer.is_success:
        raise said(answer)
    return dict(answer.json())


def _error_of(answer: httpx.Response) -> str:
    """OAuth's short code of an error; the longer texts may repeat what was sent."""
    try:
        return str(answer.json()["error"])[:100]
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)


class ConnectionTokens:
    """The tokens of one connection, kept sealed.

    A provider may take a refresh token once only. So one task of a process renews at a time, and where another process
    was faster, its token is used.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool,
        box: SecretBox,
        connection_id: UUID,
        renew: Renew | None,
        entered: str | None,
    ) -> None:
        self._pool, self._box, self._id = pool, box, connection_id
        self._renew, self._entered = renew, entered
        self._lock = _locks.setdefault(connection_id, asyncio.Lock())

    async def current(self) -> str:
        """The token to use now."""
        held = (await self._held()).get("access_token") or self._entered
        return str(held) if held else await self.renewed("")

    async def renewed(self, stale: str) -> str:
        """Another than the stale one.

        Raises:
            Unauthorised: the provider gives none, or has not been told how to.
        """
        async with self._lock:
            held = await self._held()
            if (known := held.get("access_token")) and known != stale:
                return str(known)
            if self._renew is None:
                raise Unauthorised("the access token is not taken, and there is nothing to renew it with", 401)
            try:
                granted = await self._renew(held.get("refresh_token"))
            except Unauthorised:
                await asyncio.sleep(RENEWED_SECONDS)
                now = (await self._held()).get("access_token")
                if now and now != held.get("access_token"):
                    return str(now)
                raise
            if not granted.get("access_token"):
                raise Fails("the provider granted no access token")
            kept = {name: granted.get(name) or held.get(name) for name in ("access_token", "refresh_token")}
            sealed = self._box.seal(self._id, orjson.dumps(kept).decode())
            async with self._pool.connection() as db:
                await connections.store_tokens(db, self._id, sealed)
            return str(kept["access_token"])

    async def _held(self) -> dict[str, Any]:
        async with self._pool.connection() as db:
            found = await connections.find(db, self._id)
        if found is None or found.tokens is None:
            return {}
        return dict(orjson.loads(self._box.open(self._id, found.tokens)))
