"""HTTP to addresses that others have given us, and only to such as they may send us to.

Who may name an address must not reach through us what stands beside us: other services, the host itself, the metadata
of a cloud. So a name is resolved at every connection, all of its addresses are looked at, and the connection is made to
one of those very addresses: a name that means something else a moment later changes nothing. TLS verifies the name.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import httpcore
import httpx

from gateway.deliveries.connections import Connections, Corked
from gateway.networks import Address, Network, is_allowed, is_public

LOOKUPS = 32  # at once; names whose server is silent must not hold the others up
KEPT_OPEN = 10.0  # seconds
SCHEMES = ("https", "http")


class Refused(httpcore.ConnectError):
    """The name leads where nobody may be sent."""


class Resolver:
    """Finds the addresses of names, and refuses a name that has one which may not be sent to.

    Every public address may with TLS, and with or without it what is in the networks that are `allowed`.
    """

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="resolver")

    async def addresses(self, host: str, port: int, *, encrypted: bool) -> list[Address]:
        """The addresses of a host; raises Refused, or httpcore.ConnectError where it has none."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error
        addresses = [ip_address(each[4][0]) for each in found]
        if refused := [str(each) for each in addresses if not self._may_be_sent_to(each, encrypted)]:
            raise Refused(f"{host} is at {', '.join(refused)}, where nothing may be sent")
        return addresses

    def close(self) -> None:
        """Lets go of its threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _may_be_sent_to(self, address: Address, encrypted: bool) -> bool:
        return is_allowed(address, self._allowed) or (encrypted and is_public(address))


class Guard(httpcore.AsyncNetworkBackend):
    """Connects to the very addresses that a resolver has found and not refused."""

    def __init__(self, resolver: Resolver, *, encrypted: bool) -> None:
        self._resolver, self._encrypted = resolver, encrypted
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first of a host's addresses that takes it."""
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in await self._resolver.addresses(host, port, encrypted=self._encrypted):
            try:
                stream = await self._backend.connect_tcp(str(address), port, timeout, local_address, socket_options)
                return Corked(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


class GuardedTransport(httpx.AsyncBaseTransport):
    """What an `httpx.AsyncClient` sends through, knowing neither proxies nor ways around the guard."""

    def __init__(self, resolver: Resolver, tls: ssl.SSLContext | None = None) -> None:
        context = tls or ssl.create_default_context()
        self._resolver = resolver
        self._ways = {scheme: _through(Guard(resolver, encrypted=scheme == "https"), context) for scheme in SCHEMES}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request; raises httpx.ConnectError, whose cause is Refused, where it may not be sent."""
        return await self._ways[request.url.scheme].handle_async_request(request)

    async def aclose(self) -> None:
        """Closes what is kept open."""
        for way in self._ways.values():
            await way.aclose()
        self._resolver.close()


def _through(guard: Guard, context: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
    made = httpx.AsyncHTTPTransport(verify=context, trust_env=False)
    # httpcore lets one choose the network, httpx has no argument for it and only translates requests and errors.
    made._pool = Connections(context, guard, KEPT_OPEN)  # type: ignore[assignment]  # noqa: SLF001
    return made
