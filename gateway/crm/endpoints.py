"""`/v1/crm/connections`: made, shown, changed, paused, tested and ended; and what was delivered over each.

A connection hears of the calls of the whole centre. So only those may see or change one who are limited to no part of
it.
"""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson
import uuid_utils.compat
from psycopg_pool import AsyncConnectionPool

from gateway.bodies import parsed
from gateway.crm import connections
from gateway.crm.connections import CALLS, CHECK, Connection, Terms
from gateway.crm.shapes import ConnectionList, ConnectionOrder, ConnectionsOf, ConnectionTested, ConnectionView
from gateway.crm.terms import KINDS
from gateway.deliveries import history, queue, targets
from gateway.deliveries.channel import Database, Wanted
from gateway.endpoints import Entry
from gateway.exchange import Exchange
from gateway.idempotency import Answer, IdempotencyKeys, Identity, digest_of
from gateway.problems import Problem, invalid
from gateway.routes import expected_version
from gateway.sealing import SecretBox
from services.kernel import schemas
from services.kernel.answers import encode
from services.kernel.values import Actor, FieldError

PATH = "/v1/crm/connections"
READ, WRITE = "crm:read", "crm:write"
ACTIONS = ("change", "pause", "resume", "test", "delete", "replay")
TEST_SECONDS, LOOK_SECONDS = 30.0, 0.1


class Connections:
    """The connections themselves; `sealing` is None where the gateway has no key to keep secrets with."""

    def __init__(self, pool: AsyncConnectionPool, keys: IdempotencyKeys, sealing: SecretBox | None) -> None:
        self._pool, self._keys, self._sealing = pool, keys, sealing

    def entries(self) -> Iterator[Entry]:
        """The paths."""
        one = f"{PATH}/{{id}}"
        yield Entry("POST", PATH, self.make)
        yield Entry("GET", PATH, self.list)
        yield Entry("GET", one, self.show)
        yield Entry("PUT", one, self.change)
        yield Entry("DELETE", one, self.delete)
        yield Entry("POST", f"{one}/pause", self.pause)
        yield Entry("POST", f"{one}/resume", self.resume)
        yield Entry("POST", f"{one}/test", self.test)

    async def make(self, exchange: Exchange) -> None:
        """A new connection; every call that is completed from now on is sent over it."""
        maker, box = exchange.require_all(WRITE).actor, self._box()
        body = await exchange.body()
        order = _order(body)
        secrets = _secrets(order, required=True)
        key = exchange.headers.get(b"idempotency-key")
        given = None if key is None else key.decode("latin-1")
        identity = await self._keys.begin(maker.id, given, digest_of("POST", PATH, body))
        replayed = isinstance(identity, Answer)
        if isinstance(identity, Identity):
            made = identity.thing_id
            async with self._pool.connection() as db:
                await connections.make(db, made, _terms(order), connections.sealed(box, made, secrets or {}), maker.id)
            answer = Answer(201, {"location": f"{PATH}/{made}"}, orjson.dumps({"id": str(made), "version": 1}))
            await self._keys.finish(identity, answer)
        else:
            answer = identity
        headers = [(b"location", answer.headers["location"].encode()), (b"etag", b'"1"')]
        headers += [(b"idempotency-replayed", b"true")] if replayed else []
        await exchange.answer(201, answer.body, headers=headers)

    async def list(self, exchange: Exchange) -> None:
        """A page of connections."""
        actor = exchange.require_all(READ).actor
        asked = schemas.load(ConnectionsOf, exchange.in_query(), lenient=True)
        if isinstance(asked, list):
            raise invalid(*asked)
        async with self._pool.connection() as db:
            rows = await connections.page(db, asked.limit + 1, asked.cursor, asked.provider)
        items = tuple(_view(Connection(**row), actor) for row in rows[: asked.limit])
        more = items[-1].id if len(rows) > asked.limit else None
        body = encode(ConnectionList(items, more)).encode()
        await exchange.answer(200, body, headers=exchange.link_to(str(more) if more else None))

    async def show(self, exchange: Exchange) -> None:
        """One connection, its secrets by their names only."""
        actor = exchange.require_all(READ).actor
        async with self._pool.connection() as db:
            found = await found_in(db, exchange)
        etag = [(b"etag", b'"%d"' % found.version)]
        await exchange.answer(200, encode(_view(found, actor, self._named(found))).encode(), headers=etag)

    async def change(self, exchange: Exchange) -> None:
        """Other terms; the provider stays. New secrets have an unauthorised connection tried again at once."""
        exchange.require_all(WRITE)
        box, order, expected = self._box(), _order(await exchange.body()), expected_version(exchange)
        async with self._pool.connection() as db:
            found = await found_in(db, exchange)
            if expected is None:
                detail = f"Send If-Match with its version, {found.version}."
                raise Problem("request.if_match_missing", detail)
            if order.provider != found.provider:
                raise invalid(FieldError("/provider", "invalid_field", f"It stays {found.provider}; connect another."))
            secrets = _secrets(order, required=False)
            current = expected == found.version
            sealed = None if secrets is None else connections.sealed(box, found.id, secrets)
            version = await connections.change(db, found, _terms(order), sealed) if current else None
            if version is None:
                raise Problem("request.version_stale", f"It is not at version {expected} any more; read it again.")
        etag = [(b"etag", b'"%d"' % version)]
        await exchange.answer_json(200, {"id": str(found.id), "version": version}, etag)

    async def delete(self, exchange: Exchange) -> None:
        """Ends a connection; what waits is never sent."""
        exchange.require_all(WRITE)
        async with self._pool.connection() as db:
            found = await found_in(db, exchange)
            await connections.end(db, found.id)
        await exchange.answer_json(200, {"id": str(found.id), "deleted": True})

    async def pause(self, exchange: Exchange) -> None:
        """Has everything wait."""
        exchange.require_all(WRITE)
        async with self._pool.connection() as db:
            found = await found_in(db, exchange)
            await connections.stop(db, found.id, "paused", None)
            await self._answer_status(exchange, db, found.id)

    async def resume(self, exchange: Exchange) -> None:
        """Goes on with what has waited, also after somebody renewed an authorisation at the provider."""
        exchange.require_all(WRITE)
        async with self._pool.connection() as db:
            found = await found_in(db, exchange)
            await connections.resume(db, found.id)
            await self._answer_status(exchange, db, found.id)

    async def test(self, exchange: Exchange) -> None:
        """Asks the provider for something harmless, even while the connection is paused."""
        exchange.require_all(WRITE)
        async with self._pool.connection() as db:
            found = await found_in(db, exchange)
            event = {"id": str(uuid_utils.compat.uuid7()), "type": CHECK, "subject": str(found.id)}
            (written,) = await queue.write(db, CALLS, [Wanted(found.id, event)], urgent=True)
            await targets.wake(db)
        until = asyncio.get_running_loop().time() + TEST_SECONDS
        while asyncio.get_running_loop().time() < until:
            async with self._pool.connection() as db:
                tried = await history.find(db, CALLS, written)
            if tried is not None and tried["status"] != "due":
                answer = ConnectionTested(tried["status"] == "delivered", tried["reason"] or "")
                await exchange.answer(200, encode(answer).encode())
                return
            await asyncio.sleep(LOOK_SECONDS)
        raise Problem("request.outcome_unknown")

    async def _answer_status(self, exchange: Exchange, db: Database, connection_id: UUID) -> None:
        now = await connections.find(db, connection_id)
        assert now is not None  # noqa: S101 - changed in this transaction
        shown = {"id": str(now.id), "version": now.version, "status": now.status}
        await exchange.answer_json(200, shown, [(b"etag", b'"%d"' % now.version)])

    def _box(self) -> SecretBox:
        if self._sealing is None:
            raise Problem("service.unavailable", "Set PLATEAU_GATEWAY_KEY first: nothing secret can be kept without.")
        return self._sealing

    def _named(self, found: Connection) -> tuple[str, ...]:
        secrets = orjson.loads(self._box().open(found.id, found.secrets))
        return tuple(sorted(name for name, value in secrets.items() if value))


async def found_in(db: Database, exchange: Exchange) -> Connection:
    """The connection that a path names; raises Problem where there is none."""
    try:
        connection_id = UUID(exchange.in_path["id"])
    except ValueError as error:
        raise Problem("request.not_found") from error
    found = await connections.find(db, connection_id)
    if found is None:
        raise Problem("request.not_found")
    return found


def _order(body: bytes) -> ConnectionOrder:
    """The order that was sent, its settings as the provider knows them."""
    order = schemas.load(ConnectionOrder, parsed(body))
    if isinstance(order, list):
        raise invalid(*order)
    kind = KINDS[order.provider]
    settings = schemas.load(kind.settings, dict(order.settings))
    if isinstance(settings, list):
        raise invalid(*_within("/settings", settings))
    if order.when_several not in kind.several:
        possible = " or ".join(kind.several)
        detail = f"A call of {order.provider} belongs to one contact: give {possible}."
        raise invalid(FieldError("/when_several", "invalid_field", detail))
    return ConnectionOrder(**{**vars(order), "settings": schemas.dump(settings)})


def _secrets(order: ConnectionOrder, *, required: bool) -> dict[str, Any] | None:
    if order.secrets is None and not required:
        return None
    secrets = schemas.load(KINDS[order.provider].secrets, dict(order.secrets or {}))
    if isinstance(secrets, list):
        raise invalid(*_within("/secrets", secrets))
    known = {name: value for name, value in schemas.dump(secrets).items() if value is not None}
    if not known:
        raise invalid(FieldError("/secrets", "required", "Give the secrets of the provider."))
    return known


def _within(place: str, faults: list[FieldError]) -> list[FieldError]:
    return [fault._replace(pointer=place + fault.pointer) for fault in faults]


def _terms(order: ConnectionOrder) -> Terms:
    queues = None if order.queues is None else list(order.queues)
    return Terms(order.name, order.provider, order.settings, order.when_none, order.when_several, queues)


def _view(found: Connection, actor: Actor, has_secrets: tuple[str, ...] = ()) -> ConnectionView:
    return ConnectionView(
        id=found.id,
        name=found.name,
        provider=found.provider,
        settings=dict(found.settings),
        has_secrets=has_secrets,
        when_none=found.when_none,
        when_several=found.when_several,
        queues=None if found.queues is None else tuple(found.queues),
        status=found.status,
        reason=found.reason,
        version=found.version,
        created_at=found.created_at,
        updated_at=found.updated_at,
        allowed_actions=ACTIONS if actor.may(WRITE) else (),
    )
