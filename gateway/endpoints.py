"""Which handler answers which path and method."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from starlette.routing import Match, Route, Router
from starlette.types import Receive, Scope, Send

from gateway.exchange import Exchange
from gateway.problems import Problem

Handler = Callable[[Exchange], Awaitable[None]]


class Entry(NamedTuple):
    """One line of the table: `path` in Starlette's notation (`/v1/calls/{id}`)."""

    method: str
    path: str
    handler: Handler


class Endpoints:
    """The table of all paths: plain ones are found at once, those with parameters by Starlette's routes."""

    def __init__(self, entries: Iterable[Entry], lifespan: Any) -> None:
        self.table: dict[str, dict[str, Handler]] = {}  # by path, then by method
        for method, path, handler in entries:
            methods = self.table.setdefault(path, {})
            methods[method] = handler
            if method == "GET":
                methods["HEAD"] = handler
        # Longer ones first: a name may hold slashes, and `…/{name:path}` would swallow `…/{name:path}/history`.
        with_parameters = sorted((path for path in self.table if "{" in path), key=len, reverse=True)
        self._routes = [(path, Route(path, _no_app)) for path in with_parameters]
        self._lifespan = Router(lifespan=lifespan)

    def handler(self, exchange: Exchange) -> Handler:
        """What answers a request; the parameters in its path are put in its scope, its route is named.

        Raises:
            Problem: there is no such path (404), or not for this method (405).
        """
        scope = exchange.scope
        path = scope["path"]
        methods = self.table.get(path) if "{" not in path else None
        if methods is None:
            path, methods = self._with_parameters(scope)
        exchange.route = path
        handler = methods.get(scope["method"])
        if handler is None:
            raise Problem("request.method_not_allowed", headers={"Allow": ", ".join(sorted(methods))})
        return handler

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Starts and stops what the endpoints need."""
        await self._lifespan(scope, receive, send)

    def _with_parameters(self, scope: Scope) -> tuple[str, dict[str, Handler]]:
        for path, route in self._routes:
            match, found = route.matches(scope)
            if match is not Match.NONE:
                scope.update(found)
                return path, self.table[path]
        raise Problem("request.not_found")


async def _no_app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Routes only match here; what they would call is never called."""
    raise NotImplementedError
