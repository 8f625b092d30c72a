"""The gateway's address as its callers know it, which is not the one that it listens at."""

from collections.abc import Sequence
from ipaddress import ip_address

from gateway.exchange import Exchange
from gateway.networks import Network, is_allowed


class PublicAddress:
    """Where callers reach the gateway: at `url` where that is set, else as the request says.

    What a proxy says in X-Forwarded-Proto and X-Forwarded-Host is believed of the `trusted` ones alone.
    """

    def __init__(self, url: str | None = None, trusted: Sequence[Network] = ()) -> None:
        self._url = url.rstrip("/") if url else None
        self._trusted = trusted

    def of(self, exchange: Exchange) -> str:
        """The address that was called, its query included."""
        scope = exchange.scope
        query = scope["query_string"].decode("latin-1")
        return f"{self._url or self._said(exchange)}{scope['path']}{'?' if query else ''}{query}"

    def _said(self, exchange: Exchange) -> str:
        headers = exchange.headers
        proto, host = str(exchange.scope.get("scheme", "http")), headers.get(b"host", b"")
        if self._comes_by_proxy(exchange):
            proto = _first(headers.get(b"x-forwarded-proto", proto.encode())).decode("latin-1")
            host = _first(headers.get(b"x-forwarded-host", host))
        return f"{proto}://{host.decode('latin-1')}"

    def _comes_by_proxy(self, exchange: Exchange) -> bool:
        client = exchange.scope.get("client")
        if not client:
            return False
        try:
            return is_allowed(ip_address(client[0]), self._trusted)
        except ValueError:
            return False


def _first(listed: bytes) -> bytes:
    """What the proxy nearest to the caller said."""
    return listed.partition(b",")[0].strip()
