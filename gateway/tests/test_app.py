"""The whole gateway on the real broker and database, without the services behind it."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pika
import pytest
from psycopg import AsyncConnection

from gateway.app import create_app
from gateway.ingest import PATH
from gateway.keys import KeyTerms, create_key
from gateway.roles import SCOPES
from gateway.settings import Settings
from gateway.tests.fakes import a_fact
from services.kernel.ingest_queues import IngestQueues

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def running(app):
    """Starts and stops an application as a server does."""
    to_app, from_app = asyncio.Queue(), asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan", "app": app}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    yield
    await to_app.put({"type": "lifespan.shutdown"})
    assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
    await life


@pytest.fixture
def queues(amqp_url):
    name = "test.gateway.app"
    queues = IngestQueues((f"{name}.0", f"{name}.1"), exchange=name)
    yield queues
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    with connection, connection.channel() as channel:
        channel.exchange_delete(queues.exchange)
        for queue in queues.names:
            channel.queue_delete(queue)
            channel.queue_delete(f"{queue}.dead")


async def test_facts_are_in_the_queues_once_they_are_acknowledged(gateway_url, amqp_url, queues):
    async with await AsyncConnection.connect(gateway_url) as connection:
        _, key = await create_key(connection, KeyTerms("test", frozenset(SCOPES)), "a test")
    app = create_app(Settings(gateway_url, amqp_url, queues=queues))
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {key}"}
    async with running(app), httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as http:
        async with asyncio.timeout(10):
            while (await http.get("/health/ready")).json()["dependencies"]["broker"] != "up":
                await asyncio.sleep(0.05)
        facts = [a_fact(id=f"f-{n}", call_id=f"c-{n}") for n in range(50)]
        answers = await asyncio.gather(*(http.post(PATH, json=fact) for fact in facts))
        assert {answer.status_code for answer in answers} == {202}
        unready = await http.get("/health/ready")
        assert unready.status_code == 503
        assert unready.json()["dependencies"]["database"] == "up"
        assert "not running" in unready.json()["dependencies"]["calls"]
        assert (await http.get("/v1/live")).json()["code"] == "service.unavailable"
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    with connection, connection.channel() as channel:
        stored = 0
        for queue in queues.names:
            for method, properties, _body in channel.consume(queue, inactivity_timeout=0.5):
                if method is None:
                    break
                stored += properties.headers["facts"]
            channel.cancel()
    assert stored == 50
