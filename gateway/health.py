"""`/health/live` and `/health/ready`: what is up, and how far the figures are behind what was acknowledged."""

from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from gateway import metrics
from gateway.exchange import Exchange
from gateway.publisher import Publisher
from gateway.queue_depths import QueueDepths
from gateway.rpc import DeadlinePassed, RemoteError, RpcClient
from services.kernel.values import Unavailable

DEADLINE = 3.0  # seconds


class Health:
    """Asks everything that the gateway depends on."""

    def __init__(self, pool: AsyncConnectionPool, publisher: Publisher, depths: QueueDepths, rpc: RpcClient) -> None:
        self._pool = pool
        self._publisher = publisher
        self._depths = depths
        self._rpc = rpc

    async def live(self, exchange: Exchange) -> None:
        """The process answers."""
        await exchange.answer_json(200, {"status": "live"})

    async def ready(self, exchange: Exchange) -> None:
        """200 where every dependency is up, else 503; where a figure cannot be known it is null.

        `ingest_backlog` is in facts acknowledged and not yet stored, a projection's lag in events. When all are 0,
        every 202 so far is in the reports.
        """
        state = await self.state()
        await exchange.answer_json(200 if state["status"] == "ready" else 503, state)

    async def metrics(self, exchange: Exchange) -> None:
        """`GET /metrics`, with backlog and lags as they are now."""
        state = await self.state()
        metrics.show_lags(state["ingest_backlog"], state["projections"], state["held_back_by"])
        await exchange.answer(200, *metrics.exposition())

    async def state(self) -> dict[str, Any]:
        """Each dependency ("up" or what is wrong), `ingest_backlog`, each projection's lag, and the process whose open
        transaction the projections wait for, if there is one.
        """
        # Before the progress is asked for: what is confirmed meanwhile must not look stored.
        confirmed = dict(self._publisher.confirmed)
        database = await self._database()
        broker, waiting = await self._broker()
        calls, progress = await self._calls()
        backlog = None
        if waiting is not None and progress is not None:
            stored = progress["stored"]
            unstored = sum(max(0, facts - stored.get(queue, 0)) for queue, facts in confirmed.items())
            backlog = max(unstored, waiting)
        dependencies = {"database": database, "broker": broker, "calls": calls}
        up = all(state == "up" for state in dependencies.values())
        return {
            "status": "ready" if up else "not_ready",
            "dependencies": dependencies,
            "ingest_backlog": backlog,
            "projections": progress["lags"] if progress is not None else None,
            "held_back_by": progress["held_back_by"] if progress is not None else None,
        }

    async def _database(self) -> str:
        try:
            async with self._pool.connection() as connection:
                await connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return "the gateway's database cannot be reached"
        return "up"

    async def _broker(self) -> tuple[str, int | None]:
        try:
            waiting = await self._depths.ready_messages()
        except Unavailable as error:
            return str(error), None
        return ("up" if self._publisher.ready else "the broker takes nothing now"), waiting

    async def _calls(self) -> tuple[str, dict[str, Any] | None]:
        """Facts of this process that calls has stored by queue, and how many events each projection has not read."""
        try:
            message = {"publisher": self._publisher.id}
            return "up", await self._rpc.call("calls", "progress", message, deadline=DEADLINE)
        except (Unavailable, DeadlinePassed) as error:
            return str(error), None
        except RemoteError:
            return "the calls service cannot say how far it is", None
