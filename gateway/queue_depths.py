"""How many messages wait in the ingest queues, as the broker counts them."""

import asyncio
from typing import Any

from pika.channel import Channel

from gateway.broker import Broker
from services.kernel.ingest_queues import IngestQueues
from services.kernel.values import Unavailable

DEADLINE = 2.0  # seconds


class QueueDepths:
    """Asks the broker on a channel of its own."""

    def __init__(self, broker: Broker, queues: IngestQueues) -> None:
        self._queues = queues
        self._channel: Channel | None = None
        self._answers: set[asyncio.Future[int]] = set()
        broker.on_channel(self._prepare)
        broker.on_lost(self._lost)

    async def ready_messages(self) -> int:
        """Messages that no consumer has yet, in all ingest queues.

        Raises:
            Unavailable: the broker is away or does not answer.
        """
        channel = self._channel
        if channel is None or not channel.is_open:
            raise Unavailable("the broker is away")
        answers = [self._ask(channel, name) for name in self._queues.names]
        self._answers.update(answers)
        try:
            async with asyncio.timeout(DEADLINE):
                return sum(await asyncio.gather(*answers))
        except TimeoutError as error:
            raise Unavailable("the broker does not answer") from error
        finally:
            self._answers.difference_update(answers)

    def _ask(self, channel: Channel, queue: str) -> "asyncio.Future[int]":
        answer = asyncio.get_running_loop().create_future()

        def counted(frame: Any) -> None:
            if not answer.done():
                answer.set_result(frame.method.message_count)

        channel.queue_declare(queue, passive=True, callback=counted)
        return answer

    def _prepare(self, channel: Channel) -> None:
        for method, arguments in self._queues.plan():
            getattr(channel, method)(**arguments)
        self._channel = channel

    def _lost(self) -> None:
        self._channel = None
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(Unavailable("the broker is away"))
