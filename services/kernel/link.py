"""One AMQP connection: kept open for ever and served by one thread, or one greenlet of a cooperative process."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pika
import structlog
from pika.exceptions import AMQPError

from services.kernel.amqp import FAREWELL, STEADY, parameters
from services.kernel.backoff import pauses

log = structlog.get_logger(__name__)

LOST = (AMQPError, OSError)  # what `serve` raises when the connection is gone


class Stopping(Exception):  # noqa: N818 - an order, not a mistake
    """Told to stop while something could not be finished: the broker keeps its messages."""


class OneSendATurn(pika.SelectConnection):  # type: ignore[misc]  # pika has no types
    """Sends all that was written since the last turn with one system call; pika makes three of one message."""

    def __init__(self, parameters: pika.URLParameters, **callbacks: Callable[..., None]) -> None:
        self._written: list[bytes] = []
        super().__init__(parameters, **callbacks)
        self.ioloop.activate_poller()

    def turn(self) -> None:
        """Send what was written, then wait for something to happen and have its callbacks called."""
        self._send()
        self.ioloop.poll()
        self.ioloop.process_timeouts()

    def _adapter_emit_data(self, data: bytes) -> None:
        self._written.append(data)

    def _send(self) -> None:
        data = b"".join(self._written)
        self._written.clear()
        if data and not self.is_closed:
            super()._adapter_emit_data(data)


class Link:
    """Connects, hands a channel to `live`, and does it again with a backoff whenever that raises one of `LOST`.

    `live(channel)` calls `serve` over and over, and returns once `stopping` is set and its work is finished. A pika
    connection belongs to one thread: others leave something for it to do and call `wake`. `told_to_stop` may be shared:
    who sets it without calling `stop` is heard by a `live` that serves for short times only.
    """

    def __init__(
        self, amqp_url: str, name: str, live: Callable[[Any], None], told_to_stop: threading.Event | None = None
    ) -> None:
        self._parameters = parameters(amqp_url, name)
        self._name = name
        self._live = live
        self._told_to_stop = told_to_stop or threading.Event()
        self._connection: Any = None
        self._lost: BaseException | None = None
        self._woken = False

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._told_to_stop.is_set()

    def run(self) -> None:
        """Live until told to stop."""
        waits = pauses()
        while not self.stopping:
            began = time.monotonic()
            try:
                self._connect_and_live()
            except LOST as error:
                if time.monotonic() - began > STEADY:
                    waits = pauses()
                pause = next(waits)
                log.warning("link.lost", link=self._name, reason=repr(error), retry_in=round(pause, 2))
                self._told_to_stop.wait(timeout=pause)
            except Stopping:
                log.warning("link.left_unfinished", link=self._name)

    def stop(self) -> None:
        """Ask `live` to finish."""
        self._told_to_stop.set()
        self.wake()

    def serve(self, seconds: float | None = None) -> None:
        """Exchange data with the broker until something has happened, `wake` was called or the time is over."""
        timer = None if seconds is None else self._connection.ioloop.call_later(seconds, _nothing)
        self._connection.turn()
        self._woken = False
        if timer is not None:
            self._connection.ioloop.remove_timeout(timer)
        if self._lost is not None:
            raise self._lost

    def pause(self, seconds: float) -> None:
        """Serve for so long; raises `Stopping` if told to stop."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.stopping:
                raise Stopping
            self.serve(left)

    def wake(self) -> None:
        """Have `serve` return."""
        if self._connection is not None and not self._woken:
            self._woken = True
            self._connection.ioloop.add_callback_threadsafe(_nothing)

    def _connect_and_live(self) -> None:
        self._lost, self._woken = None, False
        channels: list[Any] = []
        connection = self._connection = OneSendATurn(
            self._parameters,
            on_open_callback=lambda opened: opened.channel(on_open_callback=channels.append),
            on_open_error_callback=self._gone,
            on_close_callback=self._gone,
        )
        try:
            while not channels:
                self.serve()
            # neither the end of a channel nor that of a consumer (its queue was deleted) ends the connection by itself
            channels[0].add_on_close_callback(self._gone)
            channels[0].add_on_cancel_callback(lambda frame: self._gone(channels[0], frame.method))
            log.info("link.connected", link=self._name)
            self._live(channels[0])
        finally:
            self._connection = None
            _close(connection)

    def _gone(self, _where: Any, reason: Any) -> None:
        self._lost = self._lost or (reason if isinstance(reason, AMQPError) else ConnectionError(repr(reason)))


def _close(connection: OneSendATurn) -> None:
    until = time.monotonic() + FAREWELL
    if connection.is_open:
        connection.close()
    while not connection.is_closed and time.monotonic() < until:
        connection.turn()
    connection.ioloop.deactivate_poller()
    connection.ioloop.close()


def _nothing() -> None: ...
