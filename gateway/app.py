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
from gateway.ending import Ending
from gateway.endpoints import Endpoints, Entry
from gateway.event_feed import EventFeed
from gateway.exports.downloads import ReportDownloads
from gateway.health import Health
from gateway.idempotency import IdempotencyKeys
from gateway.ingest import PATH, Ingest
from gateway.live_stream import LiveStream
from gateway.middleware import Manners
from gateway.publisher import Publisher
from gateway.queue_depths import QueueDepths
from gateway.rate_limits import Allowances
from gateway.routes import Routes
from gateway.rpc import RpcClient
from gateway.service_calls import source_to_read, sources_with_proof
from gateway.settings import Settings, TokenSettings
from gateway.source_access import SourceAccess
from gateway.sources import Sources
from gateway.telephony import Feed
from gateway.webhooks.endpoints import WebhookEndpoints
from gateway.webhooks.log import DeliveryLog
from gateway.webhooks.naming import Naming
from services.calls.api import alert_rules
from services.kernel.dead_queues import DeadQueues, arrivals

if TYPE_CHECKING:
    from gateway.tokens import Tokens

log = structlog.get_logger(__name__)

PUBLIC = frozenset({"/health/live", "/health/ready", "/metrics", *PAGES})
SOURCES = "/v1/telephony/sources/"
POOL_SIZE = 4
POOL_TIMEOUT = 2.0  # seconds
TIDYING = 600.0  # seconds between deletions of old idempotency keys


def create_app(settings: Settings, ending: Ending | None = None) -> Manners:
    """The ASGI application; it connects to broker and database when it is started, and goes on trying for ever.

    Once the `ending` has begun, it lets go of those who listen.
    """
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
    naming = Naming(pool, rpc)
    routes = Routes(rpc, idempotency_keys, {alert_rules.prefix: naming.faults})
    health = Health(pool, publisher, depths, rpc)
    allowances = Allowances(settings.rate_limit, settings.rate_window)
    authenticator = Authenticator(pool, tokens, allowances)
    sources = Sources(lambda name: source_to_read(rpc, name), lambda: sources_with_proof(rpc))
    access = SourceAccess(sources, authenticator, allowances, settings.public_address)
    feeds = {adapter.path: Feed(adapter, access, publisher, settings.queues) for adapter in ADAPTERS}

    @asynccontextmanager
    async def running(_app: Any) -> AsyncIterator[None]:
        await pool.open()
        await broker.start()
        await rpc.start()
        background = [asyncio.create_task(_tidy(idempotency_keys)), asyncio.create_task(sources.follow())]
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            await rpc.stop()
            await broker.stop()
            if tokens:
                await tokens.close()
            await pool.close()

    entries = [
        Entry("POST", PATH, Ingest(publisher, settings.queues, lambda: sources.guarded).events),
        *(Entry("POST", path, feed.receive) for path, feed in feeds.items()),
        *ApiKeys(pool).entries(),
        *(_heeded(entry, sources) for api in APIS for entry in routes.of(api)),
        *EventFeed(rpc, APIS).entries(),
        *ReportDownloads(pool, rpc, settings.delivery_days).entries(),
        *LiveStream(rpc, authenticator, ending or Ending(), settings.live_listeners).entries(),
        *Connections(pool, idempotency_keys, settings.secrets).entries(),
        *CrmDeliveries(pool, settings.secrets).entries(),
        *WebhookEndpoints(pool, idempotency_keys, APIS, settings, naming).entries(),
        *DeliveryLog(pool).entries(),
        *DeadLetters(DeadQueues(settings.amqp_url, arrivals(settings.queues, SERVICES))).entries(),
        *Documentation(APIS, ADAPTERS).entries(),
        Entry("GET", "/health/live", health.live),
        Entry("GET", "/health/ready", health.ready),
        Entry("GET", "/metrics", health.metrics),
    ]
    return Manners(Endpoints(entries, running), authenticator, Unguarded(PUBLIC | feeds.keys()))


def _heeded(entry: Entry, sources: Sources) -> Entry:
    """A command on a source is heeded by this gateway before it is answered; by others a few seconds later."""
    if entry.method == "PUT" and entry.path.startswith(SOURCES):
        return entry._replace(handler=sources.heeding(entry.handler))
    return entry


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
