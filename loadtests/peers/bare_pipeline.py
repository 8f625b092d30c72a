"""The least that can take a fact in durably over HTTP: no authentication, no validation, no identity, no read model.

A raw ASGI application publishes each body to a quorum queue, one message and one publisher confirm per request, any
number of confirms under way at once, and answers 202 when the confirm is in. A consumer copies the bodies into one
table. Two processes, each as quick as pika and psycopg allow: what is left of this rate is the price of all else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click
import pika
import psycopg
import uvicorn
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel

QUEUE = "bare_pipeline.ingest"
TABLE = "bare_pipeline"
BATCH = 2000
BATCH_SECONDS = 0.010

_PERSISTENT = pika.BasicProperties(delivery_mode=2, content_type="application/json")
_QUEUE_ARGUMENTS = {
    "x-queue-type": "quorum",
    "x-single-active-consumer": True,
    "x-overflow": "reject-publish",
    "x-max-length-bytes": 1 << 30,
}


class _JoinedWrites(AsyncioConnection):
    """Writes what one turn of the loop has to say in one piece; pika alone makes three system calls of each message."""

    _pending: bytearray | None = None

    def _adapter_emit_data(self, data: bytes) -> None:
        if self._pending is None:
            self._pending = bytearray()
            asyncio.get_running_loop().call_soon(self._write_pending)
        self._pending += data

    def _write_pending(self) -> None:
        pending, self._pending = self._pending, None
        super()._adapter_emit_data(bytes(pending))


async def _channel(amqp_url: str) -> Channel:
    """An open channel on which the queue exists. A lost connection ends the process: there is nothing to save here."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[Channel] = loop.create_future()

    def opened(channel: Channel) -> None:
        channel.queue_declare(
            QUEUE, durable=True, arguments=_QUEUE_ARGUMENTS, callback=lambda _ok: ready.set_result(channel)
        )

    def failed(_connection: Any, reason: BaseException) -> None:
        if ready.done():
            loop.stop()
        else:
            ready.set_exception(reason)

    _JoinedWrites(
        pika.URLParameters(amqp_url),
        on_open_callback=lambda connection: connection.channel(on_open_callback=opened),
        on_open_error_callback=failed,
        on_close_callback=failed,
        custom_ioloop=loop,
    )
    return await ready


class Publisher:
    """Publishes with confirms and tells each request when its own has come."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._tag = 0
        self._lowest = 1
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._loop = asyncio.get_running_loop()
        channel.confirm_delivery(self._confirmed)

    def publish(self, body: bytes) -> Awaitable[bool]:
        """Publish a body; what is awaited tells whether the broker has it."""
        self._channel.basic_publish("", QUEUE, body, _PERSISTENT)
        self._tag += 1
        confirm = self._waiting[self._tag] = self._loop.create_future()
        return confirm

    def _confirmed(self, frame: Any) -> None:
        method = frame.method
        taken = isinstance(method, pika.spec.Basic.Ack)
        first = self._lowest if method.multiple else method.delivery_tag
        for tag in range(first, method.delivery_tag + 1):
            confirm = self._waiting.pop(tag, None)
            if confirm and not confirm.done():
                confirm.set_result(taken)
        if method.multiple:
            self._lowest = method.delivery_tag + 1


def application(amqp_url: str) -> Callable[..., Awaitable[None]]:
    """The ASGI application: any POST is a fact."""
    accepted = {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"14")]}
    refused = {"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"14")]}
    answers = {True: (accepted, b'{"accepted":1}'), False: (refused, b'{"accepted":0}')}
    publisher: Publisher

    async def lifespan(receive: Callable[[], Awaitable[dict[str, Any]]], send: Callable[..., Awaitable[None]]) -> None:
        nonlocal publisher
        await receive()
        publisher = Publisher(await _channel(amqp_url))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Awaitable[None]]) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        start, answer = answers[await publisher.publish(body)]
        await send(start)
        await send({"type": "http.response.body", "body": answer})

    return app


class Consumer:
    """Copies bodies into the table, up to 2 000 or 10 ms of them at a time, and acknowledges them once committed."""

    def __init__(self, channel: Channel, postgres_url: str) -> None:
        self._channel = channel
        self._bodies: list[bytes] = []
        self._last_tag = 0
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._connection = psycopg.connect(postgres_url, autocommit=True)
        channel.basic_qos(prefetch_count=2 * BATCH)
        channel.basic_consume(QUEUE, self._received)

    def _received(self, _channel: Channel, method: Any, _properties: Any, body: bytes) -> None:
        self._bodies.append(body)
        self._last_tag = method.delivery_tag
        self._arrived.set()
        if len(self._bodies) >= BATCH:
            self._full.set()

    async def run(self) -> None:
        """Store batches for ever; while one is copied, the next one gathers."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as copier:
            while True:
                await self._arrived.wait()
                if len(self._bodies) < BATCH:
                    loop.call_later(BATCH_SECONDS, self._full.set)
                    await self._full.wait()
                bodies, tag = self._bodies, self._last_tag
                self._bodies = []
                self._arrived.clear()
                self._full.clear()
                await loop.run_in_executor(copier, self._store, bodies)
                self._channel.basic_ack(tag, multiple=True)

    def _store(self, bodies: Iterable[bytes]) -> None:
        # COPY's text form: one row a line, so a backslash is doubled; JSON has no bare newline or tab left to escape.
        with self._connection.cursor().copy(f"COPY {TABLE} (body) FROM STDIN") as copy:
            copy.write(b"\n".join(bodies).replace(b"\\", b"\\\\") + b"\n")


async def _consume(amqp_url: str, postgres_url: str) -> None:
    await Consumer(await _channel(amqp_url), postgres_url).run()


def _serve(amqp_url: str, port: int) -> None:
    uvicorn.run(
        application(amqp_url),
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )


@click.command()
@click.argument("process", type=click.Choice(["gateway", "consumer"]))
@click.option("--amqp-url", required=True, help="Broker, as amqp://user:password@host:port/vhost.")
@click.option("--postgres-url", required=True, help="Database in which the table lies.")
@click.option("--port", type=int, default=8090, show_default=True, help="Port on 127.0.0.1.")
def main(process: str, amqp_url: str, postgres_url: str, port: int) -> None:
    """One process: the gateway publishes what comes over HTTP, the consumer copies it into the table."""
    if process == "gateway":
        _serve(amqp_url, port)
    else:
        with asyncio.Runner(loop_factory=uvicorn.config.Config("", loop="uvloop").get_loop_factory()) as runner:
            runner.run(_consume(amqp_url, postgres_url))


if __name__ == "__main__":
    main()
