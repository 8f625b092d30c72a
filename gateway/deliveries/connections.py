"""Connections to receivers, kept open and used again; at a request, only those to its own origin are looked at.

httpcore's pool looks at all of them, each with a call of the system: with many receivers that was most of the work.
"""

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpcore

Origin = tuple[bytes, bytes, int]


class Connections:
    """Sends requests, each over a connection that is idle or over a new one, of which there is no most."""

    def __init__(self, tls: ssl.SSLContext, network: httpcore.AsyncNetworkBackend, kept_open: float) -> None:
        self._tls, self._network, self._kept_open = tls, network, kept_open
        self._idle: dict[Origin, list[httpcore.AsyncHTTPConnection]] = {}  # those used last come last
        self._look_at = 0.0

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """The answer, whose connection is free again once it is closed; raises httpcore's errors."""
        origin = request.url.origin
        key = (origin.scheme, origin.host, origin.port)
        connection = await self._take(key) or httpcore.AsyncHTTPConnection(
            origin, self._tls, keepalive_expiry=self._kept_open, network_backend=self._network
        )
        try:
            answer = await connection.handle_async_request(request)
        except BaseException:
            await connection.aclose()
            raise

        async def free() -> None:
            if connection.is_idle():
                self._idle.setdefault(key, []).append(connection)
            else:
                await connection.aclose()

        content = _Content(answer.stream, free)
        return httpcore.Response(answer.status, headers=answer.headers, content=content, extensions=answer.extensions)

    async def aclose(self) -> None:
        """Closes those that are idle."""
        idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                await connection.aclose()

    async def _take(self, key: Origin) -> httpcore.AsyncHTTPConnection | None:
        await self._close_expired()
        idle = self._idle.get(key, [])
        while idle:
            connection = idle.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _close_expired(self) -> None:
        """Once in a while, those of receivers too to whom nothing is sent any more."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + self._kept_open
        expired = []
        for key, connections in list(self._idle.items()):
            over = [each for each in connections if each.has_expired()]
            expired += over
            if left := [each for each in connections if each not in over]:
                self._idle[key] = left
            else:
                del self._idle[key]
        for connection in expired:
            await connection.aclose()


class _Content:
    """What an answer holds; says when it is closed."""

    def __init__(self, stream: Any, closed: Callable[[], Awaitable[None]]) -> None:
        self._stream, self._closed = stream, closed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
        await self._closed()


class Corked(httpcore.AsyncNetworkStream):
    """A connection that sends what is written once something is to be read: head and body of a request together."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._written: list[bytes] = []
        self._patience: float | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What comes next, after all that was written is sent."""
        if self._written:
            written, self._written = b"".join(self._written), []
            # It may have answered before it had all of it, and closed: that answer is read.
            with suppress(httpcore.WriteError):
                await self._stream.write(written, self._patience)
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Keeps it until something is to be read."""
        self._written.append(buffer)
        self._patience = timeout

    async def aclose(self) -> None:
        """Closes it."""
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """The same, encrypted."""
        return Corked(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """What is known of it."""
        return self._stream.get_extra_info(info)
