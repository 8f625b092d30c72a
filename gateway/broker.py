"""One AMQP connection, kept open for ever."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pika
import structlog
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import AMQPError, ConnectionWrongStateError

from services.kernel.amqp import FAREWELL, STEADY, parameters
from services.kernel.backoff import pauses

log = structlog.get_logger(__name__)


class OneSendATurn(AsyncioConnection):
    """Sends all that is written in one turn of the event loop with one system call; pika makes three of one message."""

    def __init__(self, parameters: pika.URLParameters, **callbacks: Callable[..., None]) -> None:
        self._written: list[bytes] = []
        super().__init__(parameters, **callbacks)

    def _adapter_emit_data(self, data: bytes) -> None:
        if not self._written:
            asyncio.get_running_loop().call_soon(self._send)
        self._written.append(data)

    def _send(self) -> None:
        data = b"".join(self._written)
        self._written.clear()
        if not self.is_closed:
            super()._adapter_emit_data(data)


class Broker:
    """Keeps a connection to the broker and hands out a fresh channel to everyone who asked, at each new connection.

    A channel that the broker closes (a declaration it refuses, say) takes the connection with it: all start anew.
    Every method is called, and every callback is run, in the event loop that `start` was called in.
    """

    def __init__(self, url: str) -> None:
        self._parameters = parameters(url, "plateau gateway")
        self._on_channel: list[Callable[[Channel], None]] = []
        self._on_lost: list[Callable[[], None]] = []
        self._connection: AsyncioConnection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._blocked = False

    @property
    def connected(self) -> bool:
        """Whether a connection is open now."""
        return self._connection is not None and self._connection.is_open

    @property
    def blocked(self) -> bool:
        """Whether the broker asked its publishers to pause (it is short of memory or disk)."""
        return self._blocked

    def on_channel(self, callback: Callable[[Channel], None]) -> None:
        """Have `callback` called with a fresh open channel at each new connection; ask before `start`."""
        self._on_channel.append(callback)

    def on_lost(self, callback: Callable[[], None]) -> None:
        """Have `callback` called each time an open connection is lost or closed: its channels are void."""
        self._on_lost.append(callback)

    async def start(self) -> None:
        """Begin to connect; does not wait for the broker."""
        self._keeper = asyncio.create_task(self._keep(), name="broker")

    async def stop(self) -> None:
        """Close the connection in good order and stop connecting."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        waits = pauses()
        while True:
            began = loop.time()
            reason = await self._live()
            if loop.time() - began > STEADY:
                waits = pauses()
            pause = next(waits)
            log.warning("broker.lost", reason=repr(reason), retry_in=round(pause, 2))
            await asyncio.sleep(pause)

    async def _live(self) -> BaseException:
        """Connect, and stay until the connection ends; returns why it did, or could not begin."""
        ended: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        connection = OneSendATurn(
            self._parameters,
            on_open_callback=self._opened,
            on_open_error_callback=lambda _connection, error: ended.set_result(_as_exception(error)),
            on_close_callback=lambda _connection, error: self._closed(ended, error),
        )
        try:
            # shielded: being cancelled must not mark `ended`, which the close below still waits for
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            with suppress(ConnectionWrongStateError):  # it is closing already
                connection.close()
            await asyncio.wait([ended], timeout=FAREWELL)
            raise

    def _opened(self, connection: AsyncioConnection) -> None:
        self._connection = connection
        connection.add_on_connection_blocked_callback(lambda *_: self._set_blocked(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(False))
        log.info("broker.connected", host=self._parameters.host, port=self._parameters.port)
        for callback in self._on_channel:
            connection.channel(on_open_callback=lambda channel, callback=callback: self._hand_out(channel, callback))

    def _hand_out(self, channel: Channel, callback: Callable[[Channel], None]) -> None:
        channel.add_on_close_callback(self._channel_closed)
        callback(channel)

    def _channel_closed(self, channel: Channel, reason: AMQPError) -> None:
        if channel.connection.is_open:
            log.error("broker.channel_closed", reason=repr(reason))
            channel.connection.close(reply_text="a channel was closed")

    def _set_blocked(self, blocked: bool) -> None:
        self._blocked = blocked
        log.warning("broker.blocked" if blocked else "broker.unblocked")

    def _closed(self, ended: "asyncio.Future[BaseException]", error: BaseException) -> None:
        self._connection, self._blocked = None, False
        for callback in self._on_lost:
            callback()
        ended.set_result(error)


def _as_exception(error: BaseException | str) -> BaseException:
    return error if isinstance(error, BaseException) else ConnectionError(error)
