"""`plateau serve deliveries`: the process that reads public events and sends deliveries."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import psycopg
import structlog
from prometheus_client import start_http_server
from psycopg_pool import AsyncConnectionPool

from gateway.contracts import APIS
from gateway.crm.channels import crm_channels
from gateway.deliveries import metrics, queue
from gateway.deliveries.channel import Channel
from gateway.deliveries.reader import Reader
from gateway.deliveries.sender import Sender
from gateway.deliveries.targets import WAKE
from gateway.exports import scheduled
from gateway.mail.channel import Mail
from gateway.rpc import RpcClient
from gateway.settings import Settings, SettingsError, from_environment
from gateway.webhooks.backfills import Backfills
from gateway.webhooks.channel import Webhooks
from services.kernel.backoff import pauses
from services.kernel.garbage import settle
from services.kernel.logs import configure

log = structlog.get_logger(__name__)

ALLOCATIONS = 1_000  # requests and answers of httpx hold each other: looked for rarely, they took 15 MB
POOL_SIZE = 6
POOL_TIMEOUT = 5.0  # seconds
SHOWN_EVERY = 5.0  # seconds between two looks at the backlog
FORGET_EVERY = 600.0  # seconds
FORGOTTEN_AT_ONCE = 5_000


def channels(settings: Settings, pool: AsyncConnectionPool, rpc: RpcClient) -> list[Channel]:
    """Every way out; a new one is a line here."""
    mail = [Mail(settings.mail, pool, rpc)] if settings.mail else []
    return [Webhooks(settings, pool), *crm_channels(settings, pool, rpc), *mail]


def run() -> None:
    """Delivers until SIGTERM or SIGINT; what is being sent then is finished first."""
    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    configure(settings.log_level)
    if port := os.environ.get("PLATEAU_METRICS_PORT"):
        start_http_server(int(port), os.environ.get("PLATEAU_METRICS_HOST", "127.0.0.1"))
    asyncio.run(_until_told_to_stop(settings))


async def _until_told_to_stop(settings: Settings) -> None:
    working = asyncio.create_task(deliver(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, working.cancel)
    settle(ALLOCATIONS)
    log.info("deliveries.started")
    try:
        await working
    except asyncio.CancelledError:
        log.info("deliveries.stopped")


async def deliver(settings: Settings) -> None:
    """Reads and sends until it is cancelled."""
    pool = AsyncConnectionPool(
        settings.database_url,
        min_size=1,
        max_size=POOL_SIZE,
        timeout=POOL_TIMEOUT,
        open=False,
        check=AsyncConnectionPool.check_connection,
        kwargs={"application_name": "plateau deliveries"},
    )
    rpc = RpcClient(settings.amqp_url)
    ways = channels(settings, pool, rpc)
    sender = Sender(pool, ways)
    await pool.open()
    await rpc.start()
    sending = asyncio.create_task(sender.run(), name="sender")
    others = [
        *(asyncio.create_task(Reader(api, rpc, pool, ways, sender.wake).run(), name=api.name) for api in APIS),
        asyncio.create_task(Backfills(rpc, pool, APIS).run(), name="back-fills"),
        asyncio.create_task(_listen(settings.database_url, sender), name="ear"),
        asyncio.create_task(_look_after(pool, ways, settings.delivery_days), name="backlog"),
    ]
    try:
        ended, _ = await asyncio.wait([sending, *others], return_when=asyncio.FIRST_COMPLETED)
        for task in ended:  # none ends but by a mistake
            task.result()
    finally:
        sender.stop()
        await _end(others)
        await asyncio.wait([sending])
        for channel in ways:
            await channel.close()
        await rpc.stop()
        await pool.close()


async def _end(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Cancels tasks until they are: before Python 3.12, `asyncio.wait_for`, with which a pool waits, may forget it."""
    while waiting := [task for task in tasks if not task.done()]:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=0.5)


async def _listen(database_url: str, sender: Sender) -> None:
    """Wakes the sender when the gateway has written something that is due, such as a replay."""
    for pause in pauses():
        try:
            async with await psycopg.AsyncConnection.connect(
                database_url, autocommit=True, application_name="plateau deliveries: ear"
            ) as connection:
                await connection.execute(f"LISTEN {WAKE}")
                async for _ in connection.notifies():
                    sender.wake()
        except psycopg.OperationalError as error:
            log.warning("deliveries.deaf", reason=str(error), retry_in=round(pause, 2))  # the sender looks by itself
            await asyncio.sleep(pause)


async def _look_after(pool: AsyncConnectionPool, ways: Sequence[Channel], days: int) -> None:
    """Shows the backlog, and forgets what is old."""
    loop = asyncio.get_running_loop()
    forgotten_at = float("-inf")
    while True:
        try:
            async with pool.connection() as db:
                metrics.show_backlog([channel.name for channel in ways], await queue.backlog(db))
            if loop.time() - forgotten_at > FORGET_EVERY:
                async with pool.connection() as db:
                    await scheduled.forget(db, days)
                    if await queue.forget(db, days, FORGOTTEN_AT_ONCE) < FORGOTTEN_AT_ONCE:
                        forgotten_at = loop.time()
        except psycopg.OperationalError as error:
            log.warning("deliveries.not_looked_after", reason=str(error))  # the next round does it
        await asyncio.sleep(SHOWN_EVERY)
