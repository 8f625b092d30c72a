"""Calls from the gateway's client to a service, over the broker."""

import asyncio
import signal
from contextlib import asynccontextmanager

import pytest

from gateway.rpc import DeadlinePassed, RemoteError, RpcClient
from services.kernel.tests.messaging.harness import eventually, python
from services.kernel.tests.messaging.proxy import Proxy
from services.kernel.values import Unavailable


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def client_at(url):
    client = RpcClient(url)
    await client.start()
    try:
        await until(lambda: client.ready)
        yield client
    finally:
        await client.stop()


async def answered(client, service, method, kwargs):
    """The answer, once the service is up."""
    for _ in range(1000):
        try:
            return await client.call(service, method, kwargs)
        except Unavailable:
            await asyncio.sleep(0.02)
    raise AssertionError(f"{service} never came up")


def test_many_calls_at_once_get_each_its_own_answer(amqp_url, desk, serve):
    async def scenario():
        async with client_at(amqp_url) as client:
            await answered(client, desk.queue, "echo", {})
            calls = [client.call(desk.queue, "echo", {"number": number}) for number in range(200)]
            assert await asyncio.gather(*calls) == [{"number": number} for number in range(200)]

    with serve("Echo") as served:
        asyncio.run(scenario())
        assert served.stop() == 0


def test_a_service_that_is_not_running_is_told_at_once(amqp_url):
    async def scenario():
        async with client_at(amqp_url) as client:
            with pytest.raises(Unavailable, match="nobody is not running"):
                await client.call("nobody", "echo", {}, deadline=30)

    asyncio.run(scenario())


def test_no_answer_in_time(amqp_url, desk, serve):
    async def scenario():
        async with client_at(amqp_url) as client:
            await answered(client, desk.queue, "echo", {})
            with pytest.raises(DeadlinePassed, match=r"no answer within 0\.2 s"):
                await client.call(desk.queue, "slow", {"seconds": 2}, deadline=0.2)
            assert await client.call(desk.queue, "echo", {"still": "well"}) == {"still": "well"}

    with serve("Echo"):
        asyncio.run(scenario())


def test_failures_reach_the_caller_by_name(amqp_url, desk, serve):
    async def scenario():
        async with client_at(amqp_url) as client:
            await answered(client, desk.queue, "echo", {})
            with pytest.raises(Unavailable, match="the database is away"):
                await client.call(desk.queue, "fails", {"how": "away"})
            for method, kwargs, kind in [
                ("fails", {"how": "broken"}, "ValueError"),
                ("fails", {"what": "?"}, "IncorrectSignature"),
                ("nothing", {}, "MethodNotFound"),
            ]:
                with pytest.raises(RemoteError) as raised:
                    await client.call(desk.queue, method, kwargs)
                assert raised.value.kind == kind

    with serve("Echo"):
        asyncio.run(scenario())


def test_client_and_service_come_back_after_the_broker_was_away(desk, serve, door):
    async def scenario():
        async with client_at(door.url) as client:
            await answered(client, desk.queue, "echo", {})
            under_way = asyncio.create_task(client.call(desk.queue, "slow", {"seconds": 0.5}))
            await until(lambda: served.journal("slow begun"))
            door.close()
            with pytest.raises(Unavailable, match="lost before the answer"):
                await under_way
            with pytest.raises(Unavailable, match="cannot be reached"):
                await client.call(desk.queue, "echo", {})
            await until(lambda: served.journal("slow done"))
            again = Proxy(door.target, door.port)
            await until(lambda: client.ready)
            assert await answered(client, desk.queue, "echo", {"back": True}) == {"back": True}
        again.close()

    with serve("Echo", url=door.url) as served:
        asyncio.run(scenario())


def test_told_to_stop_it_answers_what_is_under_way(amqp_url, desk, serve):
    async def scenario():
        async with client_at(amqp_url) as client:
            await answered(client, desk.queue, "echo", {})
            under_way = asyncio.create_task(client.call(desk.queue, "slow", {"seconds": 0.3}))
            await until(lambda: served.journal("slow begun"))
            served.process.send_signal(signal.SIGTERM)
            assert await under_way is None

    with serve("Echo") as served:
        asyncio.run(scenario())
        assert eventually(lambda: served.process.poll() is not None)
        assert served.process.returncode == 0


def test_the_client_loads_no_nameko():
    done = python("import sys, gateway.rpc; print({'nameko', 'eventlet', 'kombu'} & set(sys.modules))")
    assert done.stdout.strip() == "set()", done.stderr
