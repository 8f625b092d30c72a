"""The process that delivers, killed while it sends."""

import os
import subprocess
import sys
import threading
from uuid import UUID

import pytest

from gateway.deliveries import queue
from gateway.tests.receiver import Reply
from gateway.tests.webhook_harness import KEY, rung, serving, until
from gateway.webhooks.channel import NAME, Webhooks

pytestmark = pytest.mark.anyio


def serve(gateway_url, amqp_url):
    settings = {
        "PLATEAU_GATEWAY_DATABASE_URL": gateway_url,
        "PLATEAU_AMQP_URL": amqp_url,
        "PLATEAU_GATEWAY_KEY": KEY,
        "PLATEAU_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PLATEAU_LOG_LEVEL": "error",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "infra.command_line", "serve", "deliveries"], env=os.environ | settings
    )


async def test_a_process_that_is_killed_while_it_sends_repeats_at_most_what_it_had_in_hand(
    pool, receiver, gateway_url, amqp_url
):
    async with serving(pool) as plateau:
        path, secret = await plateau.endpoint(receiver)
    stuck = threading.Event()

    def wait(posted):
        if len(receiver.posted) > 20:
            stuck.wait(20)
        return Reply()

    receiver.answer = wait
    endpoint, events = UUID(path.rpartition("/")[2]), [rung(number) for number in range(30)]
    async with pool.connection() as db:
        await queue.write(db, NAME, [queue.Wanted(endpoint, event) for event in events])
    first = serve(gateway_url, amqp_url)
    try:
        await until(lambda: len(receiver.posted) >= 30, 20)
        before = list(receiver.ids)
    finally:
        first.kill()
        first.wait()
        stuck.set()
    async with pool.connection() as db:
        await db.execute("UPDATE deliveries SET leased_until = now() WHERE leased_until IS NOT NULL")
    second = serve(gateway_url, amqp_url)
    try:

        async def are_all():
            async with pool.connection() as db:
                row = await (await db.execute("SELECT count(*) FROM deliveries WHERE status = 'delivered'")).fetchone()
            return row[0] == 30

        await until(are_all, 20)
    finally:
        second.terminate()
    assert second.wait(20) == 0
    assert set(receiver.ids) == {event["id"] for event in events}
    assert 0 < len(receiver.posted) - len(before) <= Webhooks.lanes
    for posted in receiver.posted:
        posted.verified(secret)
