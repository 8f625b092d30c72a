"""Calls to the services: an asyncio client that speaks Nameko's RPC protocol on pika."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import orjson
from pika import BasicProperties
from pika.channel import Channel
from pika.spec import Basic

from gateway.broker import Broker
from services.kernel.amqp import RPC_EXCHANGE
from services.kernel.values import Unavailable


class DeadlinePassed(Exception):  # noqa: N818 - an outcome that the caller answers, not a mistake
    """No answer came in time. Whether the call had an effect is unknown: repeating a command is safe by its id."""


class RemoteError(Exception):
    """The service failed at a call that it received: `kind` is the class of its exception."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind


class RpcClient:
    """Calls methods of services, any number at a time, over one connection that comes back by itself."""

    def __init__(self, url: str) -> None:
        self.broker = Broker(url)
        self.broker.on_channel(self._prepare)
        self.broker.on_lost(self._lost)
        self._channel: Channel | None = None
        self._reply_to = ""
        self._awaited: dict[str, asyncio.Future[Any]] = {}

    @property
    def ready(self) -> bool:
        """Whether calls can be sent and answered now."""
        return self._channel is not None and not self.broker.blocked

    async def start(self) -> None:
        """Begin to connect; does not wait for the broker."""
        await self.broker.start()

    async def stop(self) -> None:
        """Close the connection; calls still under way raise `Unavailable`."""
        await self.broker.stop()

    async def call(
        self,
        service: str,
        method: str,
        kwargs: Mapping[str, Any],
        *,
        deadline: float = 5.0,
        request_id: str | None = None,
        traceparent: str | None = None,
    ) -> Any:
        """The result of `service.method(**kwargs)`, decoded from JSON, within `deadline` seconds.

        The message expires with the deadline, so that a service that comes back does not work on what nobody awaits.

        Raises:
            Unavailable: the broker is away, the service is not running, or says that what it needs is away.
            DeadlinePassed: no answer in time.
            RemoteError: the service raised anything else.

        """
        channel = self._channel
        if channel is None or self.broker.blocked:
            raise Unavailable("The message broker cannot be reached; try again in a moment.")
        call_id = str(uuid4())
        headers = {"nameko.call_id_stack": [f"gateway.{request_id or call_id}"]}
        if traceparent:
            headers["nameko.traceparent"] = traceparent
        answer = self._awaited[call_id] = asyncio.get_running_loop().create_future()
        try:
            channel.basic_publish(
                RPC_EXCHANGE,
                f"{service}.{method}",
                orjson.dumps({"args": (), "kwargs": kwargs}),
                BasicProperties(
                    content_type="application/json",
                    content_encoding="utf-8",
                    headers=headers,
                    reply_to=self._reply_to,
                    correlation_id=call_id,
                    expiration=str(int(deadline * 1000)),
                ),
                mandatory=True,
            )
            async with asyncio.timeout(deadline):
                return await answer
        except TimeoutError as error:
            raise DeadlinePassed(f"{service}.{method} gave no answer within {deadline:g} s.") from error
        finally:
            del self._awaited[call_id]

    def _prepare(self, channel: Channel) -> None:
        # Nameko answers through its own exchange, so RabbitMQ's direct reply-to is of no use here.
        reply_to = str(uuid4())
        queue = f"rpc.reply-gateway-{reply_to}"

        def consuming(_frame: object) -> None:
            self._channel, self._reply_to = channel, reply_to

        channel.add_on_return_callback(self._returned)
        channel.exchange_declare(RPC_EXCHANGE, "topic", durable=True)
        channel.queue_declare(queue, exclusive=True, auto_delete=True)
        channel.queue_bind(queue, RPC_EXCHANGE, reply_to)
        channel.basic_consume(queue, self._answered, auto_ack=True, exclusive=True, callback=consuming)

    def _lost(self) -> None:
        self._channel = None
        for answer in self._awaited.values():
            if not answer.done():
                answer.set_exception(Unavailable("The connection to the broker was lost before the answer came."))

    def _returned(self, _channel: Channel, how: Basic.Return, properties: BasicProperties, _body: bytes) -> None:
        answer = self._awaited.get(properties.correlation_id)
        if answer is not None and not answer.done():
            service = how.routing_key.partition(".")[0]
            answer.set_exception(Unavailable(f"The service {service} is not running; try again in a moment."))

    def _answered(self, _channel: Channel, _how: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
        answer = self._awaited.get(properties.correlation_id)
        if answer is None or answer.done():  # its deadline has passed
            return
        message = orjson.loads(body)
        error = message.get("error")
        if error is None:
            answer.set_result(message["result"])
        elif error["exc_type"] == Unavailable.__name__:
            answer.set_exception(Unavailable(error["value"]))
        else:
            answer.set_exception(RemoteError(error["exc_type"], error["value"]))
