"""Bearer tokens of people: JWTs signed by the keys of an OpenID provider."""

import asyncio
import time
import warnings
from typing import Any

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from gateway.problems import Problem
from gateway.roles import ROLES, scopes_of
from gateway.settings import TokenSettings
from services.kernel.values import Actor

log = structlog.get_logger(__name__)

ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
KEYS_LAST = 600.0  # seconds; a key that the provider withdraws is trusted no longer than that
REFETCH_PAUSE = 10.0  # seconds; tokens that name unknown keys must not make us hammer the provider
FETCH_SECONDS = 5.0
LEEWAY = 30  # seconds by which the provider's clock may differ


class Tokens:
    """Verifies tokens and says who bears them."""

    def __init__(self, settings: TokenSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._http = httpx.AsyncClient(timeout=FETCH_SECONDS, transport=transport)
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            sub={"essential": True},
            exp={"essential": True},
        )

    async def bearer(self, token: str) -> tuple[Actor, float]:
        """Who bears the token, and until when (POSIX seconds) it is valid.

        Raises:
            Problem: the token is not valid (401), or the provider's keys cannot be fetched (503).
        """
        try:
            claims = await self._verified(token)
            self._claims.validate(claims)
            return _actor(claims), float(claims["exp"]) + LEEWAY
        except (JoseError, ValueError) as error:
            log.info("auth.token_refused", reason=str(error))
            raise Problem("auth.unknown", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}) from error

    async def close(self) -> None:
        """Lets go of the connection to the provider."""
        await self._http.aclose()

    async def _verified(self, token: str) -> dict[str, Any]:
        try:
            return _decode(token, await self._keys_not_older_than(KEYS_LAST))
        except InvalidKeyIdError:  # the provider may have changed its keys
            return _decode(token, await self._keys_not_older_than(REFETCH_PAUSE))

    async def _keys_not_older_than(self, seconds: float) -> KeySet:
        async with self._fetching:
            if self._keys is None or time.monotonic() - self._fetched_at > seconds:
                try:
                    response = await self._http.get(self._settings.jwks_url)
                    self._keys = KeySet.import_key_set(response.raise_for_status().json())
                except (httpx.HTTPError, JoseError, ValueError, KeyError) as error:
                    log.warning("auth.jwks_unavailable", url=self._settings.jwks_url, reason=repr(error))
                    raise Problem("service.unavailable", "The token provider's keys cannot be fetched now.") from error
                self._fetched_at = time.monotonic()
            return self._keys


def _decode(token: str, keys: KeySet) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="EdDSA is deprecated")  # but providers go on using it
        return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)


def _text(claims: dict[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"the claim {name} is not a text")
    return value or None


def _actor(claims: dict[str, Any]) -> Actor:
    given = claims.get("roles", [])
    named = given.split() if isinstance(given, str) else given
    if not isinstance(named, list):
        raise ValueError("the claim roles is not a list")  # noqa: TRY004 - a fault of the token, like the others
    # What a provider calls roles beside ours must not make somebody look like more than who has ours alone.
    roles = frozenset(role for role in named if isinstance(role, str) and role in ROLES)
    return Actor(
        id=str(claims["sub"]),
        kind="person",
        roles=roles,
        scopes=scopes_of(roles),
        agent=_text(claims, "agent"),
        team=_text(claims, "team"),
        client=_text(claims, "client"),
    )
