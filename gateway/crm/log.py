"""`/v1/crm/connections/{id}/deliveries` and `…/inbound`: what went out over a connection, and what comes in by it."""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import structlog
from psycopg_pool import AsyncConnectionPool

from gateway.bodies import parsed
from gateway.crm.connections import CALLS, CHANGES, CHECK
from gateway.crm.endpoints import PATH, READ, WRITE, found_in
from gateway.crm.shapes import (
    CrmAttemptView,
    CrmDeliveryList,
    CrmDeliveryView,
    CrmReplayed,
    DeliveriesOf,
    RangeOrder,
    TakenChanges,
)
from gateway.crm.taken import TAKEN, take
from gateway.crm.terms import KINDS
from gateway.crm.webhooks import MOST_CHANGES, OF_PROVIDER, NotRead, Request, SignatureWrong
from gateway.deliveries import history
from gateway.deliveries.history import Filter
from gateway.endpoints import Entry
from gateway.exchange import Exchange
from gateway.problems import Problem, invalid
from gateway.sealing import SecretBox
from services.kernel import schemas
from services.kernel.answers import encode
from services.kernel.values import FieldError

log = structlog.get_logger(__name__)

ATTEMPT = ("number", "began_at", "outcome", "status", "reason")
AT_ONCE = 500
INBOUND = re.compile(rf"{PATH}/[^/]+/inbound")
MOST_REPLAYED = 10_000


@dataclass(frozen=True, slots=True)
class Unguarded:
    """The paths that need no credentials: those given, and the doors of webhooks, which are signed."""

    paths: Container[str]

    def __contains__(self, path: object) -> bool:
        """Whether it is one of them."""
        return path in self.paths or (isinstance(path, str) and INBOUND.fullmatch(path) is not None)


class CrmDeliveries:
    """The log of each connection, and the door of its webhooks."""

    def __init__(self, pool: AsyncConnectionPool, sealing: SecretBox | None) -> None:
        self._pool, self._sealing = pool, sealing

    def entries(self) -> Iterator[Entry]:
        """The paths."""
        log_of = f"{PATH}/{{id}}/deliveries"
        yield Entry("GET", log_of, self.list)
        yield Entry("GET", f"{log_of}/{{delivery}}", self.show)
        yield Entry("POST", f"{log_of}/{{delivery}}/replay", self.replay)
        yield Entry("POST", f"{PATH}/{{id}}/replay", self.replay_range)
        yield Entry("POST", f"{PATH}/{{id}}/inbound", self.receive)

    async def list(self, exchange: Exchange) -> None:
        """A page of deliveries, the latest first."""
        exchange.require_all(READ)
        asked = schemas.load(DeliveriesOf, exchange.in_query(), lenient=True)
        if isinstance(asked, list):
            raise invalid(*asked)
        async with self._pool.connection() as db:
            found = await found_in(db, exchange)
            subject = None if asked.call is None else str(asked.call)
            wanted = Filter(found.id, None, asked.status, asked.from_, asked.to)
            rows = await _page(db, CALLS if asked.way == "out" else CHANGES, wanted, subject, asked)
        shown = rows[: asked.limit]
        more = str(shown[-1]["position"]) if len(rows) > asked.limit else None
        page = CrmDeliveryList(tuple(_view(row) for row in shown), more)
        await exchange.answer(200, encode(page).encode(), headers=exchange.link_to(more))

    async def show(self, exchange: Exchange) -> None:
        """One delivery with every attempt."""
        exchange.require_all(READ)
        async with self._pool.connection() as db:
            row, _ = await self._found(db, exchange)
        await exchange.answer(200, encode(_view(row, attempts=True)).encode())

    async def replay(self, exchange: Exchange) -> None:
        """Sends one again, whatever became of it: a call is corrected where it is known, and never made twice."""
        exchange.require_all(WRITE)
        async with self._pool.connection() as db:
            row, channel = await self._found(db, exchange)
            again = await history.send_again(db, channel, row["id"])
        await exchange.answer(200, encode(CrmReplayed(int(again))).encode())

    async def replay_range(self, exchange: Exchange) -> None:
        """Sends again what was written down within a range, the oldest 10 000 of it at most."""
        exchange.require_all(WRITE)
        order = schemas.load(RangeOrder, parsed(await exchange.body()))
        if isinstance(order, list):
            raise invalid(*order)
        if order.to <= order.from_:
            raise invalid(FieldError("/to", "invalid_field", "Give a `to` that is later than `from`."))
        replayed, before = 0, None
        async with self._pool.connection() as db:
            found = await found_in(db, exchange)
            wanted = Filter(found.id, None, order.status, order.from_, order.to)
            while replayed < MOST_REPLAYED and (rows := await history.page(db, CALLS, wanted, AT_ONCE, before)):
                before = rows[-1]["position"]
                for row in rows:
                    if row["type"] != CHECK:
                        replayed += await history.send_again(db, CALLS, row["id"])
        await exchange.answer(200, encode(CrmReplayed(replayed)).encode())

    async def receive(self, exchange: Exchange) -> None:
        """Takes a webhook of the provider, whose signature is its authentication."""
        body = await exchange.body()
        async with self._pool.connection() as db:
            found = await found_in(db, exchange)
        webhooks, signs = OF_PROVIDER.get(found.provider), KINDS[found.provider].signs
        if webhooks is None or signs is None or self._sealing is None:
            raise Problem("request.not_found")
        secret = orjson.loads(self._sealing.open(found.id, found.secrets)).get(signs)
        request = Request("POST", _addresses(exchange), exchange.headers, body)
        try:
            if not secret:
                raise SignatureWrong(f"the connection has no {signs} to check it with")  # noqa: TRY301
            webhooks.verify(secret, request, datetime.now(UTC))
        except SignatureWrong as error:
            TAKEN.labels(found.provider, "refused").inc()
            log.warning("crm.signature_wrong", connection=str(found.id), reason=str(error), **exchange.identity)
            raise Problem("crm.signature_wrong", f"Not taken: {error}.") from error
        try:
            changes = webhooks.read(body)
        except NotRead as error:
            TAKEN.labels(found.provider, "unreadable").inc()
            raise Problem("request.malformed_json", str(error)) from error
        if len(changes) > MOST_CHANGES:
            raise Problem("request.too_large", f"Send at most {MOST_CHANGES} events at once.")
        async with self._pool.connection() as db:
            await take(db, self._sealing, found, changes)
        await exchange.answer(200, encode(TakenChanges(len(changes))).encode())

    async def _found(self, db: Any, exchange: Exchange) -> tuple[dict[str, Any], str]:
        connection = await found_in(db, exchange)
        try:
            delivery = UUID(exchange.in_path["delivery"])
        except ValueError as error:
            raise Problem("request.not_found") from error
        for channel in (CALLS, CHANGES):
            row = await history.find(db, channel, delivery)
            if row is not None and row["target_id"] == connection.id:
                return row, channel
        raise Problem("request.not_found")


async def _page(
    db: Any, channel: str, wanted: Filter, subject: str | None, asked: DeliveriesOf
) -> list[dict[str, Any]]:
    if subject is None:
        return await history.page(db, channel, wanted, asked.limit + 1, asked.cursor)
    # The revisions of one call are few.
    rows: list[dict[str, Any]] = []
    before = asked.cursor
    while len(rows) <= asked.limit and (page := await history.page(db, channel, wanted, AT_ONCE, before)):
        rows += [row for row in page if row["subject"] == subject]
        before = page[-1]["position"]
    return rows[: asked.limit + 1]


def _addresses(exchange: Exchange) -> list[str]:
    """Under which addresses the provider may have called us: a proxy may say, and may have taken TLS off.

    Whoever can sign for one of them has the secret, so that it does no harm to believe what the headers say.
    """
    headers, scope = exchange.headers, exchange.scope
    path, query = (
        scope.get("raw_path", scope["path"].encode()).decode("latin-1"),
        scope["query_string"].decode("latin-1"),
    )
    hosts = [headers.get(name, b"").decode("latin-1").partition(",")[0] for name in (b"x-forwarded-host", b"host")]
    target = f"{path}?{query}" if query else path
    return [
        f"{scheme}://{host.strip()}{target}" for host in dict.fromkeys(hosts) if host for scheme in ("https", "http")
    ]


def _view(row: Mapping[str, Any], *, attempts: bool = False) -> CrmDeliveryView:
    result = row["result"] or {}
    call = result.get("call") or (row["subject"] if row["type"].endswith("call_completed") else None)
    made = row["attempts_made"] if attempts else ()
    return CrmDeliveryView(
        id=row["id"],
        type=row["type"],
        call=UUID(call) if call else None,
        revision=result.get("revision"),
        customer=result.get("customer"),
        status=row["status"],
        reason=row["reason"],
        provider_id=result.get("provider_id"),
        kind=result.get("kind"),
        matching=result.get("matching"),
        contacts=tuple(result.get("contacts") or ()),
        attempts=row["attempts"],
        made_at=row["made_at"],
        due_at=row["due_at"],
        finished_at=row["finished_at"],
        attempts_made=tuple(
            CrmAttemptView(**{name: each[name] for name in ATTEMPT}, seconds=float(each["seconds"])) for each in made
        ),
    )
