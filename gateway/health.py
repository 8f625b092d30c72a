"""`/health/live` and `/health/ready`: what is up, and how far the figures are behind what was acknowledged."""

import asyncio
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from gateway import metrics
from gateway.contracts import SERVICES
from gateway.deliveries import queue
from gateway.exchange import Exchange
from gateway.publisher import Publisher
from gateway.queue_depths import QueueDepths
from gateway.rpc import DeadlinePassed, RemoteError, RpcClient
from services.kernel.values import Unavailable

DEADLINE = 3.0  # seconds
# Without one of these no fact is taken in or shown. No other service that is away may take a gateway out.
NEEDED = ("database", "broker", "calls")
HEARD_WITHIN = 20.0  # seconds; the process that delivers says every 5 that it has read the events on


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
        """200 where this gateway can do its work, else 503; `dependencies` says of each whether it is up.

        `ingest_backlog` is in facts acknowledged and not yet stored (null where that cannot be known), a projection's
        lag in events (left out where its service cannot be asked). When everything is up and all are 0, every 202 so
        far is in the reports. A relay's lag is in public events that the bus has not confirmed.
        """
        state = await self.state()
        await exchange.answer_json(200 if state["status"] == "ready" else 503, state)

    async def metrics(self, exchange: Exchange) -> None:
        """`GET /metrics`, with backlog and lags as they are now."""
        state = await self.state()
        metrics.show_lags(state["ingest_backlog"], state["projections"], state["relays"], state["held_back_by"])
        await exchange.answer(200, *metrics.exposition())

    async def state(self) -> dict[str, Any]:
        """Each dependency ("up" or what is wrong), `ingest_backlog`, the lag of each projection and of each service's
        relay, what is due to be delivered, and the process whose open transaction they wait for, if there is one.
        """
        # Before the progress is asked for: what is confirmed meanwhile must not look stored.
        confirmed = dict(self._publisher.confirmed)
        database, deliveries = await self._database()
        broker, waiting = await self._broker()
        services = dict(zip(SERVICES, await asyncio.gather(*map(self._service, SERVICES)), strict=True))
        told = {name: progress for name, (_, progress) in services.items() if progress is not None}
        backlog = None
        if waiting is not None and "calls" in told:
            stored = told["calls"]["stored"]
            unstored = sum(max(0, facts - stored.get(queue, 0)) for queue, facts in confirmed.items())
            backlog = max(unstored, waiting)
        dependencies = {
            "database": database,
            "broker": broker,
            **{name: how for name, (how, _) in services.items()},
            "deliveries": _delivering(deliveries),
        }
        return {
            "status": "ready" if all(dependencies[name] == "up" for name in NEEDED) else "not_ready",
            "dependencies": dependencies,
            "ingest_backlog": backlog,
            "projections": {model: lag for progress in told.values() for model, lag in progress["lags"].items()},
            "relays": {name: progress["relay"] for name, progress in told.items()},
            "deliveries": deliveries,
            "held_back_by": next((p["held_back_by"] for p in told.values() if p["held_back_by"]), None),
        }

    async def _database(self) -> tuple[str, dict[str, Any] | None]:
        """Whether the gateway's database is up, and what it says of the deliveries."""
        try:
            async with self._pool.connection() as connection:
                heard, backlog = await queue.heard(connection), await queue.backlog(connection)
        except psycopg.OperationalError:
            return "the gateway's database cannot be reached", None
        due = sum(channel.due for channel in backlog.values())
        oldest = max((channel.oldest_seconds for channel in backlog.values()), default=0.0)
        return "up", {
            "heard_seconds_ago": {service: round(seconds, 3) for service, seconds in heard.items()},
            "due": due,
            "oldest_due_seconds": round(oldest, 3),
        }

    async def _broker(self) -> tuple[str, int | None]:
        try:
            waiting = await self._depths.ready_messages()
        except Unavailable as error:
            return str(error), None
        return ("up" if self._publisher.ready else "the broker takes nothing now"), waiting

    async def _service(self, name: str) -> tuple[str, dict[str, Any] | None]:
        """Whether a service is up, and how far it is; calls also says what it has stored of this process's facts."""
        asked = {"publisher": self._publisher.id} if name == "calls" else {}
        try:
            return "up", await self._rpc.call(name, "progress", asked, deadline=DEADLINE)
        except (Unavailable, DeadlinePassed) as error:
            return str(error), None
        except RemoteError:
            return f"the service {name} cannot say how far it is", None


def _delivering(deliveries: dict[str, Any] | None) -> str:
    if deliveries is None:
        return "cannot be known without the gateway's database"
    latest = min(deliveries["heard_seconds_ago"].values(), default=None)
    if latest is not None and latest < HEARD_WITHIN:
        return "up"
    return "has read no events" + ("" if latest is None else f" for {latest:.0f} s")
