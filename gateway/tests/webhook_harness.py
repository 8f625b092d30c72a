"""Webhooks in tests: a gateway and a sender on one database, and what happens there."""

import asyncio
import base64
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries import queue
from gateway.deliveries.sender import Sender
from gateway.idempotency import IdempotencyKeys
from gateway.networks import networks
from gateway.sealing import SecretBox
from gateway.settings import Settings
from gateway.tests.fakes import ADMINISTRATOR, client
from gateway.tests.receiver import receiving
from gateway.webhooks.channel import NAME, Webhooks
from gateway.webhooks.endpoints import PATH, WebhookEndpoints
from gateway.webhooks.log import PATH as LOG
from gateway.webhooks.log import DeliveryLog
from gateway.webhooks.naming import Naming
from services.kernel import decider
from services.kernel.declarations import Api

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
KEY = base64.b64encode(bytes(32)).decode()
LOOPBACK = networks("127.0.0.0/8")


@decider.event("bell_rung")
class BellRung:
    """A bell was rung."""


@decider.event("door_opened")
class DoorOpened:
    """A door was opened."""


BELLS = Api("bells")
BELLS.publishes(BellRung, DoorOpened)
RUNG, OPENED = "plateau.bells.bell_rung", "plateau.bells.door_opened"


def rung(number=1, kind=RUNG, at="2026-11-21T09:00:00Z"):
    return {"id": str(uuid4()), "type": kind, "subject": "b-1", "revision": number, "time": at, "data": {"n": number}}


class NoRules:
    """The calls service of a centre without alert rules."""

    async def call(self, *_, **__):
        return {"body": '{"items": [], "next": null}'}


class Plateau:
    """A gateway and a sender of deliveries on one database."""

    def __init__(self, pool, http, channel, sender):
        self.pool, self.http, self.channel, self.sender = pool, http, channel, sender

    async def endpoint(self, receiver, *types):
        """A new endpoint at a receiver: its path and its secret."""
        made = await self.http.post(PATH, json={"url": receiver.url, "types": list(types or [RUNG])})
        assert made.status_code == 201, made.text
        return made.headers["location"], made.json()["secret"]

    async def happens(self, *events):
        """Public events, as the reader of them writes them down."""
        async with self.pool.connection() as db:
            await queue.write(db, NAME, await self.channel.wanted(db, events))
        self.sender.wake()

    async def types(self):
        """The types of events that are read for it."""
        async with self.pool.connection() as db:
            return await self.channel.types(db)

    async def deliveries(self, **asked):
        page = (await self.http.get(LOG, params=asked)).json()
        return page["items"]

    async def shown(self, path):
        return (await self.http.get(path)).json()

    async def change(self, statement, *values):
        async with self.pool.connection() as db:
            await db.execute(statement, values)
        self.sender.wake()


@pytest.fixture
async def pool(gateway_url):
    async with AsyncConnectionPool(gateway_url, min_size=1, max_size=8, open=False, timeout=5) as pool:
        yield pool


@asynccontextmanager
async def serving(pool, actor=ADMINISTRATOR, **settings):
    """The gateway's pages of webhooks, and a sender."""
    about = {"secrets": SecretBox.from_text(KEY), "allowed_networks": LOOPBACK, "delivery_timeout": 1, **settings}
    chosen = Settings(pool.conninfo, "amqp://localhost", **about)
    channel = Webhooks(chosen, pool)
    sender = Sender(pool, [channel])
    task = asyncio.create_task(sender.run())
    entries = [
        *WebhookEndpoints(pool, IdempotencyKeys(pool), [BELLS], chosen, Naming(pool, NoRules())).entries(),
        *DeliveryLog(pool).entries(),
    ]
    try:
        async with client(entries, actor) as http:
            yield Plateau(pool, http, channel, sender)
    finally:
        sender.stop()
        await task
        await channel.close()


@pytest.fixture
async def plateau(pool):
    async with serving(pool) as plateau:
        yield plateau


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


async def until(condition, within=10):
    """What a condition, which may be awaited, comes to once it is true."""
    async with asyncio.timeout(within):
        while True:
            result = condition()
            if result := (await result if asyncio.iscoroutine(result) else result):
                return result
            await asyncio.sleep(0.01)


async def settled(plateau, status, count=1):
    async def are():
        found = await plateau.deliveries(status=status)
        return len(found) == count and found

    return await until(are)


async def attempted(plateau, delivery, times):
    return len((await plateau.shown(f"{LOG}/{delivery}"))["attempts_made"]) == times
