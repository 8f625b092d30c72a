"""`/v1/webhooks/endpoints`: made, shown, changed, paused, tested, given new secrets, replayed, deleted.

An endpoint hears of the whole centre. So only those may see or change one who are limited to no part of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from gateway.bodies import parsed
from gateway.deliveries import queue
from gateway.deliveries.channel import Database, Wanted
from gateway.deliveries.targets import end_target, move_target, open_target, pause_target, wake
from gateway.endpoints import Entry
from gateway.exchange import Exchange
from gateway.idempotency import IdempotencyKeys, Identity
from gateway.once import once
from gateway.problems import Problem, invalid
from gateway.routes import expected_version
from gateway.sealing import SecretBox
from gateway.settings import Settings
from gateway.webhooks import backfills, standard, store
from gateway.webhooks.addresses import opened
from gateway.webhooks.backfills import Range
from gateway.webhooks.channel import DISABLED_AFTER, NAME, OWN_TYPES, PING, own_event
from gateway.webhooks.log import id_in, shown_delivery
from gateway.webhooks.naming import Naming
from gateway.webhooks.orders import Orders
from gateway.webhooks.shapes import (
    Changed,
    EndpointList,
    EndpointsOf,
    EndpointSummary,
    EndpointView,
    MadeEndpoint,
    NewSecret,
    ReplayOrder,
    ReplayView,
    SecretView,
)
from services.kernel import schemas
from services.kernel.answers import encode
from services.kernel.cloud_events import type_of
from services.kernel.declarations import Api
from services.kernel.values import FieldError

PATH = "/v1/webhooks/endpoints"
MOST = 200  # endpoints
LOOK_SECONDS = 0.1  # between two looks at what became of a test
TEST_MARGIN = 5.0  # seconds beyond what a receiver may take


class WebhookEndpoints:
    """The endpoints of webhooks, and what may be done with them."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        keys: IdempotencyKeys,
        apis: Sequence[Api],
        settings: Settings,
        naming: Naming,
    ) -> None:
        self._pool, self._keys, self._box, self._naming = pool, keys, settings.secrets, naming
        self._test_seconds = settings.delivery_timeout + TEST_MARGIN
        told = [type_of(each) for api in apis for each in api.publications.values()]
        self._orders = Orders([*told, *OWN_TYPES], settings.allowed_networks)

    def entries(self) -> Iterator[Entry]:
        """The paths."""
        one = f"{PATH}/{{id}}"
        yield Entry("POST", PATH, self.make)
        yield Entry("GET", PATH, self.list)
        yield Entry("GET", one, self.show)
        yield Entry("PUT", one, self.change)
        yield Entry("DELETE", one, self.delete)
        yield Entry("POST", f"{one}/rotate", self.rotate)
        yield Entry("POST", f"{one}/pause", self.pause)
        yield Entry("POST", f"{one}/resume", self.resume)
        yield Entry("POST", f"{one}/test", self.test)
        yield Entry("POST", f"{one}/replay", self.replay)

    async def make(self, exchange: Exchange) -> None:
        """A new endpoint with a secret; the answer is the only place where that can ever be read."""
        who, box = self._writer(exchange), self._sealing()
        body = await exchange.body()
        order = await self._orders.read(body)

        async def work(identity: Identity) -> dict[str, Any]:
            async with self._pool.connection() as db:
                if sum((await store.counts(db)).values()) >= MOST:
                    raise Problem("webhooks.endpoint.too_many")
                endpoint = identity.thing_id
                await store.make(db, endpoint, order, who)
                await store.add_secret(db, endpoint, endpoint, box.seal(endpoint, standard.new_secret()))
                await open_target(db, NAME, endpoint)
            return {"id": str(endpoint)}

        done, repeated = await once(self._keys, who, exchange, body, work)
        endpoint = UUID(done["id"])
        made = MadeEndpoint(endpoint, await self._secret(endpoint, endpoint))
        headers = [(b"location", f"{PATH}/{endpoint}".encode()), *_etag(made.version), *repeated]
        await exchange.answer(201, encode(made).encode(), headers=headers)

    async def list(self, exchange: Exchange) -> None:
        """A page of endpoints."""
        exchange.require_all("webhooks:read")
        asked = schemas.load(EndpointsOf, exchange.in_query(), lenient=True)
        if isinstance(asked, list):
            raise invalid(*asked)
        async with self._pool.connection() as db:
            found = await store.page(db, asked.limit + 1, asked.cursor)
        more = found[asked.limit - 1]["id"] if len(found) > asked.limit else None
        page = EndpointList(tuple(EndpointSummary(**_summary(row)) for row in found[: asked.limit]), more)
        await exchange.answer(200, encode(page).encode(), headers=exchange.link_to(str(more) if more else None))

    async def show(self, exchange: Exchange) -> None:
        """An endpoint, with what the caller may do with it."""
        caller = exchange.require_all("webhooks:read")
        endpoint = id_in(exchange)
        async with self._pool.connection() as db:
            found = _known(await store.find(db, endpoint))
            secrets = await store.secrets_of(db, endpoint)
            replays = await backfills.latest(db, endpoint)
        view = EndpointView(
            **_summary(found),
            secrets=tuple(SecretView(row["id"], row["created_at"], row["expires_at"]) for row in secrets),
            replays=tuple(ReplayView(**{**row, "types": tuple(row["types"])}) for row in replays),
            allowed_actions=_actions(found["status"]) if caller.actor.may("webhooks:write") else (),
        )
        await exchange.answer(200, encode(view).encode(), headers=_etag(found["version"]))

    async def change(self, exchange: Exchange) -> None:
        """Another address, other types, another description; only by those who have seen the present ones."""
        self._writer(exchange)
        endpoint, order = id_in(exchange), await self._orders.read(await exchange.body())
        expected = expected_version(exchange)
        async with self._pool.connection() as db:
            found = _known(await store.find(db, endpoint, lock=True))
            if expected is None:
                raise Problem("request.if_match_missing")
            if expected != found["version"]:
                raise Problem("request.version_stale")
            await store.change(db, endpoint, order)
            if order.url != found["url"]:
                await move_target(db, NAME, endpoint)
        await _changed(exchange, endpoint, found["version"] + 1)

    async def delete(self, exchange: Exchange) -> None:
        """Ends an endpoint that no alert rule names for good, with its secrets; the record of its deliveries stays."""
        exchange.require_all("webhooks:write")
        await self._naming.release(exchange, id_in(exchange))

        async def work(db: Database, endpoint: UUID, _status: str) -> bool:
            await end_target(db, NAME, endpoint, "the endpoint was deleted")
            await backfills.cancel(db, endpoint)
            return await store.set_status(db, endpoint, "deleted")

        await self._on(exchange, work)

    async def pause(self, exchange: Exchange) -> None:
        """Has what is due to an endpoint wait, together with what comes meanwhile, until it is resumed."""
        exchange.require_all("webhooks:write")

        async def work(db: Database, endpoint: UUID, status: str) -> bool:
            if status == "disabled":
                raise Problem("webhooks.endpoint.disabled")
            await pause_target(db, NAME, endpoint)
            return await store.set_status(db, endpoint, "paused")

        await self._on(exchange, work)

    async def resume(self, exchange: Exchange) -> None:
        """Sends to a paused or disabled endpoint again; one that was disabled has to replay what it missed."""
        self._writer(exchange)

        async def work(db: Database, endpoint: UUID, _status: str) -> bool:
            await open_target(db, NAME, endpoint)
            return await store.set_status(db, endpoint, "live")

        await self._on(exchange, work)

    async def rotate(self, exchange: Exchange) -> None:
        """A new secret; for 24 hours the present ones sign too."""
        who = exchange.require_all("webhooks:write").actor.id
        endpoint, box = id_in(exchange), self._sealing()

        async def work(identity: Identity) -> dict[str, Any]:
            async with self._pool.connection() as db:
                found = _known(await store.find(db, endpoint, lock=True))
                sealed = box.seal(endpoint, standard.new_secret())
                await store.add_secret(db, identity.thing_id, endpoint, sealed)
                await store.touch(db, endpoint)
            return {"secret_id": str(identity.thing_id), "version": found["version"] + 1}

        done, repeated = await once(self._keys, who, exchange, await exchange.body(), work)
        secret = await self._secret(UUID(done["secret_id"]), endpoint)
        headers = [*_etag(done["version"]), *repeated]
        await exchange.answer(200, encode(NewSecret(endpoint, secret, done["version"])).encode(), headers=headers)

    async def test(self, exchange: Exchange) -> None:
        """Posts a ping, once, even to an endpoint that is paused, and answers with what became of it."""
        self._writer(exchange)
        endpoint = id_in(exchange)
        async with self._pool.connection() as db:
            _known(await store.find(db, endpoint))
            ping = own_event(PING, endpoint, {})
            [delivery] = await queue.write(db, NAME, [Wanted(endpoint, ping)], urgent=True)
            await wake(db)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._test_seconds
        while True:
            async with self._pool.connection() as db:
                shown = await shown_delivery(db, delivery)
            if shown.status != "due" or loop.time() > until:
                break
            await asyncio.sleep(LOOK_SECONDS)
        await exchange.answer(200 if shown.status != "due" else 202, encode(shown).encode())

    async def replay(self, exchange: Exchange) -> None:
        """Orders a back-fill of a range; the endpoint shows how far it is."""
        who, endpoint = self._writer(exchange), id_in(exchange)
        body = await exchange.body()
        order = schemas.load(ReplayOrder, parsed(body))
        if isinstance(order, list):
            raise invalid(*order)
        if order.to <= order.from_:
            raise Problem("webhooks.replay.range_empty")

        async def work(identity: Identity) -> dict[str, Any]:
            async with self._pool.connection() as db:
                found = _known(await store.find(db, endpoint, lock=True))
                if found["status"] == "disabled":
                    raise Problem("webhooks.endpoint.disabled")
                types = order.types or tuple(found["types"])
                if beyond := sorted(set(types) - set(found["types"])):
                    detail = f"The endpoint does not want {', '.join(beyond)}."
                    raise invalid(FieldError("/types", "invalid_field", detail))
                await backfills.order(db, identity.thing_id, endpoint, Range(order.from_, order.to, types), who)
            return {"id": str(identity.thing_id), "status": "running"}

        done, repeated = await once(self._keys, who, exchange, body, work)
        await exchange.answer_json(202, done, repeated)

    def _writer(self, exchange: Exchange) -> str:
        """The id of the caller, who may change endpoints and see what is sent to them."""
        exchange.require_all("events:read")
        return exchange.require_all("webhooks:write").actor.id

    def _sealing(self) -> SecretBox:
        if self._box is None:
            raise Problem("webhooks.not_set_up")
        return self._box

    async def _secret(self, secret_id: UUID, endpoint: UUID) -> str:
        async with self._pool.connection() as db:
            sealed = await store.sealed_secret(db, secret_id, endpoint)
        if sealed is None:  # a repeat of the request, after the endpoint was deleted
            raise Problem("request.not_found")
        return opened(self._box, endpoint, sealed)

    async def _on(self, exchange: Exchange, work: Callable[[Database, UUID, str], Awaitable[bool]]) -> None:
        """Does something to an endpoint, if it is as If-Match says, where that is sent; `work` says if it changed."""
        endpoint, expected = id_in(exchange), expected_version(exchange)
        async with self._pool.connection() as db:
            found = _known(await store.find(db, endpoint, lock=True))
            if expected not in (None, found["version"]):
                raise Problem("request.version_stale")
            changed = await work(db, endpoint, found["status"])
        await _changed(exchange, endpoint, found["version"] + changed)


def _known(found: store.Row | None) -> store.Row:
    if found is None:
        raise Problem("request.not_found")
    return found


def _summary(row: store.Row) -> dict[str, Any]:
    since: datetime | None = row["failing_since"] if row["status"] == "live" else None
    times = {"failing_since": since, "disabled_from": since and since + DISABLED_AFTER}
    return {**row, **times, "types": tuple(row["types"])}


def _actions(status: str) -> tuple[str, ...]:
    turn = {"live": ("pause",), "paused": ("resume",), "disabled": ("resume",)}[status]
    replay = () if status == "disabled" else ("replay",)
    return ("change", *turn, "rotate", "test", *replay, "delete")


def _etag(version: int) -> list[tuple[bytes, bytes]]:
    return [(b"etag", b'"%d"' % version)]


async def _changed(exchange: Exchange, endpoint: UUID, version: int) -> None:
    await exchange.answer(200, encode(Changed(endpoint, version)).encode(), headers=_etag(version))
