"""CRMs in tests: all that stands between the calls service and servers that behave as the providers' documents say."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import orjson
import pytest
from psycopg_pool import AsyncConnectionPool

from conftest import fresh_database
from gateway.crm.channel import CompletedCalls
from gateway.crm.connections import CALLS, COMPLETED
from gateway.crm.endpoints import PATH, Connections
from gateway.crm.inbound import Changes
from gateway.crm.log import CrmDeliveries
from gateway.crm.providers import Providers
from gateway.deliveries import queue
from gateway.deliveries.sender import Sender
from gateway.idempotency import IdempotencyKeys
from gateway.sealing import SecretBox
from gateway.tests.crm_providers import HubSpotLike, SalesforceLike, ZendeskLike
from gateway.tests.fakes import client
from gateway.tests.test_crm_calls import view

SECRET = "secret-01"
BOX = SecretBox(bytes(32))
REFRESHED = {"client_secret": "secret-01", "refresh_token": "refresh-0"}


class Service:
    """The calls service as the gateway asks it: it shows calls, and keeps the orders that it was given."""

    def __init__(self):
        self.views, self.orders = {}, []

    async def call(self, service, method, message):
        assert service == "calls"
        if method == "execute":
            self.orders.append((message["use_case"], message["key"], message["body"]))
            return {"id": message["key"], "version": 1, "position": "1.1", "created": True}
        found = self.views.get(message["parameters"]["id"])
        return {"body": orjson.dumps(found).decode()} if found else {"refused": {"code": "request.not_found"}}


class Centre:
    """Everything between the calls service and the CRMs; `run` sends what is due, once each."""

    def __init__(self, pool, http):
        self.pool, self.service = pool, Service()
        providers = Providers(pool, BOX, http)
        self.channels = [CompletedCalls(pool, self.service, providers), Changes(pool, self.service, providers)]
        self.sender = Sender(pool, self.channels)
        entries = [*Connections(pool, IdempotencyKeys(pool), BOX).entries(), *CrmDeliveries(pool, BOX).entries()]
        self.http = client(entries)

    async def connect(self, provider, crm, secrets=None, settings=None, **terms):
        """A connection, as somebody makes it over HTTP; its path."""
        address = {"url": crm.url} if provider == "generic" else {"base_url": crm.url}
        secrets = secrets or {"access_token": crm.token}
        order = {"name": "a CRM", "provider": provider, "settings": address | (settings or {}), "secrets": secrets}
        made = await self.http.post(PATH, json=order | terms)
        assert made.status_code == 201, made.text
        return made.headers["location"]

    async def complete(self, revision=1, **changes):
        """A call is completed, or corrected: the event of it is heard."""
        call = changes.setdefault("id", str(uuid4()))
        self.service.views[call] = view(**changes)
        event = {"id": str(uuid4()), "type": COMPLETED, "subject": call, "revision": revision,
                 "data": {"call": call, "queues": ["sales"]}}  # fmt: skip
        async with self.pool.connection() as db:
            await queue.write(db, CALLS, await self.channels[0].wanted(db, [event]))
        await self.run()
        return call

    async def run(self):
        """Sends what is due until nothing is."""
        while True:
            await self.sender._start_due()
            if not (tasks := set(self.sender._tasks)):
                return
            for task in tasks:
                await task

    async def later(self):
        """Whatever waits is due now, and nobody is held."""
        async with self.pool.connection() as db:
            await db.execute("UPDATE deliveries SET due_at = now()")
            await db.execute("UPDATE delivery_targets SET held_until = NULL")
        await self.run()

    async def log(self, path, **asked):
        """The deliveries over a connection, the latest first."""
        answer = await self.http.get(f"{path}/deliveries", params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    async def shown(self, path):
        return (await self.http.get(path)).json()


@pytest.fixture(scope="module")
def database(postgres_url):
    yield from fresh_database(postgres_url, "gateway")


@pytest.fixture
async def centre(database):
    async with AsyncConnectionPool(database, min_size=1, max_size=6) as pool, httpx.AsyncClient(timeout=5) as http:
        async with pool.connection() as db:
            await db.execute("DELETE FROM crm_connections")
            await db.execute("DELETE FROM deliveries")
            await db.execute("DELETE FROM delivery_targets")
        made = Centre(pool, http)
        async with made.http:
            yield made


@pytest.fixture
def hubspot():
    with HubSpotLike.serving() as crm:
        yield crm


@pytest.fixture
def salesforce():
    with SalesforceLike.serving() as crm:
        yield crm


@pytest.fixture
def zendesk():
    with ZendeskLike.serving() as crm:
        yield crm


@asynccontextmanager
async def asyncio_background(work):

    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
