"""The gateway put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from gateway.adapters import ADAPTERS
from gateway.api_keys import ApiKeys
from gateway.auth import Authenticator
from gateway.broker import Broker
from gateway.contracts import APIS, SERVICES
from gateway.crm.endpoints import Connections
from gateway.crm.log import CrmDeliveries, Unguarded
from gateway.dead_letters import DeadLetters
from gateway.documentation import PAGES, Documentation
from gateway.endpoints import Endpoints, Entry
from gateway.event_feed import EventFeed
from gateway.health import Health
from gateway.idempotency import IdempotencyKeys
from gateway.ingest import PATH, Ingest
from gateway.middleware import Manners
from gateway.publisher import Publisher
from gateway.queue_depths import QueueDepths
from gateway.rate_limits import Allowances
from gateway.routes import Routes
from gateway.rpc import RpcClient
from gateway.service_calls import source_settings
from gateway.settings import Settings, TokenSettings
from gateway.sources import Sources
from gateway.telephony import Feed
from gateway.webhooks.endpoints import WebhookEndpoints
from gateway.webhooks.log import DeliveryLog
from services.kernel.dead_queues import DeadQueues, arrivals

if TYPE_CHECKING:
    from gateway.tokens import Tokens

log = structlog.get_logger(__name__)

PUBLIC = frozenset({"/health/live", "/health/ready", "/metrics", *PAGES})
POOL_SIZE = 4
POOL_TIMEOUT = 2.0  # seconds
TIDYING = 600.0  # seconds between deletions of old idempotency keys


def create_app(settings: Settings) -> Manners:
    """The ASGI application; it connects to broker and database when it is started, and goes on trying for ever."""
    pool = AsyncConnectionPool(
        settings.database_url,
        min_size=1,
        max_size=POOL_SIZE,
        timeout=POOL_TIMEOUT,
        open=False,
        check=AsyncConnectionPool.check_connection,
        kwargs={"application_name": "plateau gateway"},
    )
    broker, rpc = Broker(settings.amqp_url), RpcClient(settings.amqp_url)
    publisher, depths = Publisher(broker, settings.queues), QueueDepths(rpc.broker, settings.queues)
    tokens = _tokens(settings.tokens) if settings.tokens else None
    idempotency_keys = IdempotencyKeys(pool)
    routes = Routes(rpc, idempotency_keys)
    health = Health(pool, publisher, depths, rpc)
    sources = Sources(lambda name: source_settings(rpc, name))
    feeds = [Feed(adapter, sources, publisher, settings.queues) for adapter in ADAPTERS]

    @asynccontextmanager
    async def running(_app: Any) -> AsyncIterator[None]:
        await pool.open()
        await broker.start()
        await rpc.start()
        tidying = asyncio.create_task(_tidy(idempotency_keys))
        try:
            yield
        finally:
            tidying.cancel()
            await rpc.stop()
            await broker.stop()
            if tokens:
                await tokens.close()
            await pool.close()

    entries = [
        Entry("POST", PATH, Ingest(publisher, settings.queues).events),
        *(Entry("POST", feed.adapter.path, feed.receive) for feed in feeds),
        *ApiKeys(pool).entries(),
        *(entry for api in APIS for entry in routes.of(api)),
        *EventFeed(rpc, APIS).entries(),
        *Connections(pool, idempotency_keys, settings.secrets).entries(),
        *CrmDeliveries(pool, settings.secrets).entries(),
        *WebhookEndpoints(pool, idempotency_keys, APIS, settings).entries(),
        *DeliveryLog(pool).entries(),
        *DeadLetters(DeadQueues(settings.amqp_url, arrivals(settings.queues, SERVICES))).entries(),
        *Documentation(APIS, ADAPTERS).entries(),
        Entry("GET", "/health/live", health.live),
        Entry("GET", "/health/ready", health.ready),
        Entry("GET", "/metrics", health.metrics),
    ]
    authenticator = Authenticator(pool, tokens, Allowances(settings.rate_limit, settings.rate_window))
    return Manners(Endpoints(entries, running), authenticator, Unguarded(PUBLIC))


def _tokens(settings: TokenSettings) -> "Tokens":
    from gateway.tokens import Tokens  # noqa: PLC0415 - 11 MB that a gateway without bearer tokens does not need

    return Tokens(settings)


async def _tidy(keys: IdempotencyKeys) -> None:
    while True:
        await asyncio.sleep(TIDYING)
        try:
            await keys.forget_old()
        except psycopg.OperationalError:
            log.warning("idempotency.not_tidied", exc_info=True)  # the next round does it
