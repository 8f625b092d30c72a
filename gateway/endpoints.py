"""Which handler answers which path and method."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from starlette.routing import Route, Router

from gateway.exchange import KEY, Exchange, Receive, Scope, Send
from gateway.problems import Problem

Handler = Callable[[Exchange], Awaitable[None]]


class Entry(NamedTuple):
    """One line of the table: `path` in Starlette's notation (`/v1/calls/{id}`)."""

    method: str
    path: str
    handler: Handler


class Endpoint:
    """All methods of one path."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.handlers: dict[str, Handler] = {}

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """Hands the request to the handler of its method."""
        exchange: Exchange = scope[KEY]
        exchange.route = self.path
        handler = self.handlers.get(scope["method"])
        if handler is None:
            raise Problem("request.method_not_allowed", headers={"Allow": ", ".join(sorted(self.handlers))})
        await handler(exchange)


class Endpoints:
    """The table of all paths: plain ones are found at once, those with parameters by Starlette's router."""

    def __init__(self, entries: Iterable[Entry], lifespan: Any) -> None:
        endpoints: dict[str, Endpoint] = {}
        for method, path, handler in entries:
            endpoint = endpoints.setdefault(path, Endpoint(path))
            endpoint.handlers[method] = handler
            if method == "GET":
                endpoint.handlers["HEAD"] = handler
        self._plain = {path: endpoint for path, endpoint in endpoints.items() if "{" not in path}
        # Longer ones first: a name may hold slashes, and `…/{name:path}` would swallow `…/{name:path}/history`.
        routes = [Route(path, endpoints[path]) for path in sorted(endpoints, key=len, reverse=True) if "{" in path]
        self._router = Router(routes, redirect_slashes=False, default=_not_found, lifespan=lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Finds the endpoint of the path; raises a 404 where there is none."""
        endpoint = self._plain.get(scope["path"]) if scope["type"] == "http" else None
        await (endpoint or self._router)(scope, receive, send)


async def _not_found(scope: Scope, _receive: Receive, _send: Send) -> None:
    if scope["type"] == "http":
        raise Problem("request.not_found")
