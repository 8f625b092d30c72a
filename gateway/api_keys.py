"""`/v1/api-keys`: keys made, listed, shown and revoked over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from gateway.bodies import parsed
from gateway.endpoints import Entry
from gateway.exchange import Exchange
from gateway.keys import KeyTerms, create_key, list_keys, revoke_key, show_key
from gateway.problems import Problem, invalid
from gateway.roles import SCOPES
from services.kernel import schemas
from services.kernel.decider import values
from services.kernel.values import Actor, Example, FieldError, Length, Range
from services.kernel.wire import rfc3339

PATH = "/v1/api-keys"

Name = Annotated[str, Length(1, 200)]


@values
class KeyOrder:
    """Make an API key. It holds the scopes named, may send as `sources` and see `queues` (null: all its maker may).

    A key for a `client` of the centre sees the queues of that client alone.
    """

    name: Annotated[Name, Example("pbx1")]
    scopes: Annotated[tuple[Name, ...], Length(1, 100), Example(["calls:ingest"])]
    sources: tuple[Name, ...] | None = None
    queues: tuple[Name, ...] | None = None
    expires_at: datetime | None = None
    client: Name | None = None


@values
class KeyPage:
    """List API keys, revoked ones too, without their secrets."""

    limit: Annotated[int, Range(1, 500)] = 100
    cursor: UUID | None = None


class ApiKeys:
    """Makes, lists, shows and revokes keys. Whoever is limited makes keys of their own limits, and sees none."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    def entries(self) -> Iterator[Entry]:
        """The endpoints."""
        yield Entry("POST", PATH, self.create)
        yield Entry("GET", PATH, self.list)
        yield Entry("GET", f"{PATH}/{{id}}", self.show)
        yield Entry("DELETE", f"{PATH}/{{id}}", self.revoke)

    async def create(self, exchange: Exchange) -> None:
        """Makes a key; the answer is the only place where it can ever be read."""
        maker = exchange.require("keys:write").actor
        order = schemas.load(KeyOrder, parsed(await exchange.body()))
        if isinstance(order, list):
            raise invalid(*order)
        terms = _terms(order, maker)
        async with self._pool.connection() as connection:
            key_id, key = await create_key(connection, terms, maker.id)
        await exchange.answer_json(201, {"id": str(key_id), "key": key}, [(b"location", f"{PATH}/{key_id}".encode())])

    async def list(self, exchange: Exchange) -> None:
        """A page of keys."""
        exchange.require_all("keys:read")
        page = schemas.load(KeyPage, exchange.in_query(), lenient=True)
        if isinstance(page, list):
            raise invalid(*page)
        async with self._pool.connection() as connection:
            keys = await list_keys(connection, page.limit + 1, page.cursor)
        more = str(keys[page.limit - 1]["id"]) if len(keys) > page.limit else None
        await exchange.answer_json(
            200, {"items": [_shown(key) for key in keys[: page.limit]], "next": more}, exchange.link_to(more)
        )

    async def show(self, exchange: Exchange) -> None:
        """A key without its secret, and what the caller may do with it."""
        actor, key_id = exchange.require_all("keys:read").actor, _id(exchange)
        async with self._pool.connection() as connection:
            key = await show_key(connection, key_id)
        if key is None:
            raise Problem("request.not_found")
        actions = ["revoke"] if key["revoked_at"] is None and actor.may("keys:write") else []
        await exchange.answer_json(200, {**_shown(key), "allowed_actions": actions})

    async def revoke(self, exchange: Exchange) -> None:
        """Ends a key within 5 seconds; ending it again changes nothing."""
        exchange.require_all("keys:write")
        key_id = _id(exchange)
        async with self._pool.connection() as connection:
            revoked_at = await revoke_key(connection, key_id)
        if revoked_at is None:
            raise Problem("request.not_found")
        await exchange.answer_json(200, {"id": str(key_id), "revoked_at": rfc3339(revoked_at)})


def _id(exchange: Exchange) -> UUID:
    try:
        return UUID(exchange.in_path["id"])
    except ValueError as error:
        raise Problem("request.not_found") from error


def _terms(order: KeyOrder, maker: Actor) -> KeyTerms:
    """The order as the maker may give it.

    Raises:
        Problem: it names what does not exist (422) or more than the maker holds (403).
    """
    if unknown := sorted(set(order.scopes) - SCOPES.keys()):
        detail = f"There is no scope {', '.join(unknown)}; there are {', '.join(SCOPES)}."
        raise invalid(FieldError("/scopes", "invalid_field", detail))
    if order.expires_at is not None and order.expires_at <= datetime.now(UTC):
        raise invalid(FieldError("/expires_at", "invalid_field", "Give an instant to come, or leave it out."))
    if beyond := sorted(set(order.scopes) - maker.scopes):
        raise Problem("auth.grants_too_much", f"You do not hold {', '.join(beyond)}.")
    return KeyTerms(
        order.name,
        frozenset(order.scopes),
        _within("sources", order.sources, maker.sources),
        _within("queues", order.queues, maker.queues),
        order.expires_at,
        client=_client(order.client, maker),
    )


def _client(wanted: str | None, maker: Actor) -> str | None:
    if maker.client is not None and wanted not in (None, maker.client):
        raise Problem("auth.grants_too_much", f"You are of the client {maker.client}, and so are your keys.")
    return wanted or maker.client


def _within(name: str, wanted: tuple[str, ...] | None, held: frozenset[str] | None) -> frozenset[str] | None:
    if wanted is None:
        return held
    if held is not None and (beyond := sorted(set(wanted) - held)):
        raise Problem("auth.grants_too_much", f"Your own {name} do not include {', '.join(beyond)}.")
    return frozenset(wanted)


def _shown(key: dict[str, Any]) -> dict[str, Any]:
    return {name: _text(value) for name, value in key.items()}


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return str(value) if isinstance(value, UUID) else value
