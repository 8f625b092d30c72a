"""`/v1/webhooks/deliveries`: what was posted, what became of it, and once more."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import orjson
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries import history
from gateway.deliveries.channel import Database
from gateway.deliveries.history import Filter, Row
from gateway.endpoints import Entry
from gateway.exchange import Exchange
from gateway.problems import Problem, invalid
from gateway.webhooks import standard, store
from gateway.webhooks.channel import NAME
from gateway.webhooks.shapes import AttemptView, DeliveriesOf, DeliveryList, DeliverySummary, DeliveryView, Sent
from services.kernel import cursors, schemas
from services.kernel.answers import encode
from services.kernel.cursors import BadCursor
from services.kernel.values import FieldError

PATH = "/v1/webhooks/deliveries"


class DeliveryLog:
    """The deliveries of all endpoints."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    def entries(self) -> Iterator[Entry]:
        """The paths."""
        yield Entry("GET", PATH, self.list)
        yield Entry("GET", f"{PATH}/{{id}}", self.show)
        yield Entry("POST", f"{PATH}/{{id}}/replay", self.replay)

    async def list(self, exchange: Exchange) -> None:
        """A page, the latest first."""
        exchange.require_all("webhooks:read")
        asked = schemas.load(DeliveriesOf, exchange.in_query(), lenient=True)
        if isinstance(asked, list):
            raise invalid(*asked)
        now = datetime.now(UTC)
        before = None if asked.cursor is None else _place(asked.cursor, now)
        wanted = Filter(asked.endpoint, asked.type, asked.status, asked.from_, asked.to)
        async with self._pool.connection() as db:
            found = await history.page(db, NAME, wanted, asked.limit + 1, before)
        shown = found[: asked.limit]
        more = cursors.encode(now, shown[-1]["position"]) if len(found) > asked.limit else None
        page = DeliveryList(tuple(DeliverySummary(**_summary(row)) for row in shown), more)
        await exchange.answer(200, encode(page).encode(), headers=exchange.link_to(more))

    async def show(self, exchange: Exchange) -> None:
        """One with its attempts and its body: the caller may see the events themselves."""
        exchange.require_all("events:read")
        exchange.require_all("webhooks:read")
        async with self._pool.connection() as db:
            shown = await shown_delivery(db, id_in(exchange))
        await exchange.answer(200, encode(shown).encode())

    async def replay(self, exchange: Exchange) -> None:
        """Posts one now, with the same id and the same body, whatever became of it."""
        exchange.require_all("webhooks:write")
        delivery = id_in(exchange)
        async with self._pool.connection() as db:
            found = await history.find(db, NAME, delivery)
            endpoint = None if found is None else await store.find(db, found["target_id"])
            if found is None or endpoint is None:
                raise Problem("request.not_found")
            if endpoint["status"] == "disabled":
                raise Problem("webhooks.endpoint.disabled")
            if not await history.send_again(db, NAME, delivery):
                raise Problem("webhooks.delivery.being_sent")
        await exchange.answer(200, encode(Sent(delivery)).encode())


async def shown_delivery(db: Database, delivery: UUID) -> DeliveryView:
    """A delivery with all that is known of it; raises Problem where there is none."""
    found = await history.find(db, NAME, delivery)
    if found is None:
        raise Problem("request.not_found")
    attempts = tuple(AttemptView(**attempt) for attempt in found["attempts_made"])
    return DeliveryView(**_summary(found), attempts_made=attempts, body=orjson.loads(standard.body_of(found["event"])))


def _summary(row: Row) -> Row:
    same = ("id", "event_id", "type", "subject", "status", "attempts", "reason", "due_at", "finished_at")
    return {**{name: row[name] for name in same}, "endpoint_id": row["target_id"], "created_at": row["made_at"]}


def id_in(exchange: Exchange) -> UUID:
    """The id in the path; raises Problem where it is none."""
    try:
        return UUID(exchange.in_path["id"])
    except ValueError as error:
        raise Problem("request.not_found") from error


def _place(cursor: str, now: datetime) -> int:
    try:
        [position] = cursors.decode(cursor, now, int)
    except BadCursor as error:
        if error.expired:
            raise Problem("request.cursor_expired") from error
        raise invalid(FieldError("/cursor", "invalid_field", "Send a cursor as a list gave it.")) from error
    return int(position)
