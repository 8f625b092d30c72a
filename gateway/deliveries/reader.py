"""Hears the public events of all services on, and writes down what each channel wants delivered of them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries import queue
from gateway.deliveries.channel import Channel, Database
from gateway.rpc import DeadlinePassed, RemoteError, RpcClient
from services.kernel.backoff import pauses
from services.kernel.cloud_events import type_of
from services.kernel.declarations import Api
from services.kernel.feed import LATEST
from services.kernel.values import Unavailable

log = structlog.get_logger(__name__)

BATCH = 500
POLL_SECONDS = 0.5
STORED_EVERY = 5.0  # seconds after which a place is stored though nothing was wanted

_PLACE = "SELECT place FROM event_cursors WHERE service = %s"
_BEGIN = "INSERT INTO event_cursors (service, place) VALUES (%s, %s) ON CONFLICT (service) DO NOTHING"
_MOVE = "UPDATE event_cursors SET place = %s, looked_at = now() WHERE service = %s AND place = %s"


class Reader:
    """Reads the events of one service on from the place that the gateway's database holds; a new install begins now.

    Place and deliveries change in one transaction, which must find the place as it was left: a crash loses and doubles
    nothing, and of several processes one writes what an event leads to. `written` is called when something is new.
    """

    def __init__(
        self,
        api: Api,
        rpc: RpcClient,
        pool: AsyncConnectionPool,
        channels: Sequence[Channel],
        written: Callable[[], None],
    ) -> None:
        self._service = api.name
        self._told = frozenset(type_of(each) for each in api.publications.values())
        self._rpc, self._pool, self._channels, self._written = rpc, pool, channels, written
        self._stored: str | None = None  # None: not known
        self._reached = ""
        self._stored_at = float("-inf")

    async def run(self) -> None:
        """Reads for ever; comes back to a service, a broker or a database that was away, with pauses."""
        waits = pauses()
        while True:
            try:
                heard = await self.look()
                waits = pauses()
            except (Unavailable, psycopg.OperationalError) as error:
                pause = next(waits)
                log.warning(
                    "deliveries.reader_waits", service=self._service, reason=str(error), retry_in=round(pause, 2)
                )
                await asyncio.sleep(pause)
            else:
                if not heard:
                    await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> bool:
        """Reads on once; whether it is worth to look again at once.

        Raises:
            Unavailable: the service cannot be asked now.
            psycopg.OperationalError: nor can the gateway's database.
        """
        if self._stored is None:
            await self._begin()
        async with self._pool.connection() as db:
            types = await self._types(db)
        page = await self._page(self._reached if types else LATEST, types)
        events = [item["event"] for item in page["items"]]
        now = asyncio.get_running_loop().time()
        stores = bool(events) or now - self._stored_at > STORED_EVERY
        async with self._pool.connection() as db:
            # Somebody may want more since: the events that they want, too, are behind the place that was read from.
            if not await self._types(db) <= types:
                return True
            if stores:
                moved = await db.execute(_MOVE, (page["reached"], self._service, self._stored))
                if moved.rowcount == 0:  # another process was faster
                    self._stored = None
                    return True
            for channel in self._channels if events else ():
                if wanted := await channel.wanted(db, events):
                    await queue.write(db, channel.name, wanted)
        self._reached = page["reached"]
        if stores:
            self._stored, self._stored_at = self._reached, now
        if events:
            self._written()
        return bool(events)

    async def _begin(self) -> None:
        stored = await self._place()
        if stored is None:
            latest = await self._page(LATEST, frozenset())
            async with self._pool.connection() as db:
                await db.execute(_BEGIN, (self._service, latest["reached"]))
            stored = await self._place()
        self._stored, self._reached = stored, stored or ""

    async def _place(self) -> str | None:
        async with self._pool.connection() as db:
            row = await (await db.execute(_PLACE, (self._service,))).fetchone()
        return row[0] if row else None

    async def _types(self, db: Database) -> frozenset[str]:
        """The types of this service of which some channel wants events."""
        wanted = [await channel.types(db) for channel in self._channels]
        return self._told & frozenset[str]().union(*wanted)

    async def _page(self, after: str, types: frozenset[str]) -> dict[str, Any]:
        question = {"after": after, "types": sorted(types), "limit": BATCH}
        try:
            return dict(await self._rpc.call(self._service, "events", question))
        except (DeadlinePassed, RemoteError) as error:
            raise Unavailable(f"the events of {self._service} cannot be read now: {error}") from error
