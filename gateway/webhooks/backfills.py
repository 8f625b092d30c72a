"""Back-fills: what happened in a range of time, posted to one endpoint, read from the services' own events."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import structlog
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries import queue
from gateway.deliveries.channel import Database, Wanted
from gateway.deliveries.targets import wake
from gateway.rpc import DeadlinePassed, RemoteError, RpcClient
from gateway.webhooks.channel import NAME
from services.kernel.backoff import pauses
from services.kernel.cloud_events import type_of
from services.kernel.declarations import Api
from services.kernel.feed import BEGINNING, LATEST
from services.kernel.values import Unavailable

log = structlog.get_logger(__name__)

Row = dict[str, Any]

BATCH = 500
MOST_DUE = 2_000  # of an endpoint; a back-fill waits while more is due
POLL_SECONDS = 1.0
SHOWN = 10

_SHOWN = "id, status, begins, ends, types, found, created_by, created_at, finished_at"
_ORDER = """INSERT INTO webhook_backfills (id, endpoint_id, begins, ends, types, created_by)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING"""
_LATEST = f"SELECT {_SHOWN} FROM webhook_backfills WHERE endpoint_id = %s ORDER BY id DESC LIMIT %s"  # noqa: S608
_CANCEL = """UPDATE webhook_backfills SET status = 'cancelled', finished_at = now()
    WHERE endpoint_id = %s AND status = 'running'"""
_RUNNING = """SELECT id, endpoint_id, begins, ends, types, places, until FROM webhook_backfills
    WHERE status = 'running' AND %s > (
        SELECT count(*) FROM deliveries WHERE channel = 'webhooks' AND target_id = endpoint_id AND status = 'due')
    ORDER BY id LIMIT 1"""
_UNTIL = "UPDATE webhook_backfills SET until = %s WHERE id = %s AND until IS NULL"
_MOVE = """UPDATE webhook_backfills SET places = %s, found = found + %s
    WHERE id = %s AND status = 'running' AND places = %s"""
_DONE = "UPDATE webhook_backfills SET status = 'done', finished_at = now() WHERE id = %s AND status = 'running'"


class Range(NamedTuple):
    """What to post: events of these types that happened in [`begins`, `ends`)."""

    begins: datetime
    ends: datetime
    types: Sequence[str]


async def order(db: Database, backfill_id: UUID, endpoint_id: UUID, wanted: Range, by: str) -> None:
    """Orders a back-fill; ordering it again changes nothing."""
    await db.execute(_ORDER, (backfill_id, endpoint_id, wanted.begins, wanted.ends, list(wanted.types), by))


async def latest(db: Database, endpoint_id: UUID) -> list[Row]:
    """The last ones of an endpoint, the latest first."""
    async with db.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_LATEST, (endpoint_id, SHOWN))
        return await cursor.fetchall()


async def cancel(db: Database, endpoint_id: UUID) -> None:
    """Ends those of an endpoint that are under way."""
    await db.execute(_CANCEL, (endpoint_id,))


class Backfills:
    """Carries them out, one page of events at a time; a crash loses and doubles nothing."""

    def __init__(self, rpc: RpcClient, pool: AsyncConnectionPool, apis: Sequence[Api]) -> None:
        self._rpc, self._pool = rpc, pool
        self._told = {api.name: {type_of(each) for each in api.publications.values()} for api in apis}

    async def run(self) -> None:
        """Goes on for ever."""
        waits = pauses()
        while True:
            try:
                while await self.step():
                    pass
                waits = pauses()
                await asyncio.sleep(POLL_SECONDS)
            except (Unavailable, psycopg.OperationalError) as error:
                pause = next(waits)
                log.warning("webhooks.backfill_waits", reason=str(error), retry_in=round(pause, 2))
                await asyncio.sleep(pause)

    async def step(self) -> bool:
        """Reads one page of one back-fill; whether there was one to work on.

        Raises:
            Unavailable: a service cannot be asked now.
        """
        async with self._pool.connection() as db, db.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_RUNNING, (MOST_DUE,))
            job = await cursor.fetchone()
        if job is None:
            return False
        services = [name for name, told in self._told.items() if told & set(job["types"])]
        if job["until"] is None:
            # What comes from now on is delivered anyway.
            ends = {name: (await self._page(name, LATEST, job["types"]))["reached"] for name in services}
            async with self._pool.connection() as db:
                await db.execute(_UNTIL, (Jsonb(ends), job["id"]))
            return True
        for service in services:
            place, end = job["places"].get(service, BEGINNING), job["until"].get(service, BEGINNING)
            if _order(place) < _order(end):
                await self._read(job, service, place, end)
                return True
        async with self._pool.connection() as db:
            await db.execute(_DONE, (job["id"],))
        return True

    async def _read(self, job: Row, service: str, place: str, end: str) -> None:
        page = await self._page(service, place, job["types"])
        events = [item["event"] for item in page["items"] if _order(item["place"]) < _order(end)]
        chosen = [event for event in events if job["begins"] <= datetime.fromisoformat(event["time"]) < job["ends"]]
        places = job["places"] | {service: page["reached"]}
        async with self._pool.connection() as db:
            moved = await db.execute(_MOVE, (Jsonb(places), len(chosen), job["id"], Jsonb(job["places"])))
            if moved.rowcount and chosen:
                await queue.write_again(db, NAME, [Wanted(job["endpoint_id"], event) for event in chosen])
                await wake(db)

    async def _page(self, service: str, after: str, types: Sequence[str]) -> Mapping[str, Any]:
        question = {"after": after, "types": sorted(self._told[service] & set(types)), "limit": BATCH}
        try:
            return dict(await self._rpc.call(service, "events", question))
        except (DeadlinePassed, RemoteError) as error:
            raise Unavailable(f"the events of {service} cannot be read now: {error}") from error


def _order(place: str) -> tuple[int, int]:
    transaction_id, _, position = place.partition(".")
    return int(transaction_id), int(position)
