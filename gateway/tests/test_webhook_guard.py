"""Where no webhook may be sent, and which connections are used again."""

import asyncio
import socket

import httpx
import pytest

from gateway.deliveries.guard import GuardedTransport, Resolver
from gateway.tests.certificates import tls_for
from gateway.tests.receiver import receiving
from gateway.tests.webhook_harness import LOOPBACK, RUNG, attempted, rung, serving, until
from gateway.webhooks.endpoints import PATH
from gateway.webhooks.log import PATH as LOG

pytestmark = pytest.mark.anyio


@pytest.fixture
def names(monkeypatch):
    """What names mean, each time that they are looked up: the last of its addresses for ever."""
    known, asked = {}, []

    def look_up(host, port, **_options):
        asked.append(host)
        addresses = known[host]
        address = addresses.pop(0) if len(addresses) > 1 else addresses[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr("gateway.deliveries.guard.socket.getaddrinfo", look_up)
    return known, asked


def through(allowed=LOOPBACK, tls=None):
    return httpx.AsyncClient(transport=GuardedTransport(Resolver(allowed), tls))


async def test_a_name_that_means_something_else_later_leads_nowhere_else(names, receiver):
    known, asked = names
    port = httpx.URL(receiver.url).port
    known["rebinds.example"] = ["127.0.0.1", "10.0.0.1", "127.0.0.1"]
    async with through() as http:
        assert (await http.post(f"http://rebinds.example:{port}/")).status_code == 204
    async with through() as http:
        with pytest.raises(httpx.ConnectError, match=r"10\.0\.0\.1"):
            await http.post(f"http://rebinds.example:{port}/")
    assert (len(asked), len(receiver.posted)) == (2, 1)


async def test_what_was_public_when_the_endpoint_was_made_is_looked_at_again(names, pool, receiver):
    known, _ = names
    known["moves.example"] = ["93.184.216.34", "127.0.0.1"]
    async with serving(pool, allowed_networks=()) as plateau:
        url = f"https://moves.example:{httpx.URL(receiver.url).port}/"
        made = await plateau.http.post(PATH, json={"url": url, "types": [RUNG]})
        assert made.status_code == 201
        await plateau.happens(rung())
        [delivery] = await until(lambda: plateau.deliveries(status="due"))
        await until(lambda: attempted(plateau, delivery["id"], 1))
        [attempt] = (await plateau.shown(f"{LOG}/{delivery['id']}"))["attempts_made"]
    assert "127.0.0.1, where nothing may be sent" in attempt["reason"]
    assert receiver.posted == []


async def test_without_tls_only_to_what_is_allowed(names):
    names[0]["public.example"] = ["93.184.216.34"]
    async with through() as http:
        with pytest.raises(httpx.ConnectError, match="where nothing may be sent"):
            await http.post("http://public.example/")


async def test_tls_verifies_the_name_though_the_address_was_chosen_by_us(names, tmp_path):
    known, _ = names
    known |= {"right.example": ["127.0.0.1"], "wrong.example": ["127.0.0.1"]}
    server, trusting = tls_for("right.example", tmp_path)
    with receiving(tls=server) as receiver:
        port = httpx.URL(receiver.url).port
        async with through(tls=trusting) as http:
            assert (await http.post(f"https://right.example:{port}/")).status_code == 204
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await http.post(f"https://wrong.example:{port}/")
        async with through() as http:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await http.post(f"https://right.example:{port}/")


async def test_a_connection_is_used_again_until_its_receiver_ends_it(receiver):
    async with through() as http:
        for _ in range(3):
            assert (await http.post(receiver.url)).status_code == 204
        assert len(receiver.connections) == 1
        await asyncio.gather(*(http.post(receiver.url) for _ in range(4)))
        before = len(receiver.connections)
        assert before <= 4
        for connection in receiver.connections:
            connection.shutdown(socket.SHUT_RDWR)
        assert (await http.post(receiver.url)).status_code == 204
        assert len(receiver.connections) == before + 1


async def test_connections_that_nobody_uses_any_more_are_closed_by_what_goes_to_others(receiver, monkeypatch):
    monkeypatch.setattr("gateway.deliveries.guard.KEPT_OPEN", 0.2)
    with receiving() as other:
        async with through() as http:
            await http.post(other.url)
            [kept] = other.connections
            await asyncio.sleep(0.3)
            await http.post(receiver.url)
            await until(lambda: kept.fileno() == -1)


async def test_head_and_body_of_a_request_travel_together():
    came = []

    async def answer(reader, writer):
        came.append(await reader.read(65_536))
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, through() as http:
        port = server.sockets[0].getsockname()[1]
        assert (await http.post(f"http://127.0.0.1:{port}/", content=b"all of it")).status_code == 413
        assert came[0].endswith(b"\r\n\r\nall of it")
