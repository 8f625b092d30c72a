"""The channels of CRMs put together."""

from importlib.metadata import version

import httpx
from psycopg_pool import AsyncConnectionPool

from gateway.crm.channel import CompletedCalls
from gateway.crm.inbound import Changes
from gateway.crm.providers import Providers
from gateway.deliveries.channel import Channel
from gateway.deliveries.guard import GuardedTransport, Resolver
from gateway.rpc import RpcClient
from gateway.settings import Settings


def crm_channels(settings: Settings, pool: AsyncConnectionPool, rpc: RpcClient) -> list[Channel]:
    """Calls on their way out and people on their way in; none where the gateway can keep no secrets."""
    if settings.secrets is None:
        return []
    http = httpx.AsyncClient(
        transport=GuardedTransport(Resolver(settings.allowed_networks)),
        timeout=settings.delivery_timeout,
        headers={"User-Agent": f"Plateau/{version('plateau')}"},
    )
    providers = Providers(pool, settings.secrets, http)
    return [CompletedCalls(pool, rpc, providers), Changes(pool, rpc, providers)]
