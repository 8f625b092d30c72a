"""Screens that follow the floor while facts come in: how fast ingest is with them, beside how fast it is without."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import click

LISTENERS = 200
PATIENCE_SECONDS = 30
AT_ONCE = 20  # connections opened together


@dataclass
class Heard:
    """What all screens together have heard."""

    listening: int = 0
    events: int = 0
    broken: int = 0


class Screen(asyncio.Protocol):
    """One connection that follows the stream and counts its events."""

    def __init__(self, request: bytes, heard: Heard) -> None:
        self._request, self._heard = request, heard
        self._follows = False
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open: ask."""
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """More of the stream."""
        if not self._follows and data.startswith(b"HTTP/1.1 200"):
            self._follows = True
            self._heard.listening += 1
        text = self._tail + data
        self._heard.events += text.count(b"event: live\n")
        self._tail = text[-len(b"event: live\n") + 1 :]

    def connection_lost(self, _error: Exception | None) -> None:
        """It has ended."""
        self._heard.broken += 1


@contextmanager
def listening(url: str, token: str, screens: int = LISTENERS) -> Iterator[Heard]:
    """So many screens follow the floor at `url` from a thread of their own.

    Raises a `click.ClickException` where not all of them were let in, or one did not hear to the end.
    """
    heard, done = Heard(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_follow(url, token, screens, heard, done)), daemon=True)
    thread.start()
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while heard.listening < screens:
            if time.monotonic() > until or heard.broken:
                raise click.ClickException(f"{heard.listening} of {screens} screens were let in; {heard.broken} broke.")
            time.sleep(0.05)
        yield heard
        if heard.broken:
            raise click.ClickException(f"{heard.broken} of {screens} screens were cut off.")
    finally:
        done.set()
        thread.join()


async def _follow(url: str, token: str, screens: int, heard: Heard, done: threading.Event) -> None:
    parts, loop = urlsplit(url), asyncio.get_running_loop()
    head = f"GET /v1/live/stream HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
    request = f"{head}Accept: text/event-stream\r\n\r\n".encode()
    opened: list[asyncio.BaseTransport] = []
    while len(opened) < screens and not done.is_set():
        some = min(AT_ONCE, screens - len(opened))
        connections = [
            loop.create_connection(lambda: Screen(request, heard), parts.hostname, parts.port) for _ in range(some)
        ]
        opened += [transport for transport, _ in await asyncio.gather(*connections)]
    while not done.is_set():
        await asyncio.sleep(0.1)
    for transport in opened:
        transport.close()
