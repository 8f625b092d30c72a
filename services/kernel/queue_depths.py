"""How many messages wait in queues, for those who ask now and then and may block."""

from collections.abc import Sequence
from typing import Any

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from services.kernel.amqp import parameters
from services.kernel.values import Unavailable

NOT_FOUND = 404  # what the broker closes a channel with


def waiting(connection: Any, queue: str) -> int | None:
    """How many messages of a queue no consumer has in hand; None where there is no such queue."""
    channel = connection.channel()
    try:
        count = channel.queue_declare(queue, passive=True).method.message_count
    except ChannelClosedByBroker as closed:
        if closed.reply_code != NOT_FOUND:
            raise
        return None
    channel.close()
    return int(count)


def depths(amqp_url: str, queues: Sequence[str]) -> dict[str, int]:
    """How many messages wait in each of the queues that there are; raises Unavailable without a broker."""
    try:
        with pika.BlockingConnection(parameters(amqp_url, "queue depths")) as connection:
            found = {queue: waiting(connection, queue) for queue in queues}
    except (AMQPError, OSError) as error:
        raise Unavailable(f"The message broker cannot be reached, or does not answer: {error!r}") from error
    return {queue: count for queue, count in found.items() if count is not None}
